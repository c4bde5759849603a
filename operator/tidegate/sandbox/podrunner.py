"""One pod from its directories to its end: init containers in order, then all containers at once.

What happens is told to the world as a kubelet would; nothing here decides about phases. Probes, lifecycle hooks,
resources and security contexts are not imitated.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any, TypeVar

from tidegate.sandbox.environment import environment_of
from tidegate.sandbox.host import Host
from tidegate.sandbox.isolation import Launch, Places, launch_of
from tidegate.sandbox.keeper.orders import Order
from tidegate.sandbox.keeping import NotStarted, Running
from tidegate.sandbox.logfiles import Selection, read_log
from tidegate.sandbox.podfields import Missing, NotRunnable
from tidegate.sandbox.runnable import refusal_of
from tidegate.sandbox.termination import LOG_LINES, message_of
from tidegate.sandbox.volume_parts import mounted_parts
from tidegate.sandbox.volumes import fill_volumes

REFUSED = "NotRunnable"
_START_ERROR = 128

_T = TypeVar("_T")


class _Stopped(Exception):
    """The pod has to end before this step was possible."""


class PodRunner:
    """Runs one pod; `stop` may come at any time."""

    def __init__(self, host: Host, pod: dict[str, Any]) -> None:
        self.pod = pod
        self.finished = asyncio.Event()
        """Nothing of the pod runs any more, and the world has been told."""
        self._host = host
        self._uid: str = pod["metadata"]["uid"]
        self._place = host.place_of(pod)
        self._alive: set[str] = set()
        self._stopping = asyncio.Event()
        self._refusal: str | None = None
        self._until = math.inf
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Run the pod to its end, and tell the world about each step and the end."""
        try:
            await self._run()
        except _Stopped:
            pass
        except NotRunnable as refusal:
            self._refusal = str(refusal)
        except OSError as error:
            self._refusal = f"this machine cannot run the pod: {error}"
        finally:
            if self._timer:
                self._timer.cancel()
        self._conclude()

    def stop(self, until: float) -> None:
        """Ask the containers to end now; what is left at `until` (clock seconds) is killed.

        May be repeated: the earliest `until` holds.
        """
        if not self._stopping.is_set():
            self._stopping.set()
            for name in self._alive:
                self._host.keeping.end(name)
        if until < self._until:
            self._until = until
            if self._timer:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, until - self._host.clock()), self.kill)

    def kill(self) -> None:
        """End all containers by force."""
        self._stopping.set()
        for name in self._alive:
            self._host.keeping.kill(name)

    def is_alive(self, container: str) -> bool:
        """Say whether the container still runs."""
        return f"{self._uid}/{container}" in self._alive

    def _conclude(self) -> None:
        if self._refusal:
            self._host.report().pod_failed(self._uid, REFUSED, self._refusal)
        if self._refusal or self._stopping.is_set():
            self._host.report().pod_gone(self._uid)

    async def _run(self) -> None:
        refusal = refusal_of(self.pod)
        if refusal:
            raise NotRunnable(refusal)
        spec = self.pod["spec"]
        inits, mains = spec.get("initContainers") or [], spec["containers"]
        names = [container["name"] for container in (inits[:1] or mains)]
        await self._when_possible(self._fill_volumes, names, "ContainerCreating")
        for container in inits:
            if await self._run_container(container, init=True) or self._stopping.is_set():
                return
        await self._run_together(mains)

    def _fill_volumes(self) -> None:
        world = self._host.world
        fill_volumes(self.pod, world, self._place / "volumes", mounted_parts(self.pod, world))

    async def _run_together(self, containers: list[dict[str, Any]]) -> None:
        tasks = [asyncio.create_task(self._run_container(container, init=False)) for container in containers]
        try:
            _, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            if rest:
                self.kill()
                await asyncio.wait(rest)
        finally:
            for task in tasks:
                task.cancel()
        for task in tasks:
            task.result()

    async def _run_container(self, container: dict[str, Any], *, init: bool) -> int:
        name = container["name"]
        places = Places(self._place, name)
        launch = await self._when_possible(
            lambda: self._prepare(container, places), [name], "CreateContainerConfigError"
        )
        running = self._start(launch, places)
        try:
            try:
                await running.started
            except NotStarted as failure:
                self._tell_end(name, _START_ERROR, "StartError", str(failure), init=init)
                return _START_ERROR
            self._host.report().pod_started(self._uid, name)
            code = await running.ended
        finally:
            self._alive.discard(self._order_id(places))
        policy = container.get("terminationMessagePolicy", "File")
        message = message_of(places.message, lambda: self._last_lines(places), exit_code=code, policy=policy)
        self._tell_end(name, code, "Error" if code else "Completed", message, init=init)
        return code

    def _last_lines(self, places: Places) -> bytes:
        return read_log(places.log, Selection(tail_lines=LOG_LINES))

    def _tell_end(self, name: str, code: int, reason: str, message: str, *, init: bool) -> None:
        self._host.report().container_terminated(self._uid, name, code, reason=reason, message=message, init=init)

    def _prepare(self, container: dict[str, Any], places: Places) -> Launch:
        host = self._host
        env = environment_of(container, self.pod, host.world, path=host.path, home=str(places.work))
        for directory in (places.work, places.staging):
            directory.mkdir(parents=True, exist_ok=True)
        places.message.touch()
        places.message.chmod(0o666)
        return launch_of(container, env, places, host.root, namespaces=host.keeping.isolation != "none")

    def _start(self, launch: Launch, places: Places) -> Running:
        if self._stopping.is_set():
            raise _Stopped
        order = Order(
            id=self._order_id(places),
            argv=list(launch.argv),
            env=dict(launch.env),
            directory=launch.directory,
            log=str(places.log),
            mounts=list(launch.mounts),
            staging=str(places.staging),
            as_user=self._host.keeping.isolation == "user",
        )
        self._alive.add(order.id)
        return self._host.keeping.run(order)

    def _order_id(self, places: Places) -> str:
        return f"{self._uid}/{places.container}"

    async def _when_possible(self, attempt: Callable[[], _T], containers: list[str], reason: str) -> _T:
        """Do what needs ConfigMaps and Secrets; while they are missing, wait for a change of the world."""
        told = ""
        while True:
            changed = self._host.next_change
            try:
                return attempt()
            except Missing as missing:
                if str(missing) != told:
                    told = str(missing)
                    for name in containers:
                        self._host.report().pod_waiting(self._uid, name, reason, told)
            await self._one_of(changed, self._stopping)

    async def _one_of(self, *events: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._stopping.is_set():
            raise _Stopped
