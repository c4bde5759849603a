"""A pure, deterministic model of a small cluster: objects, the life of Jobs and pods, owners, namespaces.

No I/O, no clock, no chance: time is passed to `step`, uids come from a function. A write acts at once; `step(now)`
then lets the controllers act until none has anything left to do at that instant.
"""

from collections.abc import Callable
from typing import Any

from tidegate.sandbox.agenda import Agenda
from tidegate.sandbox.cluster import Cluster, Default, check_preconditions, missing_subresource
from tidegate.sandbox.collector import Collector, Namespaces
from tidegate.sandbox.job_controller import JobController
from tidegate.sandbox.kinds import JOBS, NAMESPACES, NODES, Kind, find
from tidegate.sandbox.kubelet import NODE, Kills, Kubelet
from tidegate.sandbox.store import Changes
from tidegate.sandbox.tree import Object, Objects, copied


class World:
    """A cluster. What its methods give is stored and shared: never change it; what goes in is copied.

    Errors are the classes of `tidegate.errors` with an API server's own sentences.
    """

    def __init__(
        self, *, now: float, new_uid: Callable[[], str], history: int = 10_000, default: Default | None = None
    ) -> None:
        self._cluster = Cluster(now=now, new_uid=new_uid, history=history, default=default)
        self._agenda = Agenda()
        self._kubelet = Kubelet(self._cluster, self._agenda)
        self._jobs = jobs = JobController(self._cluster, self._agenda)
        owners = Collector(self._cluster, self._agenda)
        namespaces = Namespaces(self._cluster, self._agenda)
        self._controllers = {
            "node": self._kubelet.look,
            "jobs": jobs.look,
            "orphans": jobs.look_at_orphan,
            "owners": owners.look,
            "namespaces": namespaces.look,
        }
        self._cluster.store.watchers += [self._kubelet.watch, jobs.watch, owners.watch, namespaces.watch]
        self._found()

    @property
    def now(self) -> float:
        """Wall time of the model in seconds since 1970; what is written bears it. It may be set before a write."""
        return self._cluster.now

    @now.setter
    def now(self, now: float) -> None:
        self._cluster.now = now

    @property
    def resource_version(self) -> int:
        """The number of the latest write."""
        return self._cluster.store.resource_version

    def create(self, kind: Kind, obj: Object, *, namespace: str | None = None) -> Object:
        """Store a new object; raises AlreadyExists, NotFound (the namespace), Forbidden (it ends), Rejected."""
        return self._cluster.create(kind, obj, namespace)

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """Give an object; raises NotFound."""
        return self._cluster.require(kind, namespace, name)

    def list(self, kind: Kind, namespace: str | None = None, *, labels: str = "", fields: str = "") -> Objects:
        """Give the objects of a namespace or of all, sorted by (namespace, name); raises Rejected: a bad selector."""
        return self._cluster.list(kind, namespace, labels, fields)

    def replace(self, kind: Kind, obj: Object, *, subresource: str = "") -> Object:
        """Store a new state; `subresource="status"` writes only status. Raises NotFound, Conflict, Rejected.

        A write that changes nothing leaves the resourceVersion as it is.
        """
        self._check(kind, subresource)
        return self._cluster.replace(kind, obj, subresource)

    def patch_merge(
        self, kind: Kind, namespace: str | None, name: str, patch: Object, *, subresource: str = ""
    ) -> Object:
        """Apply a JSON merge patch; a resourceVersion in it is a precondition. Raises as `replace`."""
        self._check(kind, subresource)
        return self._cluster.patch(kind, namespace, name, patch, subresource)

    def delete(  # noqa: PLR0913 - the options of the API's DELETE
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace: int | None = None,
    ) -> Object:
        """Delete an object, or mark it as ending while finalizers or a pod's grace (seconds) hold it.

        Raises NotFound, or Conflict when `uid` or `resource_version` are not the object's.
        """
        obj = self._cluster.require(kind, namespace, name)
        check_preconditions(kind, obj, uid, resource_version)
        return self._cluster.delete(kind, obj, propagation, grace)

    def events_since(self, kind: Kind, resource_version: int) -> Changes:
        """Give (ADDED|MODIFIED|DELETED, object, resourceVersion) after a version, oldest first; raises Gone."""
        return self._cluster.store.changes_since(kind, resource_version)

    def on_change(self, callback: Callable[[Kind, str, Object], None]) -> None:
        """Have `callback(kind, ADDED|MODIFIED|DELETED, object)` called after each change."""
        self._cluster.store.watchers.append(lambda kind, change, obj, _old: callback(kind, change, obj))

    def step(self, now: float) -> float | None:
        """Let it be `now` and the controllers do all that is due; gives when time alone will change something."""
        self._cluster.now = now
        while look := self._agenda.pop(now):
            self._controllers[look[0]](look[1])
        return self._agenda.next_wake()

    def pods_to_start(self) -> Objects:
        """Give the pods that are bound to the node and that no runtime has claimed, oldest first."""
        return self._kubelet.pods_to_start()

    def pods_to_kill(self) -> Kills:
        """Give the claimed pods that must end, as last seen, and the instant until which they may end gracefully.

        A pod stays in the list until `pod_gone`, also when it was deleted by force and exists no more.
        """
        return self._kubelet.pods_to_kill()

    def claim(self, pod_uid: str) -> Object | None:
        """Take a pod over for a runtime; gives it, or None when there is nothing to start any more.

        Reports (the next methods) about a pod that is gone or has reached its end are ignored: runtimes are late.
        """
        return self._kubelet.claim(pod_uid)

    def pod_started(self, pod_uid: str, container: str = "main") -> None:
        """Report that a container, ordinary or init, runs."""
        self._kubelet.pod_started(pod_uid, container)

    def pod_waiting(self, pod_uid: str, container: str, reason: str, message: str) -> None:
        """Report why a container cannot start (`ErrImagePull`, `CreateContainerConfigError`...)."""
        self._kubelet.pod_waiting(pod_uid, container, reason, message)

    def container_terminated(  # noqa: PLR0913 - what a kubelet says about a container's end
        self,
        pod_uid: str,
        container: str,
        exit_code: int,
        *,
        reason: str = "",
        message: str = "",
        init: bool = False,
        settle: bool = True,
    ) -> None:
        """Report the end of a container; `init` says that it is an init container, `message` what it left behind.

        The pod's phase and conditions follow in the same write, with `settle=False` only at `pod_settled`.
        """
        self._kubelet.container_terminated(pod_uid, container, exit_code, reason, message, init=init, settle=settle)

    def pod_settled(self, pod_uid: str) -> None:
        """Let a pod's phase follow from its containers, which a real kubelet does a second after their end."""
        self._kubelet.settle(pod_uid)

    def pod_failed(self, pod_uid: str, reason: str, message: str) -> None:
        """Report that the node gives up a pod as a whole (`Evicted`, `UnexpectedAdmissionError`...)."""
        self._kubelet.pod_failed(pod_uid, reason, message)

    def pod_gone(self, pod_uid: str) -> None:
        """Report that nothing of a pod runs any more; one that is marked for deletion is let go."""
        self._kubelet.pod_gone(pod_uid)

    def evict(self, pod_uid: str, reason: str = "EvictionByEvictionAPI") -> None:
        """Evict a pod: the condition DisruptionTarget first, as a write of its own, then its deletion."""
        self._kubelet.evict(pod_uid, reason)

    def refuse_pods(self, namespace: str, words: str) -> None:
        """Take no new pods in a namespace, as under a full quota, with these words; without words, take them again."""
        self._jobs.refusals.set(namespace, words)

    def snapshot(self) -> dict[str, Any]:
        """Give all objects as a tree for JSON, to be written before anything else changes."""
        store = self._cluster.store
        return {
            "resourceVersion": store.resource_version,
            "names": self._cluster.names,
            "objects": [{"kind": list(kind.key), "object": obj} for kind, obj in store.everything()],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on with the objects of a snapshot instead of those that are here.

        No runtime has its pods any more: those that ran have failed, those that had not begun start anew.
        Watches from before must list again.
        """
        objects = [(find(*entry["kind"]), copied(entry["object"])) for entry in data["objects"]]
        known = [(kind, obj) for kind, obj in objects if kind is not None]
        self._cluster.names = data["names"]
        self._jobs.recover()
        self._cluster.store.restore(data["resourceVersion"], known)
        self._kubelet.recover()
        for kind, obj in known:
            looks = {JOBS: "jobs", NAMESPACES: "namespaces"}
            self._agenda.add(looks.get(kind, "owners"), obj["metadata"]["uid"])

    def _check(self, kind: Kind, subresource: str) -> None:
        if subresource and (subresource != "status" or not kind.has_status):
            raise missing_subresource()

    def _found(self) -> None:
        """Create what is there from the start."""
        for name in ("default", "kube-system"):
            self.create(NAMESPACES, {"metadata": {"name": name}})
        self.create(NODES, {"metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}})
        self.step(self.now)
