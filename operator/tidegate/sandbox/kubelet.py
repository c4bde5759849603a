"""The node's side of pods: which to start and to kill, and what the runtime says of them.

Whoever runs containers, really or in play, asks and reports here. Reports about a pod that is gone or has reached
its end are ignored: runtimes are late.
"""

from tidegate.sandbox import pod_states
from tidegate.sandbox.agenda import Agenda
from tidegate.sandbox.cluster import Cluster
from tidegate.sandbox.kinds import PODS, Kind
from tidegate.sandbox.moments import instant
from tidegate.sandbox.tree import Object, Objects

Kills = list[tuple[Object, float]]
"""Pods that must end, and until when they may do so gracefully."""

NODE = "sandbox"
"""The one node, to which every pod is bound."""

DEADLINE = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
_BY_KUBELET = ("Evicted", "Preempting", "Terminated")
"""Reasons of a pod's failure that are disruptions by its node."""


class Kubelet:
    """Binds pods to the node and keeps account of those that a runtime has claimed."""

    def __init__(self, cluster: Cluster, agenda: Agenda) -> None:
        self._cluster = cluster
        self._agenda = agenda
        self._bound: dict[str, None] = {}
        """Pods that wait for a runtime."""
        self._claimed: dict[str, Object] = {}
        """Pods that a runtime has, as they were seen last: it must hear of the end of one that is gone."""
        self._since: dict[str, float] = {}
        self._until: dict[str, float] = {}
        """Instants until which claimed pods may end gracefully."""
        self._overdue: set[str] = set()

    def watch(self, kind: Kind, change: str, pod: Object, _old: Object | None) -> None:
        """Notice a change of a pod."""
        if kind is not PODS:
            return
        uid = pod["metadata"]["uid"]
        if change == "DELETED":
            self._bound.pop(uid, None)
            if uid in self._claimed:
                self._until[uid] = self._cluster.now
        elif uid in self._claimed:
            self._claimed[uid] = pod
            self._notice_end(uid, pod)
        elif change == "ADDED" or "deletionTimestamp" in pod["metadata"]:
            self._agenda.add("node", uid)

    def look(self, uid: str) -> None:
        """Bind a new pod, let go of one that never started, end one whose time is over."""
        pod = self._cluster.store.by_uid(uid)
        if pod is None:
            return
        if uid in self._claimed:
            self._check_deadline(uid, pod)
        elif "deletionTimestamp" in pod["metadata"]:
            self.pod_gone(uid)
        elif not pod_states.is_terminal(pod):
            self._bind(uid, pod)

    def recover(self) -> None:
        """Begin with the pods of an earlier life: what ran then is lost, what had not begun starts anew."""
        self._bound.clear()
        self._claimed.clear()
        self._since.clear()
        self._until.clear()
        self._overdue.clear()
        for pod in list(self._cluster.store.all_of(PODS)):
            statuses = pod["status"].get("containerStatuses", ())
            if pod_states.is_terminal(pod) or all("waiting" in each["state"] for each in statuses):
                self._agenda.add("node", pod["metadata"]["uid"])
            else:
                self.pod_gone(pod["metadata"]["uid"])

    def pods_to_start(self) -> Objects:
        """Give the pods that no runtime has claimed, oldest first."""
        pods = (self._cluster.store.by_uid(uid) for uid in self._bound)
        return [pod for pod in pods if pod is not None]

    def pods_to_kill(self) -> Kills:
        """Give the claimed pods that must end, as last seen, and until when they may do so gracefully."""
        return [(self._claimed[uid], until) for uid, until in self._until.items()]

    def claim(self, uid: str) -> Object | None:
        """Take a pod over; gives it, or None when there is nothing to start any more."""
        pod = self._cluster.store.by_uid(uid)
        if uid not in self._bound or pod is None:
            return None
        del self._bound[uid]
        now = self._cluster.now
        self._claimed[uid], self._since[uid] = pod, now
        if pod["spec"].get("activeDeadlineSeconds") is not None:
            self._agenda.add("node", uid)
        return self._cluster.change(PODS, pod, status=pod_states.accepted(pod, now))

    def pod_started(self, uid: str, container: str) -> None:
        """Note that a container runs."""
        if pod := self._living(uid):
            self._report(pod, pod_states.started(pod, container, self._cluster.now))

    def pod_waiting(self, uid: str, container: str, reason: str, message: str) -> None:
        """Note why a container cannot start."""
        if pod := self._living(uid):
            self._report(pod, pod_states.waiting(pod, container, reason, message, self._cluster.now))

    def container_terminated(  # noqa: PLR0913 - what a kubelet says about a container's end
        self, uid: str, container: str, code: int, reason: str, message: str, *, init: bool, settle: bool
    ) -> None:
        """Note the end of a container, and unless `settle` is false what it means for the pod."""
        pod = self._living(uid)
        if pod is None:
            return
        end = pod_states.End(code, reason, message)
        status = pod_states.terminated(pod, container, end, self._cluster.now, init=init)
        if settle:
            self._settle(uid, pod, status)
        else:
            self._report(pod, status)

    def pod_failed(self, uid: str, reason: str, message: str) -> None:
        """Note that the node gives up a pod as a whole; what still runs must be killed."""
        pod = self._living(uid)
        if pod is None:
            return
        now = self._cluster.now
        if reason in _BY_KUBELET:
            pod = self._report(pod, pod_states.disrupted(pod, "TerminationByKubelet", message, now))
        self._report(pod, pod_states.failed(pod_states.lost(pod, now), now, reason, message))
        if uid in self._claimed:
            self._until[uid] = now
        self._bound.pop(uid, None)

    def pod_gone(self, uid: str) -> None:
        """Note that nothing of a pod runs any more, and let it go if it is to go."""
        overdue = uid in self._overdue
        self._forget(uid)
        pod = self._cluster.store.by_uid(uid)
        if pod is None:
            return
        status = None
        if not pod_states.is_terminal(pod):
            now = self._cluster.now
            status = pod_states.lost(pod, now)
            status = pod_states.failed(status, now, *DEADLINE) if overdue else status
        metadata = pod["metadata"]
        if "deletionTimestamp" in metadata and (status is not None or metadata.get("deletionGracePeriodSeconds")):
            self._cluster.change(PODS, pod, status=status, deletionGracePeriodSeconds=0)
        elif status is not None:
            self._report(pod, status)

    def evict(self, uid: str, reason: str) -> None:
        """Ask a pod to leave: the cause is written first, then the pod is deleted."""
        pod = self._cluster.store.by_uid(uid)
        if pod is None:
            return
        if not pod_states.is_terminal(pod):
            message = "Eviction API: evicting" if reason == "EvictionByEvictionAPI" else f"{reason}: ending the pod"
            pod = self._report(pod, pod_states.disrupted(pod, reason, message, self._cluster.now))
        self._cluster.delete(PODS, pod, "Background", None)

    def settle(self, uid: str) -> None:
        """Let phase and conditions follow from the containers."""
        if pod := self._living(uid):
            self._settle(uid, pod, pod["status"])

    def _settle(self, uid: str, pod: Object, status: Object) -> None:
        now = self._cluster.now
        status = pod_states.settled(pod["spec"], status, now)
        if uid in self._overdue and status["phase"] in pod_states.TERMINAL:
            status = pod_states.failed(status, now, *DEADLINE)
        if status != pod["status"]:
            self._report(pod, status)
        if status["phase"] in pod_states.TERMINAL and uid not in self._until:
            self._claimed.pop(uid, None)
            self._since.pop(uid, None)

    def _forget(self, uid: str) -> None:
        self._bound.pop(uid, None)
        self._claimed.pop(uid, None)
        self._since.pop(uid, None)
        self._until.pop(uid, None)
        self._overdue.discard(uid)

    def _report(self, pod: Object, status: Object) -> Object:
        return self._cluster.change(PODS, pod, status=status)

    def _living(self, uid: str) -> Object | None:
        pod = self._cluster.store.by_uid(uid)
        return None if pod is None or pod_states.is_terminal(pod) else pod

    def _bind(self, uid: str, pod: Object) -> None:
        if not pod["spec"].get("nodeName"):
            spec = {**pod["spec"], "nodeName": NODE}
            self._cluster.change(PODS, pod, spec=spec, status=pod_states.bound(pod, self._cluster.now))
        self._bound[uid] = None

    def _notice_end(self, uid: str, pod: Object) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            until = self._cluster.now + pod["metadata"].get("deletionGracePeriodSeconds", 0)
            self._until[uid] = min(until, self._until.get(uid, until))

    def _check_deadline(self, uid: str, pod: Object) -> None:
        seconds = pod["spec"].get("activeDeadlineSeconds")
        if seconds is None or uid in self._overdue:
            return
        now = self._cluster.now
        due = self._since.get(uid, instant(pod["status"]["startTime"])) + seconds
        if due > now:
            self._agenda.add_at(due, "node", uid)
            return
        self._overdue.add(uid)
        until = now + pod["spec"].get("terminationGracePeriodSeconds", 30)
        self._until[uid] = min(until, self._until.get(uid, until))
