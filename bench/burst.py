"""A thousand tasks of one run end in one moment: how long do hops of other runs take meanwhile?

The cluster is the sandbox with containers that are no processes, in this process; the operator is one of its own.
"""

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bench.fakes import Fakes, fake_cluster
from bench.flows import chain, flow
from bench.operators import OperatorProcess, operator
from bench.runs import NAMESPACE
from bench.tables import table
from tidegate.api import keys
from tidegate.cli.applying import apply_all
from tidegate.kube.client import Client
from tidegate.kube.credentials import load_credentials
from tidegate.kube.http import HttpClient
from tidegate.kube.resources import FLOWRUNS
from tidegate.sandbox.kinds import JOBS, Kind

WIDE = 1000
CHAINS, LENGTH = 4, 50
QUIET_SECONDS = 5
AT_A_TIME = 25
"""Completions between two looks at the loop: the server goes on answering meanwhile."""


@dataclass(slots=True)
class Hops:
    """When pods of the chains ended and Jobs came, on one clock; a hop is an end until its run's next Job.

    `ends` counts pods by run.
    """

    taken: list[tuple[float, float]] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    _since: dict[str, float] = field(default_factory=dict)

    def ended(self, run: str) -> None:
        """Note the end of a pod."""
        self.ends[run] += 1
        self._since[run] = time.perf_counter()

    def changed(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        """Note a Job that comes."""
        if kind is JOBS and change == "ADDED":
            began = self._since.pop((obj["metadata"].get("labels") or {}).get(keys.LABEL_RUN, ""), None)
            if began is not None:
                self.taken.append((began, time.perf_counter()))

    def during(self, since: float, until: float) -> list[float]:
        """Give the milliseconds of hops that began within a time, in order of size."""
        return sorted(1000 * (done - began) for began, done in self.taken if since <= began <= until)


def run() -> None:
    """Measure a burst of tasks, and one of items."""
    rows = [row for wide in (_tasks(), _items()) for row in asyncio.run(_measure(wide))]
    heads = ("meanwhile", "seconds", "operator's CPU", "hops of others", "p50", "p99", "max", "target of p99")
    table(f"hops of {CHAINS} chains while {WIDE:,} completions of another run are worked on", heads, rows)


def _tasks() -> dict[str, Any]:
    tasks = [{"name": f"t{index}", "image": "busybox:1.36", "command": ["true"]} for index in range(WIDE)]
    return flow("tasks", tasks, parallelism=WIDE)


def _items() -> dict[str, Any]:
    task = {"name": "each", "image": "busybox:1.36", "command": ["true"]}
    items = {"items": list(range(WIDE)), "parallelism": WIDE}
    return flow("items", [{**task, "forEach": items}], parallelism=WIDE)


async def _measure(wide: dict[str, Any]) -> list[list[str]]:
    hops, name = Hops(), wide["metadata"]["name"]
    async with fake_cluster(hops.ended, hops.changed) as (fakes, path), _operator(str(path)) as process:
        fakes.holding.add(name)
        client = HttpClient(load_credentials(kubeconfig=str(path)), rng=random.Random(1))  # noqa: S311  jitter
        await apply_all(client, [wide, chain(LENGTH)], NAMESPACE)
        await _start(client, name, name)
        await _until(lambda: len(fakes.held.get(name, ())) == WIDE)
        others = [asyncio.create_task(_run_chains(client, hops, number)) for number in range(CHAINS)]
        try:
            quiet = await _timed(process, hops, lambda: asyncio.sleep(QUIET_SECONDS))
            burst = await _timed(process, hops, lambda: _burst(client, fakes, name))
        finally:
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await client.close()
    return [[f"{WIDE:,} {name} that run", *quiet, ""], [f"{WIDE:,} {name} end", *burst, "200 ms"]]


@contextlib.asynccontextmanager
async def _operator(kubeconfig: str) -> AsyncIterator[OperatorProcess]:
    """Run the operator; it starts and ends beside the loop that serves it."""
    stack = contextlib.ExitStack()
    try:
        yield await asyncio.to_thread(stack.enter_context, operator(kubeconfig))
    finally:
        await asyncio.to_thread(stack.close)


async def _timed(process: OperatorProcess, hops: Hops, work: Callable[[], Awaitable[None]]) -> list[str]:
    """Do some work; give cells of what it took, and of the hops meanwhile."""
    began, cpu = time.perf_counter(), process.total("process_cpu_seconds_total")
    await work()
    ended, spent = time.perf_counter(), process.total("process_cpu_seconds_total") - cpu
    await asyncio.sleep(1.0)  # for the last hops
    found = hops.during(began, ended)
    at = [f"{found[min(len(found) - 1, round(len(found) * share))]:.0f} ms" for share in (0.5, 0.99, 1.0)]
    return [f"{ended - began:.1f}", f"{spent:.1f}", str(len(found)), *at]


async def _burst(client: Client, fakes: Fakes, name: str) -> None:
    """Have everything of the wide run end, and wait for the end of the run."""
    for number, uid in enumerate(fakes.held[name]):
        fakes.end(name, uid)
        if number % AT_A_TIME == 0:
            await asyncio.sleep(0)
    while "completionTime" not in ((await client.get(FLOWRUNS, NAMESPACE, name)).get("status") or {}):
        await asyncio.sleep(0.1)


async def _run_chains(client: Client, hops: Hops, number: int) -> None:
    """Have one chain after the other, until cancelled."""
    for turn in itertools.count():
        name = f"chain-{number}-{turn}"
        await _start(client, f"chain-{LENGTH}", name)
        await _until(lambda name=name: hops.ends[name] == LENGTH)  # type: ignore[misc]  bound at once


async def _start(client: Client, flow_name: str, name: str) -> None:
    body = {"apiVersion": keys.API_VERSION, "kind": "FlowRun", "metadata": {"name": name}}
    await client.create(FLOWRUNS, NAMESPACE, {**body, "spec": {"flowRef": {"name": flow_name}}})


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.02)
