"""LIST, then WATCH, of one kind in one namespace (or all), for ever: what exists is handed out once per change.

It remembers for each uid the resourceVersion and the record that it handed out. So a second LIST, after a 410 or
any doubt, is compared with that memory, and what vanished meanwhile is reported as DELETED. What a record is,
and what is done with it, it does not know.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Generic, NamedTuple, TypeVar

from tidegate.errors import ApiError, Gone
from tidegate.kube.backoff import backoff
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import Resource

R = TypeVar("R")

log = logging.getLogger(__name__)

# A watch shorter than this that ends counts as a failure, or a server that closes at once would be hammered.
_STEADY_SECONDS = 1.0
# After so many failures in a row that the server itself answered, the place in the history is doubted: LIST again.
_DOUBTFUL_AFTER = 3
# Short at most: a try costs little, and until it succeeds we are deaf.
_BACKOFF_BASE, _BACKOFF_CAP = 0.25, 8.0


class Sink(NamedTuple, Generic[R]):
    """What to make of objects: `extract` gives a slim record (None: of no interest), `on_change` receives it.

    `on_listed` is told, after each complete LIST, the namespace, the uids of all that exist, and the resourceVersion.
    """

    extract: Callable[[Object], R | None]
    on_change: Callable[[str, R], None]
    on_restart: Callable[[str], None]
    on_listed: Callable[[str | None, AbstractSet[str], int], None]


class Scope(NamedTuple):
    """What to list: a kind, in one namespace or (None) all of them, with a label selector or (empty) without."""

    resource: Resource
    namespace: str | None
    labels: str


class _Known(NamedTuple, Generic[R]):
    version: str
    record: R


class ListWatch(Generic[R]):
    """One scope of a reflector; `run` never ends by itself."""

    def __init__(self, client: Client, scope: Scope, sink: Sink[R], rng: random.Random) -> None:
        self._client, self._sink, self._rng = client, sink, rng
        self._resource, self._namespace, self._labels = scope
        self._known: dict[str, _Known[R]] = {}
        self._version: str | None = None
        self._newest = 0
        self._failures = 0
        self._has_watched = self._is_steady = False
        self.synced = asyncio.Event()
        self.last_heard: float | None = None
        self.has_regressed = False

    async def run(self) -> None:
        """List and watch until cancelled; no answer of the server ends it."""
        self.last_heard = _now()  # from here on silence is counted
        while True:
            self._has_watched = self._is_steady = False
            try:
                await self._follow()
            except ApiError as error:
                self._note_failure(error)
            await self._pause()

    async def _follow(self) -> None:
        if self._version is None:
            await self._list()
        self._has_watched = True
        await self._watch()

    async def _list(self) -> None:
        """Take in all that exists, then report as deleted what was known and is not there any more."""
        seen: set[str] = set()
        version = ""
        try:
            async for page in self._client.pages(self._resource, self._namespace, labels=self._labels):
                version = self._take_page(page.items, page.resource_version, seen)
        except Gone:
            # The server forgot the continue token: `list` copes with that, at the price of one large answer.
            page = await self._client.list(self._resource, self._namespace, labels=self._labels)
            version = self._take_page(page.items, page.resource_version, seen := set())
        for uid in [uid for uid in self._known if uid not in seen]:
            self._emit("DELETED", self._known.pop(uid).record)
        self._note_version(version, listed=True)
        self._sink.on_listed(self._namespace, seen, int(version) if version.isdigit() else 0)
        self.synced.set()

    def _take_page(self, items: list[Object], version: str, seen: set[str]) -> str:
        self.last_heard = _now()
        for item in items:
            if (uid := _uid(item)) is not None:
                seen.add(uid)
                self._upsert(uid, item)
        return version

    async def _watch(self) -> None:
        """Follow changes until the server ends the watch."""
        began = _now()
        changes = self._client.watch(
            self._resource, self._namespace, resource_version=self._version or "", labels=self._labels
        )
        async for change in changes:
            self.last_heard = _now()
            self._is_steady = self.last_heard - began >= _STEADY_SECONDS
            self._take_change(change.type, change.object)
        self.last_heard = _now()  # a watch that ended as agreed was alive until then
        self._is_steady = self.last_heard - began >= _STEADY_SECONDS

    def _take_change(self, type_: str, item: Object) -> None:
        version = (item.get("metadata") or {}).get("resourceVersion")
        if type_ != "BOOKMARK" and (uid := _uid(item)) is not None:
            if type_ == "DELETED":
                self._delete(uid, item)
            else:
                self._upsert(uid, item)
        if version:
            self._note_version(version)

    def _upsert(self, uid: str, item: Object) -> None:
        known = self._known.get(uid)
        version = str(item["metadata"].get("resourceVersion", ""))
        if known is not None and version and known.version == version:
            return
        try:
            record = self._sink.extract(item)
        except Exception:
            log.exception("%s %s cannot be read and is skipped", self._resource.kind, _title(item))
            return
        if record is not None:
            self._known[uid] = _Known(version, record)
            self._emit("ADDED" if known is None else "MODIFIED", record)
        elif known is not None:  # it was of interest and is not any more
            self._emit("DELETED", self._known.pop(uid).record)

    def _delete(self, uid: str, item: Object) -> None:
        """Report the last state if it can be read, else the last one handed out."""
        known = self._known.pop(uid, None)
        if known is None:
            return
        try:
            record = self._sink.extract(item)
        except Exception:
            log.exception("%s %s cannot be read; its last state is used", self._resource.kind, _title(item))
            record = None
        self._emit("DELETED", known.record if record is None else record)

    def _emit(self, type_: str, record: R) -> None:
        try:
            self._sink.on_change(type_, record)
        except Exception:
            log.exception("a change of a %s was not taken in: %s", self._resource.kind, type_)

    def _note_version(self, version: str, *, listed: bool = False) -> None:
        """Remember where to watch from; a LIST older than what was seen means that the store was restored."""
        self._version = version
        number = int(version) if version.isdecimal() else 0
        if listed and 0 < number < self._newest:
            log.error("%s were listed at %s after %s was seen", self._resource.plural, version, self._newest)
            self.has_regressed = True
        self._newest = max(self._newest, number)

    def _note_failure(self, error: ApiError) -> None:
        level = logging.INFO if isinstance(error, Gone) else logging.WARNING
        log.log(level, "watching %s in %s: %s", self._resource.plural, self._namespace or "all namespaces", error)
        is_answered_doubt = error.status != 0 and self._failures + 1 >= _DOUBTFUL_AFTER
        if isinstance(error, Gone) or is_answered_doubt:
            self._version = None

    async def _pause(self) -> None:
        """Wait before the next try: hardly at all after a watch that lived, longer with each failure in a row."""
        if self._has_watched:
            self._sink.on_restart(self._resource.plural)
        self._failures = 0 if self._is_steady else self._failures + 1
        if self._failures:
            await asyncio.sleep(backoff(self._failures, self._rng, base=_BACKOFF_BASE, cap=_BACKOFF_CAP))
        else:
            await asyncio.sleep(self._rng.uniform(0.0, 0.1))


def _uid(item: Object) -> str | None:
    uid = (item.get("metadata") or {}).get("uid")
    return uid if isinstance(uid, str) and uid else None


def _title(item: Object) -> str:
    metadata = item["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"


def _now() -> float:
    return asyncio.get_running_loop().time()
