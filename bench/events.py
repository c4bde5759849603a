"""From an event to the FlowRun that it starts: after runs of other Flows, and when objects are created."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.operators import operator
from bench.tables import table
from tidegate.sandbox.kinds import CONFIGMAPS, FLOWRUNS, FLOWS, Kind
from tidegate.sandbox.sandbox import Sandbox

EVENTS = 500
EVERY = 0.05
"""Seconds between two events: an operator that has time. Many at once are `schedules`' matter."""
NAMESPACE = "default"

_API = "tidegate.dev/v1alpha1"
_AFTER = {"name": "after", "flow": {"flows": ["first"]}}
_CREATED = {"name": "created", "watch": {"resource": "configmaps", "selector": {"matchLabels": {"bench": "events"}}}}


@dataclass(slots=True)
class Seen:
    """When the API server took things, by the `event` label or the name they are known by."""

    happened: dict[str, float] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    marked: set[str] = field(default_factory=set)

    def changed(self, kind: Kind, change: str, obj: Mapping[str, Any]) -> None:
        """Take a change of the model."""
        now, name = time.perf_counter(), obj["metadata"]["name"]
        if kind is FLOWS and "triggers" in (obj.get("status") or {}):
            self.marked.add(name)
        elif kind is CONFIGMAPS and change == "ADDED":
            self.happened[name] = now
        elif kind is FLOWRUNS and obj["spec"]["flowRef"]["name"] == "first":
            if "completionTime" in (obj.get("status") or {}):
                self.happened.setdefault(name, now)
        elif kind is FLOWRUNS and change == "ADDED":
            self.started[obj["spec"]["params"]["of"]] = now


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of trigger, what its runs take of an event, and how an event is made to happen."""

    name: str
    trigger: Mapping[str, Any]
    of: str
    make: Callable[[Sandbox, str], object]


def run() -> None:
    """Measure each source against a sandbox in this process; the operator is a process of its own."""
    sources = (
        Source("flow: a run of another Flow has ended", _AFTER, "event.run.name", _a_run),
        Source("watch: a ConfigMap was created", _CREATED, "event.object.metadata.name", _a_configmap),
    )
    count = int(os.environ.get("BENCH_EVENTS", EVENTS))
    rows = [_row(source, count, asyncio.run(_measured(source, count))) for source in sources]
    title = f"from an event to the run that it starts, an event every {1e3 * EVERY:.0f} ms, as the API server saw both"
    table(title, ("source", "events", "runs", "p50", "p99", "most"), rows)
    print("The API server is the sandbox, in the bench's process, which makes the events as well.")


def _row(source: Source, count: int, seen: Seen) -> list[object]:
    took = sorted(seen.started[name] - seen.happened[name] for name in seen.started)
    shown = (took[len(took) // 2], took[len(took) * 99 // 100], took[-1])
    return [source.name, count, len(took), *(f"{1e3 * seconds:.1f} ms" for seconds in shown)]


async def _measured(source: Source, count: int) -> Seen:
    seen = Seen()
    async with _cluster() as (sandbox, kubeconfig):
        sandbox.world.on_change(seen.changed)
        sandbox.world.create(FLOWS, _flow("first", {}), namespace=NAMESPACE)
        trigger = {**source.trigger, "params": {"of": f"$[[ {source.of} ]]"}}
        params = [{"name": "of", "type": "string"}]
        sandbox.world.create(FLOWS, _flow("second", {"params": params, "triggers": [trigger]}), namespace=NAMESPACE)
        stack = contextlib.ExitStack()
        await asyncio.to_thread(stack.enter_context, operator(str(kubeconfig)))
        try:
            await _until(lambda: "second" in seen.marked)
            await asyncio.sleep(2.0)  # what happens in the second in which a trigger begins may be before it
            for number in range(count):
                source.make(sandbox, f"event-{number}")
                await asyncio.sleep(EVERY)
            await _until(lambda: len(seen.started) == count)
        finally:
            await asyncio.to_thread(stack.close)
    return seen


def _a_run(sandbox: Sandbox, name: str) -> None:
    run = {"apiVersion": _API, "kind": "FlowRun", "metadata": {"name": name}, "spec": {"flowRef": {"name": "first"}}}
    sandbox.world.create(FLOWRUNS, run, namespace=NAMESPACE)


def _a_configmap(sandbox: Sandbox, name: str) -> None:
    metadata = {"name": name, "labels": {"bench": "events"}}
    configmap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    sandbox.world.create(CONFIGMAPS, configmap, namespace=NAMESPACE)


def _flow(name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    spec = {"tasks": [{"name": "a", "set": {"x": 1}}], **more}
    return {"apiVersion": _API, "kind": "Flow", "metadata": {"name": name}, "spec": spec}


async def _until(is_so: Callable[[], bool], patience: float = 120.0) -> None:
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError("the operator was to be done by now")
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _cluster() -> AsyncIterator[tuple[Sandbox, Path]]:
    with tempfile.TemporaryDirectory(prefix="bench-events-") as folder:
        async with Sandbox() as sandbox:
            path = Path(folder) / "kubeconfig"
            sandbox.write_kubeconfig(path)
            yield sandbox, path
