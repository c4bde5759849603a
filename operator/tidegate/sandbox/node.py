"""The one node of the sandbox, from the world's side: which pods somebody must start, and which must stop.

Who runs them is behind `Kubelet`: local processes in the sandbox, nothing at all in a simulation. It answers
through the world's `pod_...` methods, whenever it likes.
"""

from typing import TYPE_CHECKING, Protocol

from tidegate.sandbox import pods
from tidegate.sandbox.kinds import PODS, Object
from tidegate.sandbox.times import seconds

if TYPE_CHECKING:
    from tidegate.sandbox.world import World

NAME = "sandbox"


class Kubelet(Protocol):
    """Whoever plays the containers. Both calls come out of `World.step` and must return at once."""

    def start(self, pod: Object) -> None:
        """A pod is there: schedule it, or say why not, then run its containers."""
        ...

    def stop(self, pod: Object, grace_seconds: float) -> None:
        """End the pod's containers: politely, and by force after the grace period. May come more than once."""
        ...


class Node:
    """Remembers which pods were handed to the kubelet; looks at a pod again whenever it changes."""

    def __init__(self, kubelet: Kubelet | None) -> None:
        self.kubelet = kubelet
        self.started_at: dict[str, float] = {}
        """By pod uid, exactly: `status.startTime` has whole seconds only."""
        self.overdue: set[str] = set()
        self._started: dict[str, Object] = {}
        self._stopping: dict[str, float] = {}

    def look(self, world: "World", uid: str) -> None:
        """Start, stop or time out one pod, as far as that has not been asked for yet."""
        pod = world.store.find(uid)
        if pod is None:
            self._forget(uid)
        elif not pods.is_terminal(pod):
            if pods.is_terminating(pod):
                self._stop(pod, pod["metadata"]["deletionGracePeriodSeconds"])
            elif uid not in self._started:
                self._start(pod)
            else:
                self._watch_deadline(world, pod)

    def has_started(self, uid: str) -> bool:
        """Say whether the kubelet knows the pod."""
        return uid in self._started

    def _start(self, pod: Object) -> None:
        self._started[pod["metadata"]["uid"]] = pod
        if self.kubelet:
            self.kubelet.start(pod)

    def _stop(self, pod: Object, grace_seconds: float) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._started and self._stopping.get(uid, grace_seconds + 1) > grace_seconds:
            self._stopping[uid] = grace_seconds
            if self.kubelet:
                self.kubelet.stop(pod, grace_seconds)

    def _forget(self, uid: str) -> None:
        pod = self._started.get(uid)
        if pod is not None:
            self._stop(pod, 0)
        self._started.pop(uid, None)
        self._stopping.pop(uid, None)
        self.started_at.pop(uid, None)
        self.overdue.discard(uid)

    def _watch_deadline(self, world: "World", pod: Object) -> None:
        limit, uid = pod["spec"].get("activeDeadlineSeconds"), pod["metadata"]["uid"]
        started = pod["status"].get("startTime")
        if limit is None or started is None or uid in self.overdue:
            return
        due = self.started_at.get(uid, seconds(started)) + limit
        if world.now < due:
            world.queue.add_at(due, ("pod", uid))
            return
        self.overdue.add(uid)
        self._stop(pod, pod["spec"].get("terminationGracePeriodSeconds", 30))
