"""The recent changes of each kind, with the state before each: what a watch with a selector needs to know.

An object that stops matching a selector is gone for that watch, one that begins to match is new to it.
"""

from bisect import bisect_right
from collections.abc import Callable

from tidegate.errors import api_error
from tidegate.sandbox.kinds import KINDS, Kind
from tidegate.sandbox.tables import encoded
from tidegate.sandbox.tree import Object
from tidegate.sandbox.world import World

Listener = Callable[[Kind], None]


class Change:
    """One change: ADDED, MODIFIED or DELETED, the object, and the object before."""

    __slots__ = ("_line", "before", "obj", "type", "version")

    def __init__(self, version: int, type_: str, obj: Object, before: Object | None) -> None:
        self.version, self.type, self.obj, self.before = version, type_, obj, before
        self._line: bytes | None = None

    def line(self) -> bytes:
        """Give the change as most watches want it; it is written once for all of them."""
        if self._line is None:
            self._line = line_of(self.type, self.obj)
        return self._line


def line_of(type_: str, obj: Object) -> bytes:
    """Write one line of a watch."""
    return encoded({"type": type_, "object": obj}) + b"\n"


class History:
    """Follows a world, and tells `listeners` the kind after each change."""

    def __init__(self, world: World, *, keep: int = 10_000) -> None:
        self.listeners: list[Listener] = []
        self._keep = keep
        self._oldest = dict.fromkeys((kind.key for kind in KINDS), world.resource_version)
        self._changes: dict[tuple[str, str], list[Change]] = {kind.key: [] for kind in KINDS}
        self._latest = {obj["metadata"]["uid"]: obj for kind in KINDS for obj in world.list(kind)}
        self._world = world
        world.on_change(self._note)

    def since(self, kind: Kind, version: int) -> list[Change]:
        """Give the changes after a resourceVersion, oldest first.

        Raises:
            Gone: the changes are not all kept, or the version is of another, later life of this world.
        """
        oldest = self._oldest[kind.key]
        if version < oldest or version > self._world.resource_version:
            raise api_error(410, "Expired", f"too old resource version: {version} ({oldest})")
        changes = self._changes[kind.key]
        return changes[bisect_right(changes, version, key=lambda change: change.version) :]

    def _note(self, kind: Kind, type_: str, obj: Object) -> None:
        metadata = obj["metadata"]
        before = self._latest.pop(metadata["uid"], None)
        if type_ != "DELETED":
            self._latest[metadata["uid"]] = obj
        changes = self._changes[kind.key]
        changes.append(Change(int(metadata["resourceVersion"]), type_, obj, before))
        if len(changes) >= 2 * self._keep:
            self._oldest[kind.key] = changes[-self._keep - 1].version
            del changes[: -self._keep]
        for listener in self.listeners:
            listener(kind)
