"""Where the world keeps its objects: tables by kind, one resourceVersion counter, a log of changes per kind.

Knows nothing about what an object means; every rule about kinds lies above.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tidegate.errors import api_error
from tidegate.sandbox.kinds import Key, Object
from tidegate.sandbox.selectors import labels_of

Place = tuple[str, str]
"""(namespace, name); the namespace is empty for kinds of the whole cluster."""

Ref = tuple[Key, str, str]
"""(key, namespace, name): one object's address."""


class Entry(NamedTuple):
    """One change: ADDED, MODIFIED or DELETED, the object after it and the one before it."""

    version: int
    type: str
    object: Object
    previous: Object | None


class Log:
    """The changes of one kind in order; whoever reads keeps a resourceVersion as its own cursor."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.oldest = 0
        """Changes up to this resourceVersion are forgotten."""

    def after(self, version: int) -> list[Entry]:
        """Give what came after a resourceVersion; raises Gone when that is no longer complete."""
        if version < self.oldest:
            raise api_error(410, "Expired", f"too old resource version: {version} ({self.oldest})")
        return self.entries[bisect_right(self.entries, version, key=lambda entry: entry.version) :]

    def forget(self, keep: int) -> None:
        """Keep only the last `keep` changes."""
        dropped = self.entries[: max(0, len(self.entries) - keep)]
        if dropped:
            self.oldest = dropped[-1].version
            self.entries = self.entries[len(dropped) :]


class Table:
    """The objects of one kind, with the indexes that lists need."""

    def __init__(self) -> None:
        self.namespaces: dict[str, dict[str, Object]] = {}
        self.labelled: dict[tuple[str, str], dict[Place, None]] = {}
        self.log = Log()

    def get(self, namespace: str, name: str) -> Object | None:
        """Give the object or None."""
        return self.namespaces.get(namespace, {}).get(name)

    def objects(self, namespace: str | None) -> Iterator[Object]:
        """Walk through the objects of one namespace, or of all for None, in order of creation."""
        if namespace is not None:
            yield from self.namespaces.get(namespace, {}).values()
            return
        for objects in self.namespaces.values():
            yield from objects.values()


class Store:
    """All tables; `labels` are the label keys by which objects can be found without a scan."""

    def __init__(self, keys: Iterable[Key], labels: frozenset[str]) -> None:
        self.version = 0
        self.tables = {key: Table() for key in keys}
        self.by_uid: dict[str, Ref] = {}
        self.children: dict[str, dict[Ref, None]] = {}
        """Objects by the uid of an owner that they name, whether that owner exists or not."""
        self.listeners: list[Callable[[Key, Entry], None]] = []
        self._labels = labels

    def put(self, key: Key, obj: Object) -> Object:
        """Keep a new state under the next resourceVersion; `obj` and its metadata must belong to nobody else."""
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        table = self.tables[key]
        objects = table.namespaces.setdefault(namespace, {})
        previous = objects.get(name)
        self.version += 1
        metadata["resourceVersion"] = str(self.version)
        objects[name] = obj
        self._index(table, (key, namespace, name), previous, obj)
        self._record(key, Entry(self.version, "MODIFIED" if previous else "ADDED", obj, previous))
        return obj

    def remove(self, key: Key, namespace: str, name: str) -> Object:
        """Forget an object and give its last state, stamped with the resourceVersion of its end."""
        table = self.tables[key]
        previous = table.namespaces[namespace].pop(name)
        self.version += 1
        last = {**previous, "metadata": {**previous["metadata"], "resourceVersion": str(self.version)}}
        self._index(table, (key, namespace, name), previous, None)
        self._record(key, Entry(self.version, "DELETED", last, previous))
        return last

    def find(self, uid: str) -> Object | None:
        """Give the object with that uid, whatever its kind."""
        ref = self.by_uid.get(uid)
        return self.tables[ref[0]].get(ref[1], ref[2]) if ref else None

    def at(self, ref: Ref) -> Object | None:
        """Give the object at an address."""
        return self.tables[ref[0]].get(ref[1], ref[2])

    def labelled(self, key: Key, label: str, value: str) -> Iterator[Object] | None:
        """Walk through the objects with a label, or None when that label has no index."""
        if label not in self._labels:
            return None
        table = self.tables[key]
        return (table.namespaces[place[0]][place[1]] for place in table.labelled.get((label, value), ()))

    def _record(self, key: Key, entry: Entry) -> None:
        self.tables[key].log.entries.append(entry)
        for listener in self.listeners:
            listener(key, entry)

    def _index(self, table: Table, ref: Ref, old: Object | None, new: Object | None) -> None:
        before, after = (old or {}).get("metadata", {}), (new or {}).get("metadata", {})
        if not (old and new):
            self._index_uid(ref, before, after)
        if before.get("ownerReferences") is not after.get("ownerReferences"):
            self._index_owners(ref, before, after)
        if before.get("labels") is not after.get("labels"):
            self._index_labels(table, ref[1:], old, new)

    def _index_uid(self, ref: Ref, before: Object, after: Object) -> None:
        if before:
            self.by_uid.pop(before["uid"], None)
        if after:
            self.by_uid[after["uid"]] = ref

    def _index_owners(self, ref: Ref, before: Object, after: Object) -> None:
        for owner in before.get("ownerReferences", ()):
            refs = self.children.get(owner["uid"], {})
            refs.pop(ref, None)
            if not refs:
                self.children.pop(owner["uid"], None)
        for owner in after.get("ownerReferences", ()):
            self.children.setdefault(owner["uid"], {})[ref] = None

    def _index_labels(self, table: Table, place: Place, old: Object | None, new: Object | None) -> None:
        for obj, add in ((old, False), (new, True)):
            for label, value in labels_of(obj).items() if obj else ():
                if label not in self._labels:
                    continue
                places = table.labelled.setdefault((label, value), {})
                if add:
                    places[place] = None
                else:
                    places.pop(place, None)
                    if not places:
                        del table.labelled[(label, value)]
