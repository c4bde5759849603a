"""Where the objects of the model lie: tables, indexes and the history that watches read.

It knows nothing of rules: whoever writes has decided already.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

from tidegate.api.keys import LABEL_RUN_UID
from tidegate.sandbox.kinds import KINDS, Kind
from tidegate.sandbox.sentences import gone
from tidegate.sandbox.tree import Object

Change = tuple[str, Object, int]
"""(ADDED|MODIFIED|DELETED, the object, its resourceVersion as a number)"""

Changes = list[Change]

Place = tuple[Kind, str, str]
"""(kind, namespace or empty, name)"""

Watcher = Callable[[Kind, str, Object, Object | None], None]
"""Told the kind, ADDED|MODIFIED|DELETED, the object, and the object as it was before."""


class Table:
    """All objects of one kind and its recent changes."""

    def __init__(self, oldest: int = 0) -> None:
        self.by_namespace: dict[str, dict[str, Object]] = {}
        self.by_run: dict[str, dict[tuple[str, str], None]] = {}
        self.changes: Changes = []
        self.oldest = oldest
        """Changes after this resourceVersion are all kept."""


class Store:
    """Objects by place and by uid, with one resourceVersion for all kinds."""

    def __init__(self, history: int) -> None:
        self.resource_version = 0
        self.watchers: list[Watcher] = []
        self._history = history
        self._tables = {kind.key: Table() for kind in KINDS}
        self._by_uid: dict[str, Place] = {}
        self._dependents: dict[str, dict[str, None]] = {}

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Give the object at a place; cluster-wide kinds have the empty namespace."""
        return self._tables[kind.group, kind.plural].by_namespace.get(namespace, {}).get(name)

    def place_of(self, uid: str) -> Place | None:
        """Tell where the object with this uid lies."""
        return self._by_uid.get(uid)

    def by_uid(self, uid: str) -> Object | None:
        """Give the object with this uid."""
        place = self._by_uid.get(uid)
        return self.find(*place) if place else None

    def dependents(self, uid: str) -> list[str]:
        """Give the uids of the objects that name this uid among their owners, oldest first."""
        return list(self._dependents.get(uid, ()))

    def all_of(self, kind: Kind, namespace: str | None = None) -> Iterator[Object]:
        """Give the objects of a kind, of one namespace or of all, sorted by namespace and name."""
        table = self._tables[kind.group, kind.plural].by_namespace
        for space in sorted(table) if namespace is None else (namespace,):
            objects = table.get(space, {})
            for name in sorted(objects):
                yield objects[name]

    def of_run(self, kind: Kind, run_uid: str, namespace: str | None) -> Iterator[Object]:
        """Give the objects that carry the label of a run, sorted by namespace and name."""
        table = self._tables[kind.group, kind.plural]
        for space, name in sorted(table.by_run.get(run_uid, ())):
            if namespace in (None, space):
                yield table.by_namespace[space][name]

    def inside(self, namespace: str) -> Iterator[tuple[Kind, Object]]:
        """Give all objects of a namespace."""
        for kind in KINDS:
            if kind.namespaced:
                for obj in self.all_of(kind, namespace):
                    yield kind, obj

    def everything(self) -> Iterator[tuple[Kind, Object]]:
        """Give all objects."""
        for kind in KINDS:
            for obj in self.all_of(kind):
                yield kind, obj

    def changes_since(self, kind: Kind, resource_version: int) -> Changes:
        """Give the changes after a resourceVersion, oldest first; raises Gone when some are not kept any more."""
        table = self._tables[kind.group, kind.plural]
        if resource_version < table.oldest:
            raise gone(resource_version, table.oldest)
        return table.changes[bisect_right(table.changes, resource_version, key=_version) :]

    def put(self, kind: Kind, obj: Object, old: Object | None) -> Object:
        """Store a new state in place of `old`; takes over `obj` and its metadata, which nobody else may hold."""
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        table = self._tables[kind.group, kind.plural]
        table.by_namespace.setdefault(namespace, {})[name] = obj
        if old is None:
            self._by_uid[metadata["uid"]] = (kind, namespace, name)
            self._index(table, obj)
        elif _indexed(old) != _indexed(obj):
            self._unindex(table, old)
            self._index(table, obj)
        self._record(kind, table, "ADDED" if old is None else "MODIFIED", obj, old)
        return obj

    def remove(self, kind: Kind, obj: Object) -> Object:
        """Forget an object; gives its last state, with the resourceVersion of its end."""
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        table = self._tables[kind.group, kind.plural]
        del table.by_namespace[namespace][name]
        if not table.by_namespace[namespace]:
            del table.by_namespace[namespace]
        del self._by_uid[metadata["uid"]]
        self._unindex(table, obj)
        last = {**obj, "metadata": dict(metadata)}
        self._record(kind, table, "DELETED", last, obj)
        return last

    def restore(self, resource_version: int, objects: list[tuple[Kind, Object]]) -> None:
        """Begin with the objects of an earlier life, instead of all that is here; its history is lost."""
        self.resource_version = resource_version
        self._by_uid.clear()
        self._dependents.clear()
        self._tables = {kind.key: Table(resource_version) for kind in KINDS}
        for kind, obj in objects:
            metadata, table = obj["metadata"], self._tables[kind.group, kind.plural]
            namespace, name = metadata.get("namespace", ""), metadata["name"]
            table.by_namespace.setdefault(namespace, {})[name] = obj
            self._by_uid[metadata["uid"]] = (kind, namespace, name)
            self._index(table, obj)

    def _record(self, kind: Kind, table: Table, change: str, obj: Object, old: Object | None) -> None:
        self.resource_version += 1
        obj["metadata"]["resourceVersion"] = str(self.resource_version)
        table.changes.append((change, obj, self.resource_version))
        if len(table.changes) >= 2 * self._history:
            self._forget(table)
        for watcher in self.watchers:
            watcher(kind, change, obj, old)

    def _forget(self, table: Table) -> None:
        dropped = len(table.changes) - self._history
        table.oldest = table.changes[dropped - 1][2]
        del table.changes[:dropped]

    def _index(self, table: Table, obj: Object) -> None:
        metadata = obj["metadata"]
        run_uid = (metadata.get("labels") or {}).get(LABEL_RUN_UID)
        if run_uid is not None:
            table.by_run.setdefault(run_uid, {})[metadata.get("namespace", ""), metadata["name"]] = None
        for owner in metadata.get("ownerReferences") or ():
            self._dependents.setdefault(owner["uid"], {})[metadata["uid"]] = None

    def _unindex(self, table: Table, obj: Object) -> None:
        metadata = obj["metadata"]
        run_uid = (metadata.get("labels") or {}).get(LABEL_RUN_UID)
        if run_uid is not None:
            _drop(table.by_run, run_uid, (metadata.get("namespace", ""), metadata["name"]))
        for owner in metadata.get("ownerReferences") or ():
            _drop(self._dependents, owner["uid"], metadata["uid"])


def _version(change: Change) -> int:
    return change[2]


def _indexed(obj: Object) -> tuple[object, object]:
    metadata = obj["metadata"]
    return metadata.get("labels"), metadata.get("ownerReferences")


def _drop(index: dict[str, dict[Any, None]], key: str, value: Any) -> None:
    entries = index.get(key)
    if entries is not None:
        entries.pop(value, None)
        if not entries:
            del index[key]
