"""A chain of no-op tasks on a real cluster, in turn with a client that waits for nothing but a container's end."""

import asyncio
import random
import statistics
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.clusters import bench_cluster
from bench.flows import chain
from bench.hops import hops
from bench.operators import OperatorProcess, operator
from bench.plain import BARE, like_ours, plain
from bench.runs import NAMESPACE, Timed, timed
from bench.tables import SPREAD, spread, table
from tidegate.cli.applying import apply_all
from tidegate.kube.client import Client
from tidegate.kube.credentials import load_credentials
from tidegate.kube.http import HttpClient

LENGTH = 10
REPEATS = 6
"""A multiple of the contenders, for each to be first equally often."""

QUIET_SECONDS = 4
"""Before each run: the Job controller is done with the one before by then."""


@dataclass(slots=True)
class Found:
    """What was measured: seconds of the plain client, our runs, and what the operator did for each of them.

    `hops` are milliseconds as an onlooker sees them, `told_hops` the mean of a run by the operator's own metric.
    """

    bare: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    plain_hops: list[float] = field(default_factory=list)
    ours: list[Timed] = field(default_factory=list)
    hops: list[float] = field(default_factory=list)
    told_hops: list[float] = field(default_factory=list)
    writes: list[Counter[str]] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def run() -> None:
    """Measure both, and count the operator's writes."""
    with bench_cluster() as cluster, operator(cluster.kubeconfig) as process:
        found = asyncio.run(_compare(cluster.kubeconfig, process))
        described = f"{cluster.described()}; operator at the end {process.memory('Rss'):.1f} MB"
    _show_times(found, described)
    _show_writes(found)


async def _compare(kubeconfig: str, process: OperatorProcess) -> Found:
    client = HttpClient(load_credentials(kubeconfig=kubeconfig), rng=random.Random(1))  # noqa: S311  jitter
    found = Found()
    try:
        await apply_all(client, [chain(LENGTH)], NAMESPACE)
        await timed(client, f"chain-{LENGTH}", "warm")
        spec = await like_ours(client, "warm")
        for index in range(REPEATS):
            await _round(client, process, index, spec, found)
    finally:
        await client.close()
    return found


async def _round(client: Client, process: OperatorProcess, index: int, spec: Mapping[str, Any], found: Found) -> None:
    """Run all three, each on a quiet cluster, and each round beginning with another."""
    contenders: list[Callable[[], Awaitable[None]]] = [
        lambda: _bare(client, f"bare-{index}", found),
        lambda: _plain(client, f"plain-{index}", spec, found),
        lambda: _ours(client, process, f"ours-{index}", found),
    ]
    first = index % len(contenders)
    for contender in contenders[first:] + contenders[:first]:
        await asyncio.sleep(QUIET_SECONDS)
        await contender()


async def _bare(client: Client, name: str, found: Found) -> None:
    found.bare.append(await plain(client, name, LENGTH, BARE))


async def _plain(client: Client, name: str, spec: Mapping[str, Any], found: Found) -> None:
    async with hops(client) as seen:
        found.plain.append(await plain(client, name, LENGTH, spec))
    found.plain_hops += seen.milliseconds()


async def _ours(client: Client, process: OperatorProcess, name: str, found: Found) -> None:
    """Run the chain once between two readings of the metrics; the second when no write is under way any more."""
    before, cpu, told = process.writes(), _cpu(process), _told(process)
    async with hops(client) as seen:
        found.ours.append(await timed(client, f"chain-{LENGTH}", name))
    found.hops += seen.milliseconds()
    found.cpu.append(_cpu(process) - cpu)
    found.told_hops.append(1000 * (_told(process) - told) / (LENGTH - 1))
    found.writes.append(process.settled_writes() - before)


def _cpu(process: OperatorProcess) -> float:
    return process.total("process_cpu_seconds_total")


def _told(process: OperatorProcess) -> float:
    return process.total("tidegate_hop_seconds_sum")


def _show_times(found: Found, described: str) -> None:
    ours = [run.seconds for run in found.ours]
    ratio = statistics.median(ours) / statistics.median(found.plain)
    rows = [
        ["plain client, a bare Job's pods", *spread(found.bare), ""],
        ["plain client, the very pods of Tidegate", *spread(found.plain), ""],
        ["Tidegate, FlowRun's POST to its end", *spread(ours), ""],
        ["ratio to the same pods, round by round", *spread(_ratios(ours, found.plain), "", 3), ""],
        ["ratio of these medians", "", f"{ratio:.3f}", "", "1.1"],
        ["a hop, seen from outside: plain client", *spread(found.plain_hops, "ms", 1), ""],
        ["a hop, seen from outside: Tidegate", *spread(found.hops, "ms", 1), ""],
        ["a hop by tidegate_hop_seconds, a run's mean", *spread(found.told_hops, "ms", 1), ""],
        ["operator's CPU for the run", *spread(found.cpu), ""],
    ]
    title = f"chain of {LENGTH} no-op tasks, {REPEATS} rounds of all three in turn; {described}"
    table(title, ("what", *SPREAD, "target"), rows)


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def _show_writes(found: Found) -> None:
    names = sorted(set().union(*found.writes))
    rows = [[name, *(str(writes[name]) for writes in found.writes)] for name in names]
    posts = [sum(count for name, count in writes.items() if name.startswith("create ")) for writes in found.writes]
    deciding = [run.deciding for run in found.ours]
    rows += [
        ["replace flowruns/status: deciding", *map(str, deciding)],
        ["replace flowruns/status: cosmetic", *(str(run.cosmetic) for run in found.ours)],
        ["POSTs and deciding PUTs", *(str(post + put) for post, put in zip(posts, deciding, strict=True))],
    ]
    title = f"writes of ours for one chain of {LENGTH} (target: 2n + 3 = {2 * LENGTH + 3} POSTs and deciding PUTs)"
    table(title, ("request", *(f"run {index + 1}" for index in range(REPEATS))), rows)
