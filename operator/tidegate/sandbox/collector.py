"""What goes when its owner or its namespace goes."""

from tidegate.sandbox.agenda import Agenda
from tidegate.sandbox.cluster import FINALIZERS, Cluster
from tidegate.sandbox.kinds import NAMESPACES, SERVICEACCOUNTS, Kind
from tidegate.sandbox.store import Place
from tidegate.sandbox.tree import Object

FOREGROUND, ORPHAN = FINALIZERS["Foreground"], FINALIZERS["Orphan"]


class Collector:
    """Deletes objects whose owners are all gone, and serves the other two propagation policies."""

    def __init__(self, cluster: Cluster, agenda: Agenda) -> None:
        self._cluster = cluster
        self._agenda = agenda

    def watch(self, _kind: Kind, change: str, obj: Object, old: Object | None) -> None:
        """Notice what loses its owner, and owners that wait for their dependents."""
        metadata = obj["metadata"]
        if change == "DELETED":
            for uid in self._cluster.store.dependents(metadata["uid"]):
                self._agenda.add("owners", uid)
            for owner in metadata.get("ownerReferences") or ():
                self._agenda.add("owners", owner["uid"])
        elif "deletionTimestamp" in metadata or (_owners(obj) != _owners(old) and not self._is_owned(obj)):
            self._agenda.add("owners", metadata["uid"])

    def look(self, uid: str) -> None:
        """Collect an object, or care for the dependents of one that is ending."""
        place = self._cluster.store.place_of(uid)
        obj = self._cluster.store.by_uid(uid)
        if place is None or obj is None:
            return
        if "deletionTimestamp" not in obj["metadata"]:
            if _owners(obj) and not self._is_owned(obj):
                self._cluster.delete(place[0], obj, "Background", None)
            return
        finalizers = obj["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            self._set_free(uid)
            self._drop(place[0], obj, ORPHAN)
        elif FOREGROUND in finalizers:
            self._wait_for_dependents(uid, place[0], obj)

    def _set_free(self, uid: str) -> None:
        for place, dependent in self._dependents(uid):
            kept = [owner for owner in _owners(dependent) if owner["uid"] != uid]
            self._cluster.change(place[0], dependent, ownerReferences=kept)

    def _wait_for_dependents(self, uid: str, kind: Kind, obj: Object) -> None:
        for place, dependent in self._dependents(uid):
            if "deletionTimestamp" not in dependent["metadata"]:
                self._cluster.delete(place[0], dependent, "Background", None)
        if not self._cluster.store.dependents(uid):
            self._drop(kind, obj, FOREGROUND)

    def _dependents(self, uid: str) -> list[tuple[Place, Object]]:
        store = self._cluster.store
        found = ((store.place_of(dependent), store.by_uid(dependent)) for dependent in store.dependents(uid))
        return [(place, obj) for place, obj in found if place is not None and obj is not None]

    def _drop(self, kind: Kind, obj: Object, finalizer: str) -> None:
        kept = [name for name in obj["metadata"]["finalizers"] if name != finalizer]
        self._cluster.change(kind, obj, finalizers=kept)

    def _is_owned(self, obj: Object) -> bool:
        """Tell whether an owner lives; one in another namespace is none."""
        owners = _owners(obj)
        places = (self._cluster.store.place_of(owner["uid"]) for owner in owners)
        space = obj["metadata"].get("namespace", "")
        return not owners or any(place is not None and place[1] in ("", space) for place in places)


class Namespaces:
    """Gives each namespace its default ServiceAccount, and empties those that end."""

    def __init__(self, cluster: Cluster, agenda: Agenda) -> None:
        self._cluster = cluster
        self._agenda = agenda

    def watch(self, kind: Kind, change: str, obj: Object, _old: Object | None) -> None:
        """Notice new and ending namespaces, and what leaves an ending one."""
        if kind is NAMESPACES:
            self._agenda.add("namespaces", obj["metadata"]["uid"])
        elif change == "DELETED" and kind.namespaced:
            space = self._cluster.store.find(NAMESPACES, "", obj["metadata"]["namespace"])
            if space is not None and "deletionTimestamp" in space["metadata"]:
                self._agenda.add("namespaces", space["metadata"]["uid"])

    def look(self, uid: str) -> None:
        """Do what a namespace needs."""
        space = self._cluster.store.by_uid(uid)
        if space is None:
            return
        name = space["metadata"]["name"]
        if "deletionTimestamp" in space["metadata"]:
            self._empty(name, space)
        elif self._cluster.store.find(SERVICEACCOUNTS, name, "default") is None:
            self._cluster.create(SERVICEACCOUNTS, {"metadata": {"name": "default"}}, name)

    def _empty(self, name: str, space: Object) -> None:
        store = self._cluster.store
        for kind, obj in list(store.inside(name)):
            current = store.by_uid(obj["metadata"]["uid"])
            if current is not None and "deletionTimestamp" not in current["metadata"]:
                self._cluster.delete(kind, current, "Background", None)
        if next(store.inside(name), None) is None and not space["metadata"].get("finalizers"):
            store.remove(NAMESPACES, space)


def _owners(obj: Object | None) -> list[Object]:
    return (obj["metadata"].get("ownerReferences") or []) if obj else []
