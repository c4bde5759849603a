"""The embedded cluster: a model of one, its API over HTTP on loopback, and containers as local processes."""

import asyncio
import json
import os
import secrets
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tidegate.api.crd import crds as our_crds
from tidegate.errors import Problem
from tidegate.sandbox import snapshots
from tidegate.sandbox.customs import Admit
from tidegate.sandbox.driver import Driver
from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.processes import Processes
from tidegate.sandbox.server import Server
from tidegate.sandbox.tree import Object
from tidegate.sandbox.world import World

_SAVE_SECONDS = 1.0
"""A crash of the sandbox itself may lose so much."""


def admit_all(_obj: Object, _old: Object | None) -> list[Problem]:
    """Find nothing wrong beyond the schema."""
    return []


class Sandbox:
    """A cluster in this process, to be used as `async with Sandbox() as sandbox`.

    Args:
        port: of the API server on 127.0.0.1; 0 for any free one.
        data_dir: where the state is kept; in memory by default.
        crds: the CRDs of our kinds; those of this version by default.
        admit: what the rules of those CRDs would have against an object; nothing by default.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        port: int = 0,
        data_dir: Path | None = None,
        crds: list[Object] | None = None,
        admit: Admit | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._port, self._data_dir, self._clock = port, data_dir, clock
        self._crds = our_crds() if crds is None else crds
        self._admit = admit or admit_all
        self._exits = AsyncExitStack()
        self.token = secrets.token_urlsafe(32)
        self.url = ""
        self.world = World(now=clock(), new_uid=lambda: str(uuid.uuid4()))

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            root = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-sandbox-")))
            if self._data_dir is not None and (data := snapshots.load(self._data_dir)) is not None:
                self.world.restore(data)
            processes = Processes(self.world, clock=self._clock, root=root)
            server = Server(
                self.world,
                clock=self._clock,
                crds=self._crds,
                admit=self._admit,
                logs=processes.logs,
                token=self.token,
                port=self._port,
            )
            driver = Driver(self.world, self._clock, processes.poke)
            if self._data_dir is not None:
                exits.push_async_callback(_Keeper(self.world, self._data_dir).stop)
            exits.push_async_callback(processes.stop)
            await processes.start()
            exits.callback(driver.stop)
            driver.start()
            exits.push_async_callback(server.stop)
            await server.start()
            self.url = server.url
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.__aexit__(kind, error, trace)

    def kubeconfig(self) -> dict[str, Any]:
        """Give the kubeconfig of the sandbox's only user; its server's URL begins with the token, see `guard`."""
        name = "tidegate-sandbox"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": f"{self.url}/{self.token}"}}],
            "users": [{"name": name, "user": {"token": self.token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
            "current-context": name,
        }

    def write_kubeconfig(self, path: Path) -> None:
        """Write the kubeconfig to a file that only its owner may read; an older file there is replaced."""
        draft = path.with_name(f"{path.name}.new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            yaml.safe_dump(self.kubeconfig(), stream, sort_keys=False)
        draft.replace(path)


class _Keeper:
    """Writes the world to its folder: soon after a change, and at the end."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world, self._folder = world, folder
        self._changed = asyncio.Event()
        world.on_change(self._note)
        self._changed.set()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Write the last state."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        snapshots.save(self._folder, json.dumps(self._world.snapshot()))

    def _note(self, _kind: Kind, _change: str, _obj: Object) -> None:
        self._changed.set()

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            text = json.dumps(self._world.snapshot())
            await asyncio.to_thread(snapshots.save, self._folder, text)
            await asyncio.sleep(_SAVE_SECONDS)
