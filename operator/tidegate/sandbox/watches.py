"""Watches: the changes of a kind as a stream of lines, with bookmarks, until the client or its time is gone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

from tidegate.errors import ApiError
from tidegate.sandbox.answers import bad_request, status_of
from tidegate.sandbox.eventviews import CORE_EVENTS, shown, stored_kind
from tidegate.sandbox.history import Change, History, line_of
from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.routes import Target
from tidegate.sandbox.selection import Matcher, field_matcher, label_matcher
from tidegate.sandbox.tables import Shapes
from tidegate.sandbox.tree import Object
from tidegate.sandbox.world import World

_BOOKMARK_SECONDS = 60.0
_DEFAULT_SECONDS = 1800
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Wanted(NamedTuple):
    """What a client wants to hear of."""

    kind: Kind
    matches: Matcher
    shape: str
    include: str
    since: int | None
    """None: everything that exists first."""
    wants_bookmarks: bool
    wants_initial_end: bool
    seconds: float


def wanted_of(target: Target, query: Mapping[str, str], shape: str) -> Wanted:
    """Read the parameters of a watch; raises Rejected (400)."""
    version, seconds = query.get("resourceVersion", ""), query.get("timeoutSeconds") or _DEFAULT_SECONDS
    if (version and not version.isdecimal()) or not str(seconds).isdecimal():
        raise bad_request(f"found resourceVersion={version!r}, timeoutSeconds={seconds!r}, expected numbers")
    from_start = version in ("", "0") or is_true(query.get("sendInitialEvents"))
    return Wanted(
        kind=target.kind,
        matches=matcher_of(target, query),
        shape=shape,
        include=query.get("includeObject") or "Metadata",
        since=None if from_start else int(version),
        wants_bookmarks=is_true(query.get("allowWatchBookmarks")),
        wants_initial_end=is_true(query.get("sendInitialEvents")),
        seconds=float(seconds),
    )


def is_true(text: str | None) -> bool:
    """Read a boolean query parameter; an empty one is true, as in `?watch`."""
    return text in ("", "1", "t", "true", "True", "TRUE")


def matcher_of(target: Target, query: Mapping[str, str]) -> Matcher:
    """Give the test for namespace and selectors; objects are tested as they are stored."""
    kind, namespace = target.kind, target.namespace
    by_label = label_matcher(query.get("labelSelector", ""))
    by_field = field_matcher(kind, query.get("fieldSelector", ""))
    name = target.name

    def matches(obj: Object) -> bool:
        metadata = obj["metadata"]
        if namespace is not None and metadata.get("namespace") != namespace:
            return False
        if name and metadata["name"] != name:
            return False
        return by_label(obj) and by_field(shown(kind, obj))

    return matches


class Watches:
    """All watches of a server."""

    def __init__(self, world: World, history: History, shapes: Shapes, clock: Callable[[], float]) -> None:
        self._world, self._history, self._shapes, self._clock = world, history, shapes, clock
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}
        self._is_closed = False
        history.listeners.append(self._wake)

    def close(self) -> None:
        """End all watches."""
        self._is_closed = True
        for waiting in self._waiting.values():
            for news in waiting:
                news.set()

    async def follow(self, wanted: Wanted) -> AsyncIterator[bytes]:
        """Give the lines of a watch, several at a time when several are there."""
        news = asyncio.Event()
        waiting = self._waiting.setdefault(stored_kind(wanted.kind).key, set())
        waiting.add(news)
        try:
            async for lines in self._lines(wanted, news):
                yield lines
        except ApiError as error:
            yield line_of("ERROR", status_of(error))
        finally:
            waiting.discard(news)

    async def _lines(self, wanted: Wanted, news: asyncio.Event) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        end = loop.time() + wanted.seconds
        version = self._world.resource_version if wanted.since is None else wanted.since
        if wanted.since is None:
            yield self._initial(wanted)
        while not self._is_closed:
            news.clear()
            changes = self._history.since(stored_kind(wanted.kind), version)
            if lines := b"".join(self._line(wanted, change) for change in changes):
                yield lines
            # without changes nothing of this kind has happened up to here
            version = changes[-1].version if changes else self._world.resource_version
            left = end - loop.time()
            if left > 0 and (changes or await _heard(news, min(left, _BOOKMARK_SECONDS))):
                continue
            if wanted.wants_bookmarks:
                yield self._bookmark(wanted, version)
            if left <= 0:
                return

    def _initial(self, wanted: Wanted) -> bytes:
        objs = [obj for obj in self._world.list(stored_kind(wanted.kind)) if wanted.matches(obj)]
        lines = [self._written(wanted, "ADDED", obj) for obj in objs]
        if wanted.wants_initial_end:
            lines.append(self._bookmark(wanted, self._world.resource_version, _INITIAL_END))
        return b"".join(lines)

    def _line(self, wanted: Wanted, change: Change) -> bytes:
        """Write a change as a watch with selectors sees it; empty when it does not see it at all."""
        was_seen = change.before is not None and wanted.matches(change.before)
        if change.type == "DELETED":
            type_ = "DELETED" if was_seen else ""
        elif wanted.matches(change.obj):
            type_ = "MODIFIED" if was_seen else "ADDED"
        else:
            type_ = "DELETED" if was_seen else ""
        if not type_:
            return b""
        if not wanted.shape and type_ == change.type and wanted.kind is not CORE_EVENTS:
            return change.line()
        return self._written(wanted, type_, change.obj)

    def _written(self, wanted: Wanted, type_: str, obj: Object) -> bytes:
        shaped = self._shapes.one(wanted.kind, obj, wanted.shape, self._clock(), include=wanted.include)
        return line_of(type_, shaped)

    def _bookmark(self, wanted: Wanted, version: int, annotations: Mapping[str, str] | None = None) -> bytes:
        metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = dict(annotations)
        if wanted.shape == "Table":
            return line_of("BOOKMARK", {**self._shapes.many(wanted.kind, [], "Table", metadata, self._clock())})
        kind = {"kind": wanted.kind.kind, "apiVersion": wanted.kind.api_version}
        if wanted.shape:
            kind = {"kind": wanted.shape, "apiVersion": "meta.k8s.io/v1"}
        return line_of("BOOKMARK", {**kind, "metadata": metadata})

    def _wake(self, kind: Kind) -> None:
        for news in self._waiting.get(kind.key, ()):
            news.set()


async def _heard(news: asyncio.Event, seconds: float) -> bool:
    """Wait for news; False when there were none in so many seconds."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await news.wait()
    except TimeoutError:
        return False
    return True
