"""Many Flows due in the same second: how late their runs start, and how fast they are drained."""

import asyncio
import contextlib
import functools
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.operators import OperatorProcess, operator
from bench.tables import table
from tidegate.api.conditions import timestamp
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, Kind
from tidegate.sandbox.sandbox import Sandbox

SIZES = (500, 10_000)
NAMESPACE = "default"
IDLE_SECONDS = 10.0

_JUDGED_A_SECOND = 40
"""So many Flows at least are judged and marked a second before they are due; the more, the longer it takes to begin."""


@dataclass(slots=True)
class Seen:
    """What the API server saw: when runs came and when they ended, in seconds after they were due."""

    due: float = 0.0
    created: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    marked: set[str] = field(default_factory=set)

    def changed(self, kind: Kind, change: str, obj: Mapping[str, Any]) -> None:
        """Take a change of the model."""
        status, name = obj.get("status") or {}, obj["metadata"]["name"]
        if kind is FLOWS and "triggers" in status:
            self.marked.add(name)
        elif kind is FLOWRUNS and change == "ADDED":
            self.created[name] = time.time() - self.due
        elif kind is FLOWRUNS and "completionTime" in status:
            self.ended.setdefault(name, time.time() - self.due)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one size showed; `marked` are the Flows whose triggers were known before they were due."""

    seen: Seen
    marked: int
    rss: float
    peak: float
    idle: float
    cpu: float


def run() -> None:
    """Measure each size against a sandbox in this process; the operator is a process of its own."""
    sizes = [int(size) for size in os.environ.get("BENCH_FLOWS", "").split(",") if size] or SIZES
    rows = [_row(size, asyncio.run(_measured(size))) for size in sizes]
    heads = ("flows", "known before", "start p50", "start p99", "last start", "starts/s", "all ended", "RSS", "peak")
    title = "cron flows due in the same second; one free task each; the sandbox is the API server, on the same cores"
    table(title, (*heads, "idle CPU", "CPU a run"), rows)


def _row(size: int, found: Measured) -> list[str]:
    starts = sorted(found.seen.created.values())
    return [
        f"{size:,}",
        f"{found.marked:,}",
        f"{starts[len(starts) // 2]:.2f} s",
        f"{starts[len(starts) * 99 // 100]:.2f} s",
        f"{starts[-1]:.2f} s",
        f"{len(starts) / max(0.01, starts[-1]):.0f}",
        f"{max(found.seen.ended.values()):.1f} s",
        f"{found.rss:.0f} MB",
        f"{found.peak:.0f} MB",
        f"{found.idle:.1f} %",
        f"{1000 * found.cpu / size:.1f} ms",
    ]


async def _measured(size: int) -> Measured:
    seen = Seen()
    async with _cluster() as (sandbox, kubeconfig):
        sandbox.world.on_change(seen.changed)
        seen.due = int(time.time()) + 20.0 + size / _JUDGED_A_SECOND
        for number in range(size):
            sandbox.world.create(FLOWS, _flow(number, seen.due), namespace=NAMESPACE)
        stack = contextlib.ExitStack()
        process = await asyncio.to_thread(stack.enter_context, operator(str(kubeconfig)))
        try:
            return await _watched(size, seen, process)
        finally:
            await asyncio.to_thread(stack.close)


async def _watched(size: int, seen: Seen, process: OperatorProcess) -> Measured:
    await _until(lambda: len(seen.marked) == size or time.time() > seen.due - IDLE_SECONDS - 2)
    before = _cpu(process.pid)
    await asyncio.sleep(IDLE_SECONDS)
    idle = 100 * (_cpu(process.pid) - before) / IDLE_SECONDS
    marked, rss = len(seen.marked), process.memory("Rss")
    await asyncio.sleep(max(0.0, seen.due - time.time()))
    before = _cpu(process.pid)
    await _until(lambda: len(seen.ended) == size)
    return Measured(seen, marked, rss, process.memory("VmHWM"), idle, _cpu(process.pid) - before)


async def _until(is_so: Any, patience: float = 1800.0) -> None:
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError("the operator was to be done by now")
        await asyncio.sleep(0.05)


def _cpu(pid: int) -> float:
    """Give the CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def _cluster() -> AsyncIterator[tuple[Sandbox, Path]]:
    with tempfile.TemporaryDirectory(prefix="bench-schedules-") as folder:
        async with Sandbox() as sandbox:
            path = Path(folder) / "kubeconfig"
            sandbox.write_kubeconfig(path)
            yield sandbox, path


@functools.cache
def _tasks() -> list[dict[str, Any]]:
    return [{"name": "a", "set": {"x": 1}}]


def _flow(number: int, due: float) -> dict[str, Any]:
    interval = {"everySeconds": 86_400, "anchor": timestamp(due)}
    spec = {"tasks": _tasks(), "triggers": [{"name": "daily", "interval": interval}]}
    metadata = {"name": f"flow-{number}"}
    return {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": metadata, "spec": spec}
