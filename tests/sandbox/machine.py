"""A world and real processes for tests: pods are created in the model and run on this machine."""

import asyncio
import itertools
import os
import select
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tidegate.errors import NotFound
from tidegate.sandbox.kinds import CONFIGMAPS, PODS, SECRETS, Kind
from tidegate.sandbox.processes import Processes
from tidegate.sandbox.world import World

PATIENCE = 20.0
"""Seconds after which a test gives up to wait for something."""

Object = dict[str, Any]


class Machine:
    """Drives one world and its processes; waits for the world's changes, never for time."""

    def __init__(self, root: Path) -> None:
        uids = itertools.count(1)
        self.world = World(now=time.time(), new_uid=lambda: f"uid-{next(uids)}")
        self.processes = Processes(self.world, clock=time.time, root=root)
        self._changed = asyncio.Event()
        self.history: list[Object] = []
        """Every state of every pod."""
        self.world.on_change(self._note)

    def step(self) -> None:
        self.world.step(time.time())
        self.processes.poke()

    def create(self, kind: Kind, name: str, **fields: Any) -> Object:
        made = self.world.create(kind, {"metadata": {"name": name}, **fields}, namespace="default")
        self.step()
        return made

    def config(self, name: str, data: dict[str, str]) -> None:
        self.create(CONFIGMAPS, name, data=data)

    def secret(self, name: str, data: dict[str, str]) -> None:
        self.create(SECRETS, name, data=data)

    def pod(self, name: str = "p", *, containers: list[Object] | None = None, **fields: Any) -> Object:
        """Create a pod of one container `main` whose fields are given, or of `containers`."""
        spec = {key: fields.pop(key) for key in list(fields) if key in _OF_POD}
        metadata = {"name": name} | fields.pop("metadata", {})
        containers = containers or [{"name": "main", "image": "none", **fields}]
        spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 30, **spec, "containers": containers}
        made = self.world.create(PODS, {"metadata": metadata, "spec": spec}, namespace="default")
        self.step()
        return made

    async def until(self, name: str, condition: Callable[[Object], Any]) -> Object:
        """Give the pod's state as soon as `condition` holds for it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(NotFound):
                    pod = self.world.get(PODS, "default", name)
                    if condition(pod):
                        return pod
                await self._next_change()

    async def until_gone(self, name: str) -> None:
        """Wait until the pod exists no more."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    self.world.get(PODS, "default", name)
                except NotFound:
                    return
                await self._next_change()

    async def end_of(self, name: str = "p") -> Object:
        """Give the pod in its final state."""
        return await self.until(name, lambda pod: pod["status"]["phase"] in ("Succeeded", "Failed"))

    async def run(self, name: str = "p", **fields: Any) -> Object:
        """Create a pod and give it in its final state."""
        self.pod(name, **fields)
        return await self.end_of(name)

    async def log(self, name: str = "p", container: str = "", **options: Any) -> str:
        """Give what a container has printed."""
        return b"".join([part async for part in self.processes.logs("default", name, container, **options)]).decode()

    async def printed(self, command: str, name: str = "p", **fields: Any) -> str:
        """Run a shell command and give what it prints; it must succeed."""
        pod = await self.run(name, command=["sh", "-c", command], **fields)
        text = await self.log(name)
        assert pod["status"]["phase"] == "Succeeded", (pod["status"], text)
        return text

    async def _next_change(self) -> None:
        self._changed.clear()
        self.step()
        await self._changed.wait()

    def _note(self, kind: Kind, _change: str, obj: Object) -> None:
        if kind is PODS:
            self.history.append(obj)
        self._changed.set()


_OF_POD = (
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "activeDeadlineSeconds",
    "initContainers",
    "volumes",
    "serviceAccountName",
)


@asynccontextmanager
async def a_machine(root: Path, *, isolation: str | None = None) -> AsyncIterator[Machine]:
    """Give a running machine; `isolation` pretends that it allows less than it does."""
    machine = Machine(root)
    await machine.processes.start()
    if isolation:
        machine.processes._host.keeping.isolation = isolation
    try:
        yield machine
    finally:
        await machine.processes.stop()


def terminated(pod: Object, container: str = "main") -> Object:
    """Give the final state of a container."""
    status = pod["status"]
    entries = [*status.get("initContainerStatuses", []), *status["containerStatuses"]]
    return next(entry["state"]["terminated"] for entry in entries if entry["name"] == container)


def await_death(pid: int) -> None:
    """Return when a process is dead; fails when it still lives after our patience."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        assert poll.poll(PATIENCE * 1000), f"process {pid} is still alive"
    finally:
        os.close(watch)
