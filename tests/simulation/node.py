"""The node of a simulated cluster: pods start, end, fail, are evicted and killed as chance has it."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from simulation.chance import Chance
from simulation.cluster import Cluster
from simulation.flows import FAILED, FIRST_ITEM, ITEMS

KILLED = 137
GIVEN = {"n": 1, "list": [FIRST_ITEM + place for place in range(ITEMS)]}
OUTPUT = json.dumps(GIVEN)
AGAIN = json.dumps({**GIVEN, "again": True})
"""What a container writes that is not done yet, for tasks that are repeated."""


class Node:
    """Plays the containers of all pods of a cluster."""

    def __init__(self, cluster: Cluster, chance: Chance) -> None:
        self._cluster, self._chance, self._world = cluster, chance, cluster.world
        self._loop = asyncio.get_running_loop()
        self._dying: set[str] = set()
        cluster.after = self._look

    def _look(self) -> None:
        for pod in self._world.pods_to_start():
            self._start(pod["metadata"]["uid"])
        for pod, _until in self._world.pods_to_kill():
            self._kill(pod["metadata"]["uid"])

    def _start(self, uid: str) -> None:
        if self._world.claim(uid) is None:
            return
        chance, is_slow = self._chance, self._chance.strikes("slow_kubelet")
        begin = self._soon_or_within(30.0 if is_slow else 1.0)
        work = chance.seconds(0.01, 60.0 if is_slow else 3.0)
        self._later(begin, partial(self._world.pod_started, uid))
        self._loop.call_later(begin + work, self._end, uid)
        if chance.strikes("pods_refused"):
            self._world.refuse_pods("default", "exceeded quota: pods")
            self._later(chance.seconds(1, 90), partial(self._world.refuse_pods, "default", ""))
        if chance.strikes("pod_evicted"):
            self._later(chance.seconds(0, begin + work + 1.0), partial(self._world.evict, uid))

    def _end(self, uid: str) -> None:
        """Let the container end; the phase follows at once or a second later, as with a real kubelet."""
        code, reason, message = 0, "Completed", AGAIN if self._chance.strikes("pod_again") else OUTPUT
        if self._chance.strikes("pod_fails"):
            code, reason, message = FAILED, "Error", "it failed"
        elif self._chance.strikes("pod_oom"):
            code, reason, message = KILLED, "OOMKilled", ""
        self._cluster.change(
            partial(self._world.container_terminated, uid, "main", code, reason=reason, message=message, settle=False)
        )
        self._later(self._soon_or_within(1.5), partial(self._world.pod_settled, uid))

    def _soon_or_within(self, seconds: float) -> float:
        """Throw for a delay that is often none, so that much is seen at once."""
        return max(0.0, self._chance.seconds(-seconds, seconds))

    def _kill(self, uid: str) -> None:
        if uid in self._dying:
            return
        self._dying.add(uid)
        grace = self._chance.seconds(0.1, 30.0 if self._chance.strikes("slow_kubelet") else 2.0)
        self._loop.call_later(grace, self._die, uid)

    def _die(self, uid: str) -> None:
        self._cluster.change(partial(self._world.container_terminated, uid, "main", KILLED, reason="Error"))
        self._cluster.change(partial(self._world.pod_gone, uid))

    def _later(self, seconds: float, report: Callable[[], Any]) -> None:
        if not seconds:
            self._cluster.change(report)
            return
        self._loop.call_later(seconds, self._cluster.change, report)
