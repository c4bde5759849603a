"""How long a laptop takes: `tidegate run --local` as a whole, and a hop of a chain in the sandbox."""

import asyncio
import tempfile
from pathlib import Path

from bench.commands import seconds
from bench.flows import chain, write
from bench.runs import NAMESPACE, Timed, timed
from bench.tables import SPREAD, spread, table
from tidegate.cli.applying import apply_all
from tidegate.cli.embedded import embedded

RUNS = 7
LENGTH = 20
HELLO = "manifests/samples/hello.yaml"


def run() -> None:
    """Measure both."""
    hello = [seconds("run", "--local", HELLO) for _ in range(RUNS)]
    with tempfile.TemporaryDirectory() as folder:
        path = str(write(Path(folder), chain(LENGTH)))
        whole = [seconds("run", "--local", path) for _ in range(RUNS)]
    rows = [["hello", *spread(hello), "2 s"], [f"chain of {LENGTH}", *spread(whole), ""]]
    table(f"tidegate run --local, from process start to exit, {RUNS} runs", ("flow", *SPREAD, "target"), rows)
    _show_hops(asyncio.run(_chains()))


def _show_hops(pairs: list[tuple[Timed, Timed]]) -> None:
    hops = [1000 * (long.seconds - short.seconds) / (LENGTH - 1) for short, long in pairs]
    rows = [
        ["run of 1 task", *spread([1000 * short.seconds for short, _ in pairs], "ms", 0), ""],
        [f"run of {LENGTH} tasks", *spread([1000 * long.seconds for _, long in pairs], "ms", 0), ""],
        [f"a hop: the difference by {LENGTH - 1}", *spread(hops, "ms", 1), "50 ms"],
        [f"status writes, run of {LENGTH}, deciding", *_counts([long.deciding for _, long in pairs]), ""],
        [f"status writes, run of {LENGTH}, cosmetic", *_counts([long.cosmetic for _, long in pairs]), ""],
    ]
    title = f"chains of no-op tasks in one sandbox, {RUNS} pairs; pods are processes of this machine"
    table(title, ("what", *SPREAD, "target"), rows)


def _counts(found: list[int]) -> list[str]:
    ordered = sorted(found)
    return [str(ordered[0]), str(ordered[len(ordered) // 2]), str(ordered[-1])]


async def _chains() -> list[tuple[Timed, Timed]]:
    """Run a chain of one and a chain of LENGTH in turn, after one of each to warm up."""
    async with embedded() as here:
        client = here.connection.client
        await apply_all(client, [chain(1), chain(LENGTH)], NAMESPACE)
        pairs = []
        for index in range(RUNS + 1):
            short = await here.unless_broken(timed(client, "chain-1", f"short-{index}"))
            long = await here.unless_broken(timed(client, f"chain-{LENGTH}", f"long-{index}"))
            pairs.append((short, long))
    return pairs[1:]
