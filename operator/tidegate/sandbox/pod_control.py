"""What the controller of Jobs does to pods: it creates them, lets go of them, ends them; when is not known here."""

from collections.abc import Iterable, Iterator

from tidegate.sandbox.birth import suffixed
from tidegate.sandbox.cluster import Cluster
from tidegate.sandbox.job_pods import Draft
from tidegate.sandbox.kinds import NAMESPACES, PODS
from tidegate.sandbox.roster import TRACKING, is_tracked
from tidegate.sandbox.tree import Object, Objects


class PodControl:
    """The hands of the controller. Pods may be given in any state; what is done is done to the newest."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def of_job(self, uid: str) -> Objects:
        """Give all pods of a Job, oldest first; this walks through all of them."""
        store = self._cluster.store
        pods = (store.by_uid(dependent) for dependent in store.dependents(uid))
        return [pod for pod in pods if pod is not None and pod["kind"] == "Pod" and controller_of(pod) == uid]

    def may_be_created(self, job: Object) -> bool:
        """Tell whether the Job's namespace takes new pods."""
        space = self._cluster.store.find(NAMESPACES, "", job["metadata"]["namespace"])
        return space is not None and "deletionTimestamp" not in space["metadata"]

    def create(self, job: Object, draft: Draft) -> None:
        """Create a pod; it shares what the draft shares with others."""
        cluster, namespace = self._cluster, job["metadata"]["namespace"]
        cluster.names += 1
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": cluster.new_metadata(PODS, draft.metadata, namespace, suffixed(draft.prefix, cluster.names)),
            "spec": draft.spec,
            "status": {"phase": "Pending", "qosClass": "BestEffort"},
        }
        cluster.store.put(PODS, pod, None)

    def release(self, pods: Iterable[Object]) -> None:
        """Let go of pods that are counted, or will never be."""
        for pod in self._current(pods):
            if is_tracked(pod):
                finalizers = [name for name in pod["metadata"]["finalizers"] if name != TRACKING]
                self._cluster.change(PODS, pod, finalizers=finalizers)

    def delete(self, pods: Iterable[Object]) -> None:
        """Tell pods to end."""
        for pod in self._current(pods):
            if "deletionTimestamp" not in pod["metadata"]:
                self._cluster.delete(PODS, pod, "Background", None)

    def remove(self, pods: Iterable[Object]) -> None:
        """Tell pods to end whose end will count for nothing."""
        doomed = list(pods)
        self.release(doomed)
        self.delete(doomed)

    def _current(self, pods: Iterable[Object]) -> Iterator[Object]:
        for uid in [pod["metadata"]["uid"] for pod in pods]:
            pod = self._cluster.store.by_uid(uid)
            if pod is not None:
                yield pod


def controller_of(pod: Object | None) -> str | None:
    """Give the uid of the Job that controls a pod."""
    owners = (pod["metadata"].get("ownerReferences") if pod else None) or ()
    return next((owner["uid"] for owner in owners if owner.get("controller") and owner["kind"] == "Job"), None)
