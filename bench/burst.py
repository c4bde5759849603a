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

WIDE, ROUNDS = 1000, 3
CHAINS, LENGTH = 4, 50
QUIET_SECONDS = 3


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
        """Give the milliseconds of hops that began within a time."""
        return [1000 * (done - began) for began, done in self.taken if since <= began <= until]


@dataclass(slots=True)
class Found:
    """What was measured in all rounds: seconds, those of the operator's CPU, milliseconds of hops."""

    seconds: float = 0.0
    cpu: float = 0.0
    hops: list[float] = field(default_factory=list)

    def row(self, name: str, target: str) -> list[str]:
        """Give a row of the table; times of a round."""
        ordered = sorted(self.hops)
        at = [f"{ordered[round((len(ordered) - 1) * share)]:.0f} ms" for share in (0.5, 0.99, 1.0)]
        return [name, f"{self.seconds / ROUNDS:.1f}", f"{self.cpu / ROUNDS:.1f}", str(len(ordered)), *at, target]


def run() -> None:
    """Measure a burst of tasks, and one of items."""
    rows = []
    for wide in (_tasks(), _items()):
        quiet, burst, name = Found(), Found(), wide["metadata"]["name"]
        for _ in range(ROUNDS):
            asyncio.run(_measure(wide, quiet, burst))
        rows += [quiet.row(f"{WIDE:,} {name} run", ""), burst.row(f"{WIDE:,} {name} end", "200 ms")]
    heads = ("meanwhile", "seconds", "operator's CPU", "hops of others", "p50", "p99", "max", "target of p99")
    table(
        f"hops of {CHAINS} chains while {WIDE:,} completions of another run are worked on, {ROUNDS} rounds", heads, rows
    )


def _tasks() -> dict[str, Any]:
    tasks = [{"name": f"t{index}", "image": "busybox:1.36", "command": ["true"]} for index in range(WIDE)]
    return flow("tasks", tasks, parallelism=WIDE)


def _items() -> dict[str, Any]:
    task = {"name": "each", "image": "busybox:1.36", "command": ["true"]}
    items = {"items": list(range(WIDE)), "parallelism": WIDE}
    return flow("items", [{**task, "forEach": items}], parallelism=WIDE)


async def _measure(wide: dict[str, Any], quiet: Found, burst: Found) -> None:
    hops, name = Hops(), wide["metadata"]["name"]
    async with fake_cluster(hops.ended, hops.changed) as (fakes, path), _operator(str(path)) as process:
        fakes.holding.add(name)
        client = HttpClient(load_credentials(kubeconfig=str(path)), rng=random.Random(1))  # noqa: S311  jitter
        await apply_all(client, [wide, chain(LENGTH)], NAMESPACE)
        await _start(client, name, name)
        await _until(lambda: len(fakes.held.get(name, ())) == WIDE)
        others = [asyncio.create_task(_run_chains(client, hops, number)) for number in range(CHAINS)]
        try:
            await _timed(process, hops, quiet, lambda: asyncio.sleep(QUIET_SECONDS))
            await _timed(process, hops, burst, lambda: _burst(client, fakes, name))
        finally:
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await client.close()


@contextlib.asynccontextmanager
async def _operator(kubeconfig: str) -> AsyncIterator[OperatorProcess]:
    """Run the operator; it starts and ends beside the loop that serves it."""
    stack = contextlib.ExitStack()
    try:
        yield await asyncio.to_thread(stack.enter_context, operator(kubeconfig))
    finally:
        await asyncio.to_thread(stack.close)


async def _timed(process: OperatorProcess, hops: Hops, found: Found, work: Callable[[], Awaitable[None]]) -> None:
    """Do some work; add what it took, and the hops meanwhile."""
    began, cpu = time.perf_counter(), process.total("process_cpu_seconds_total")
    await work()
    ended = time.perf_counter()
    found.seconds += ended - began
    found.cpu += process.total("process_cpu_seconds_total") - cpu
    await asyncio.sleep(1.0)  # for the last hops
    found.hops += hops.during(began, ended)


async def _burst(client: Client, fakes: Fakes, name: str) -> None:
    """Have everything of the wide run end, and wait for the end of the run; between two pods the server may answer."""
    for uid in fakes.held[name]:
        fakes.end(name, uid)
        await asyncio.sleep(0)
    version = (await client.list(FLOWRUNS, NAMESPACE)).resource_version
    if "completionTime" in ((await client.get(FLOWRUNS, NAMESPACE, name)).get("status") or {}):
        return
    async for change in client.watch(FLOWRUNS, NAMESPACE, resource_version=version):
        if change.object["metadata"].get("name") == name and "completionTime" in change.object["status"]:
            return


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
    while not holds():  # noqa: ASYNC110  what is waited for has no event
        await asyncio.sleep(0.02)
