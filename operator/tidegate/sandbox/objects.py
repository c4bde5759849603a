"""The API of the modelled cluster: create, get, list, replace, patch, delete, with an API server's manners.

Writes take effect at once. Nothing here acts on its own: that is what the controllers in `world.py` are for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tidegate.sandbox import deletion, events, paging, preparation
from tidegate.sandbox.deletion import DeleteOptions
from tidegate.sandbox.documents import merge_patch
from tidegate.sandbox.kinds import KINDS, NAMESPACES, Key, Kind, Object, Registry
from tidegate.sandbox.namespaces import is_closing
from tidegate.sandbox.refusals import already_exists, bad_request, closing_namespace, not_found
from tidegate.sandbox.selectors import exact_name, parse_labels, predicate
from tidegate.sandbox.storage import Entry, Store

Check = Callable[[Kind, Object, Object | None], Object]
"""(kind, new, old or None) gives the object to keep, with defaults or pruned, or raises Invalid."""

INDEXED = frozenset({"batch.kubernetes.io/job-name", "tidegate.dev/run-uid"})


class Settings(NamedTuple):
    """What a world is made with; all of it has a sensible value."""

    kinds: Iterable[Kind] = KINDS
    uids: Callable[[], str] | None = None
    """Gives a new uid each time; by default they are numbered, so that two runs of a simulation are equal."""
    indexed_labels: frozenset[str] = INDEXED
    """Label keys by which lists are found without a scan."""


class Objects:
    """All objects of a cluster, and the rules by which they are read and written.

    What a read gives is shared with the store: never change it in place. What a write takes is copied.
    `key` is (group, version, plural) or any longer tuple that begins so. Errors are those of `errors.ApiError`.
    """

    def __init__(self, settings: Settings | None = None, *, now: float = 0.0) -> None:
        settings = settings or Settings()
        self.registry = Registry(settings.kinds)
        stored = [kind.key for kind in self.registry.by_key.values() if kind.stored_as is None]
        self.store = Store(stored, settings.indexed_labels)
        self.now = now
        self._uids = settings.uids or _numbered()
        self._ensure_namespace("default")

    def get(self, key: Key, namespace: str | None, name: str) -> Object:
        """Read one object; raises NotFound."""
        kind = self.registry.find(key)
        return _shown(kind, self._existing(kind, namespace, name))

    def list(  # noqa: PLR0913 - a list call has that many parts
        self,
        key: Key,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        token: str = "",
    ) -> paging.Listing:
        """List what matches, in order of namespace and name; raises Rejected for a bad selector, Gone for an old token."""
        kind = self.registry.find(key)
        namespace = namespace if kind.namespaced else None
        matches = predicate(kind, labels, fields)
        if token:
            version, after = paging.opened(token)
            candidates: Iterable[Object] = paging.state_at(self._table(kind), version, namespace)
        else:
            version, after = self.store.version, None
            candidates = self._candidates(kind, namespace, labels, fields)
        found = [obj for obj in candidates if matches(obj)] if matches else list(candidates)
        listing = paging.page(found, version, limit, after)
        if kind.stored_as:
            return listing._replace(items=[_shown(kind, obj) for obj in listing.items])
        return listing

    def changes(self, key: Key, after: int) -> list[Entry]:
        """Give all changes of a kind after a resourceVersion, unfiltered; raises Gone when they are not kept."""
        kind = self.registry.find(key)
        entries = self._table(kind).log.after(after)
        return [_shown_entry(kind, entry) for entry in entries] if kind.stored_as else entries

    @property
    def version(self) -> int:
        """The resourceVersion of the latest change of any kind."""
        return self.store.version

    def create(
        self,
        key: Key,
        namespace: str | None,
        body: Mapping[str, Any],
        *,
        check: Check | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Create an object under its name, or under one made from `generateName`; raises AlreadyExists, Invalid."""
        kind = self.registry.find(key)
        obj = self._prepared(kind, namespace or "", body)
        if check:
            obj = check(kind, obj, None)
        metadata = obj["metadata"]
        existing = self._table(kind).get(metadata.get("namespace", ""), metadata["name"])
        if existing is not None:
            raise already_exists(kind, existing)
        if not dry_run:
            if kind.namespaced:
                self._ensure_namespace(metadata["namespace"])
            self.put(key[:3], obj) if not kind.stored_as else self.put(kind.stored_as, obj)
        return _shown(kind, obj)

    def replace(  # noqa: PLR0913 - a PUT has that many parts
        self,
        key: Key,
        namespace: str | None,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        check: Check | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Replace an object (or only its `status`) under the resourceVersion in the body, if there is one."""
        kind = self.registry.find(key)
        metadata = body.get("metadata") or {}
        old = self._existing(kind, namespace or metadata.get("namespace"), metadata["name"])
        return self._update(kind, old, _stored(kind, dict(body)), subresource, check, dry_run=dry_run)

    def replace_status(self, key: Key, namespace: str | None, body: Mapping[str, Any]) -> Object:
        """Replace the `status` subresource."""
        return self.replace(key, namespace, body, subresource="status")

    def patch_merge(  # noqa: PLR0913 - a PATCH has that many parts
        self,
        key: Key,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str = "",
        check: Check | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Apply a JSON merge patch; a resourceVersion in it is a precondition."""
        kind = self.registry.find(key)
        old = self._existing(kind, namespace, name)
        body = _stored(kind, merge_patch(_shown(kind, old), patch))
        return self._update(kind, old, body, subresource, check, dry_run=dry_run)

    def delete(  # noqa: PLR0913 - a DELETE has that many parts
        self,
        key: Key,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str | None = None,
        grace_seconds: float | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Delete an object, or mark it while finalizers or processes hold it; gives the state it leaves."""
        kind = self.registry.find(key)
        obj = self._existing(kind, namespace, name)
        options = DeleteOptions(uid, resource_version, propagation, grace_seconds)
        deletion.check_preconditions(kind, obj, options)
        if dry_run:
            return _shown(kind, obj)
        stored = self.registry.find(kind.stored_as) if kind.stored_as else kind
        return _shown(kind, deletion.delete(self, stored, obj, options))

    def put(self, key: Key, obj: Object) -> Object:
        """Keep a new state, without any check: for controllers. The object must not be used by anybody else."""
        metadata = obj["metadata"]
        old = self.store.tables[key].get(metadata.get("namespace", ""), metadata["name"])
        new = self.store.put(key, obj)
        self.noticed(key, old, new)
        return new

    def remove(self, key: Key, namespace: str, name: str) -> Object:
        """Forget an object, without any check: for controllers."""
        last = self.store.remove(key, namespace, name)
        self.noticed(key, last, None)
        return last

    def settle(self, key: Key, obj: Object) -> Object:
        """Keep a new state, or remove the object when it was only waiting for this change."""
        metadata = obj["metadata"]
        if not deletion.is_due(self.registry.find(key), obj):
            return self.put(key, obj)
        old = self.store.tables[key].get(metadata.get("namespace", ""), metadata["name"])
        if old is not None and old.get("status") != obj.get("status"):
            self.put(key, obj)
        return self.remove(key, metadata.get("namespace", ""), metadata["name"])

    def noticed(self, key: Key, old: Object | None, new: Object | None) -> None:
        """Called after each change; the world tells its controllers."""

    def is_on_node(self, pod: Object) -> bool:
        """Say whether a node has the pod, so that its processes need time to end."""
        return bool(pod["spec"].get("nodeName"))

    def _prepared(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> Object:
        metadata = dict(body.get("metadata") or {})
        if metadata.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        uid = self._uids()
        if not metadata.get("name"):
            metadata["name"] = self._generated(kind, namespace, metadata.get("generateName"), uid)
        if kind.namespaced:
            self._check_namespace(kind, metadata["name"], namespace)
        return preparation.created(kind, namespace, _stored(kind, {**body, "metadata": metadata}), uid, self.now)

    def _generated(self, kind: Kind, namespace: str, prefix: str | None, uid: str) -> str:
        if not prefix:
            raise bad_request("name or generateName is required")
        table = self._table(kind)
        while table.get(namespace, name := prefix + suffix_of(uid)) is not None:
            uid = self._uids()
        return name

    def _check_namespace(self, kind: Kind, name: str, namespace: str) -> None:
        if not namespace:
            raise bad_request("an empty namespace may not be set during creation")
        found = self.store.tables[NAMESPACES].get("", namespace)
        if found is not None and is_closing(found):
            raise closing_namespace(kind, name, namespace)

    def _ensure_namespace(self, name: str) -> None:
        if self.store.tables[NAMESPACES].get("", name) is None:
            self.create(NAMESPACES, None, {"metadata": {"name": name}})

    def _existing(self, kind: Kind, namespace: str | None, name: str) -> Object:
        obj = self._table(kind).get((namespace or "") if kind.namespaced else "", name)
        if obj is None:
            raise not_found(kind, name)
        return obj

    def _update(  # noqa: PLR0913 - private, and all of it comes from one request
        self, kind: Kind, old: Object, body: Object, subresource: str, check: Check | None, *, dry_run: bool
    ) -> Object:
        new = preparation.updated(kind, old, body, subresource)
        if check:
            new = check(kind, new, old)
        if new == old:
            return _shown(kind, old)
        if subresource != "status":
            new = preparation.with_generation(kind, old, new)
        if not dry_run:
            new = self.settle(kind.stored_as or kind.key, new)
        return _shown(kind, new)

    def _table(self, kind: Kind) -> Any:
        return self.store.tables[kind.stored_as or kind.key]

    def _candidates(self, kind: Kind, namespace: str | None, labels: str, fields: str) -> Iterable[Object]:
        table = self._table(kind)
        name = exact_name(fields)
        if name is not None and (namespace or not kind.namespaced):
            obj = table.get(namespace or "", name)
            return [obj] if obj else []
        for term in parse_labels(labels):
            if len(term.values) == 1 and not term.negated:
                found = self.store.labelled(kind.key, term.name, next(iter(term.values)))
                if found is not None:
                    return (obj for obj in found if namespace in (None, obj["metadata"].get("namespace")))
        return table.objects(namespace)


_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


def suffix_of(uid: str) -> str:
    """Make five letters and digits, as in generated names, out of a uid's."""
    number = int.from_bytes(uid.encode()[-16:]) * 2654435761 % 27**5
    letters = []
    for _ in range(5):
        number, rest = divmod(number, 27)
        letters.append(_SUFFIX[rest])
    return "".join(letters)


def _numbered() -> Callable[[], str]:
    numbers: Iterator[int] = iter(range(1, 2**48))
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012x}"


def _stored(kind: Kind, body: Object) -> Object:
    return events.stored(body) if kind.stored_as else body


def _shown(kind: Kind, obj: Object) -> Object:
    return events.shown(obj) if kind.stored_as else obj


def _shown_entry(kind: Kind, entry: Entry) -> Entry:
    return entry._replace(
        object=_shown(kind, entry.object), previous=_shown(kind, entry.previous) if entry.previous else None
    )
