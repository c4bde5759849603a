"""The sandbox with containers that are no processes: they begin at once, and end when it is said."""

import contextlib
import gc
import json
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tidegate.api import keys
from tidegate.api.crd import crds
from tidegate.cli.embedded import admit
from tidegate.sandbox.driver import Driver
from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.server import Server
from tidegate.sandbox.world import World

_TOKEN = "bench"  # noqa: S105  of a server that lives for seconds, on loopback


class Fakes:
    """The kubelet of a world, without containers; `held` are the pods that wait for `release`, by run.

    Pods of runs that are not in `holding` end as soon as they have begun. `on_end` is told the run of each pod that
    ends, at that very moment.
    """

    def __init__(self, world: World, on_end: Callable[[str], None]) -> None:
        self._world, self._on_end = world, on_end
        self.holding: set[str] = set()
        self.held: dict[str, list[str]] = {}

    def poke(self) -> None:
        """Begin what is to begin."""
        for pod in self._world.pods_to_start():
            uid, run = pod["metadata"]["uid"], pod["metadata"]["labels"][keys.LABEL_RUN]
            self._world.claim(uid)
            self._world.pod_started(uid)
            if run in self.holding:
                self.held.setdefault(run, []).append(uid)
            else:
                self.end(run, uid)
        for pod, _ in self._world.pods_to_kill():
            self._world.pod_gone(pod["metadata"]["uid"])

    def end(self, run: str, uid: str) -> None:
        """End a pod well."""
        self._world.step(time.time())
        self._on_end(run)
        self._world.container_terminated(uid, "main", 0, message='{"rows": 1}')


@contextlib.asynccontextmanager
async def fake_cluster(
    on_end: Callable[[str], None], on_change: Callable[[Kind, str, dict[str, Any]], None]
) -> AsyncIterator[tuple[Fakes, Path]]:
    """Serve one; give its kubelet, and the way to it."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as in a process in which the operator runs; else it sweeps for 200 ms at a time
    world = World(now=time.time(), new_uid=lambda: str(uuid.uuid4()))
    world.on_change(on_change)
    fakes = Fakes(world, on_end)
    server = Server(world, clock=time.time, crds=crds(), admit=admit, logs=_no_logs, token=_TOKEN, port=0)
    driver = Driver(world, time.time, fakes.poke)
    await server.start()
    driver.start()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "kubeconfig"
        path.write_text(json.dumps(_kubeconfig(f"{server.url}/{_TOKEN}")))
        try:
            yield fakes, path
        finally:
            driver.stop()
            await server.stop()


def _kubeconfig(server: str) -> dict[str, Any]:
    return {
        "clusters": [{"name": "fake", "cluster": {"server": server}}],
        "users": [{"name": "fake", "user": {"token": _TOKEN}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake", "namespace": "default"}}],
        "current-context": "fake",
    }


async def _no_logs(*_: Any, **__: Any) -> AsyncIterator[bytes]:
    yield b""
