"""A pure, deterministic model of a small cluster: objects, the life of Jobs and pods, owners, namespaces.

No I/O, no clock, no chance: time is passed to `step`, uids come from a function. A write acts at once; `step(now)`
then lets the controllers act until none has anything left to do at that instant.
"""

from collections.abc import Callable

from tidegate.sandbox.agenda import Agenda
from tidegate.sandbox.cluster import Cluster, Default, check_preconditions, missing_subresource
from tidegate.sandbox.kinds import NAMESPACES, NODES, SERVICEACCOUNTS, Kind
from tidegate.sandbox.store import Changes
from tidegate.sandbox.tree import Object, Objects

NODE = "sandbox"
"""The one node, to which every pod is bound."""


class World:
    """A cluster. What its methods give is stored and shared: never change it; what goes in is copied.

    Errors are the classes of `tidegate.errors` with an API server's own sentences.
    """

    def __init__(
        self, *, now: float, new_uid: Callable[[], str], history: int = 10_000, default: Default | None = None
    ) -> None:
        self._cluster = Cluster(now=now, new_uid=new_uid, history=history, default=default)
        self._agenda = Agenda()
        self._found()

    @property
    def now(self) -> float:
        """Wall time of the model in seconds since 1970."""
        return self._cluster.now

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

    def delete(
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
        return self._agenda.next_wake()

    def _check(self, kind: Kind, subresource: str) -> None:
        if subresource and (subresource != "status" or not kind.has_status):
            raise missing_subresource()

    def _found(self) -> None:
        for name in ("default", "kube-system"):
            self.create(NAMESPACES, {"metadata": {"name": name}})
        self.create(SERVICEACCOUNTS, {"metadata": {"name": "default"}}, namespace="default")
        self.create(NODES, {"metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}})
