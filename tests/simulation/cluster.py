"""The simulated cluster: the sandbox's model of one, and a kubelet whose containers do what chance says."""

import asyncio
import itertools
import json
from typing import Any

from simulation.chance import Chance
from tidegate.sandbox.kinds import JOBS, PODS
from tidegate.sandbox.world import World

START = 1_764_000_000.0
HOPELESS = 137
RESOLUTION = 1e-6
"""Seconds; the loop takes timers that are nearer than its own resolution for due, and time would not move."""


class Cluster:
    """A world on the loop's time. `history` has every change, for the oracle."""

    def __init__(self, chance: Chance) -> None:
        self._chance, self._loop = chance, asyncio.get_running_loop()
        self._origin = self._loop.time()
        uids = itertools.count(1)
        self.world = World(now=START, new_uid=lambda: f"uid-{next(uids):06d}", history=1_000_000)
        self.world.on_change(lambda *_: self._soon())
        self._due = False
        self._timer: asyncio.TimerHandle | None = None
        self._dying: set[str] = set()

    def now(self) -> float:
        """Give the wall time."""
        return START + self._loop.time() - self._origin

    def _soon(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._drive)

    def _drive(self) -> None:
        self._due = False
        wake = self.world.step(self.now())
        for pod in list(self.world.pods_to_start()):
            self._start(pod)
        for pod, _until in list(self.world.pods_to_kill()):
            self._kill(pod["metadata"]["uid"])
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if wake is None else self._loop.call_later(max(RESOLUTION, wake - self.now()), self._drive)

    def _start(self, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        if self.world.claim(uid) is None:
            return
        chance = self._chance
        begin = chance.seconds(0.1, 1.0) + (chance.seconds(0, 30) if chance.strikes("slow_kubelet") else 0)
        work = chance.seconds(0.01, 3.0) + (chance.seconds(0, 60) if chance.strikes("slow_kubelet") else 0)
        self._loop.call_later(begin, self._report, lambda: self.world.pod_started(uid))
        self._loop.call_later(begin + work, self._end, uid)
        if chance.strikes("pod_evicted"):
            self._loop.call_later(chance.seconds(0, begin + work), self._evict, uid)

    def _end(self, uid: str) -> None:
        code = 1 if self._chance.strikes("pod_fails") else 0
        message = json.dumps({"n": 1}) if code == 0 else "it failed"
        reason = "Completed" if code == 0 else "Error"
        self._report(
            lambda: self.world.container_terminated(uid, "main", code, reason=reason, message=message, settle=False)
        )
        self._loop.call_later(self._chance.seconds(0.5, 1.5), self._report, lambda: self.world.pod_settled(uid))

    def _evict(self, uid: str) -> None:
        if any(pod["metadata"]["uid"] == uid for pod in self.world.list(PODS)):
            self._report(lambda: self.world.evict(uid))

    def _kill(self, uid: str) -> None:
        if uid in self._dying:
            return
        self._dying.add(uid)
        grace = (
            self._chance.seconds(0.1, 2.0) if not self._chance.strikes("slow_kubelet") else self._chance.seconds(2, 30)
        )
        self._loop.call_later(grace, self._die, uid)

    def _die(self, uid: str) -> None:
        self._report(lambda: self.world.container_terminated(uid, "main", HOPELESS, reason="Error"))
        self._report(lambda: self.world.pod_gone(uid))

    def _report(self, what: Any) -> None:
        self.world.now = self.now()
        what()
        self._soon()

    def jobs(self) -> list[dict[str, Any]]:
        """Give all Jobs there are."""
        return list(self.world.list(JOBS))

    def pods(self) -> list[dict[str, Any]]:
        """Give all pods there are."""
        return list(self.world.list(PODS))
