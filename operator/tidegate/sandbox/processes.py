"""The kubelet of the sandbox: runs the containers of pods as local processes, and keeps their logs.

A container is its command on this machine, in a clean environment, with its volumes at their paths; no image is
pulled. `isolation` tells how paths are arranged, `keeper` how processes are started and never left behind.
"""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from tidegate.errors import api_error
from tidegate.sandbox.host import Host
from tidegate.sandbox.isolation import Places
from tidegate.sandbox.kinds import PODS, Kind
from tidegate.sandbox.logfiles import Selection, follow_log, read_log
from tidegate.sandbox.podrunner import PodRunner
from tidegate.sandbox.runtime import RuntimeWorld

log = logging.getLogger(__name__)


class Processes:
    """The pods that run on this machine."""

    def __init__(self, world: RuntimeWorld, *, clock: Callable[[], float], root: Path) -> None:
        """Take a world and a directory.

        Args:
            world: which pods there are, and who is told about them.
            clock: the time in seconds since 1970.
            root: a directory of our own; nothing outside of it is created or changed.
        """
        self._host = Host(world, clock, root)
        self._runners: dict[str, PodRunner] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wants_look = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def isolation(self) -> str:
        """`root` or `user`: containers get a mount namespace, that way; `none`: paths are replaced instead."""
        return self._host.keeping.isolation

    async def start(self) -> None:
        """Make the directories, start the keeper, and begin with the pods that are there."""
        self._host.prepare()
        await self._host.keeping.start()
        self._loop = asyncio.get_running_loop()
        self._host.world.on_change(self._note)
        self.poke()

    def poke(self) -> None:
        """Look at the world soon; cheap, and safe to call from within a change of the world."""
        if self._loop and not self._wants_look:
            self._wants_look = True
            self._loop.call_soon(self._look)

    async def stop(self) -> None:
        """Kill everything and wait until it is gone. The world is not told: nobody is there to act on it."""
        self._loop = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._host.keeping.stop()
        await asyncio.to_thread(shutil.rmtree, self._host.pods, ignore_errors=True)

    def logs(  # noqa: PLR0913 - the parameters of the API's log subresource
        self,
        namespace: str,
        pod: str,
        container: str = "",
        *,
        follow: bool = False,
        tail_lines: int | None = None,
        since_seconds: float | None = None,
        since: float | None = None,
        timestamps: bool = False,
        limit_bytes: int | None = None,
    ) -> AsyncIterator[bytes]:
        """Give a container's log in pieces.

        Args:
            namespace: of the pod.
            pod: its name.
            container: may be empty if the pod has only one.
            follow: go on until the container has ended.
            tail_lines: only so many lines from the end.
            since_seconds: only what is at most so old.
            since: only what was printed at or after this time (seconds since 1970).
            timestamps: put the time before each line.
            limit_bytes: end after so many.

        Raises:
            NotFound: there is no such pod.
            Rejected: there is no such container, none was named of several, or it has not started yet.
        """
        found = self._host.world.get(PODS, namespace, pod)
        name = container or _only_container(found)
        _check_container(found, name)
        if since_seconds is not None:
            since = max(since or 0.0, self._host.clock() - since_seconds)
        selection = Selection(tail_lines, since, timestamps, limit_bytes)
        places = Places(self._host.place_of(found), name)
        runner = self._runners.get(found["metadata"]["uid"])
        if not places.log.exists():
            raise _waiting(found, name)
        if follow and runner:
            return follow_log(places.log, selection, lambda: runner.is_alive(name))
        return _once(places.log, selection)

    def _look(self) -> None:
        self._wants_look = False
        if self._loop is None:
            return
        self._host.note_change()
        for pod in self._host.world.pods_to_start():
            self._begin(pod)
        for pod, until in self._host.world.pods_to_kill():
            self._end(pod, until)

    def _look_at_deadlines(self) -> None:
        if self._loop:
            self._host.report()
            self._look()

    def _begin(self, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        self._host.report().claim(uid)
        seconds = pod["spec"].get("activeDeadlineSeconds")
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, self._look_at_deadlines)
        runner = self._runners[uid] = PodRunner(self._host, pod)
        self._spawn(self._run(uid, runner))

    async def _run(self, uid: str, runner: PodRunner) -> None:
        try:
            await runner.run()
        except Exception as error:
            log.exception("running pod %s failed", runner.pod["metadata"]["name"])
            runner.kill()
            self._host.report().pod_failed(uid, "InternalError", f"the sandbox failed to run this pod: {error!r}")
        finally:
            runner.finished.set()

    def _end(self, pod: dict[str, Any], until: float) -> None:
        uid = pod["metadata"]["uid"]
        runner = self._runners.get(uid)
        if runner and not runner.finished.is_set():
            runner.stop(until)
        else:
            self._host.report().pod_gone(uid)

    def _note(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        if kind is PODS and change == "DELETED":
            self._forget(obj)
        self.poke()

    def _forget(self, pod: dict[str, Any]) -> None:
        """The pod is gone from the world: so is everything of it here."""
        runner = self._runners.pop(pod["metadata"]["uid"], None)
        if runner and self._loop:
            self._spawn(self._clean_up(runner))

    async def _clean_up(self, runner: PodRunner) -> None:
        runner.kill()
        await runner.finished.wait()
        await asyncio.to_thread(shutil.rmtree, self._host.place_of(runner.pod), ignore_errors=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _only_container(pod: dict[str, Any]) -> str:
    names = [container["name"] for container in pod["spec"]["containers"]]
    if len(names) > 1:
        choice = f"choose one of: [{' '.join(names)}]"
        raise api_error(
            400, "BadRequest", f"a container name must be specified for pod {pod['metadata']['name']}, {choice}"
        )
    return str(names[0])


def _check_container(pod: dict[str, Any], name: str) -> None:
    spec = pod["spec"]
    if all(container["name"] != name for container in (*spec["containers"], *(spec.get("initContainers") or ()))):
        raise api_error(400, "BadRequest", f"container {name} is not valid for pod {pod['metadata']['name']}")


def _waiting(pod: dict[str, Any], name: str) -> Exception:
    status = pod.get("status", {})
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    reason = next((entry["state"].get("waiting", {}).get("reason") for entry in states if entry["name"] == name), None)
    where = f'container "{name}" in pod "{pod["metadata"]["name"]}"'
    return api_error(400, "BadRequest", f"{where} is waiting to start: {reason or 'ContainerCreating'}")


async def _once(path: Path, selection: Selection) -> AsyncIterator[bytes]:
    yield read_log(path, selection)
