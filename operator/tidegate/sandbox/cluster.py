"""The verbs of an API server over the model's objects: create, get, list, replace, patch, delete.

Everything that goes in is copied; everything that comes out is stored and shared, so nobody may change it.
"""

from collections.abc import Callable
from typing import Any

from tidegate.api.keys import LABEL_RUN_UID
from tidegate.errors import ApiError, api_error
from tidegate.sandbox import birth, fixed_fields, rules, sentences, shapes
from tidegate.sandbox.kinds import NAMESPACES, PODS, Kind
from tidegate.sandbox.moments import stamp
from tidegate.sandbox.selection import Matcher, equal_to, field_matcher, label_matcher
from tidegate.sandbox.store import Store
from tidegate.sandbox.tree import Object, Objects, copied, merged, without_nulls

Default = Callable[[Kind, Object], Object]
"""Fills in the defaults of a new object; may change the object it is given, and gives the result."""

FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
"""What a propagation policy other than Background leaves on the object until its dependents are cared for."""

_FIXED = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


class Cluster:
    """Objects behind the manners of an API server. `now` is the time that new objects bear."""

    def __init__(self, *, now: float, new_uid: Callable[[], str], history: int, default: Default | None = None) -> None:
        self.now = now
        self.store = Store(history)
        self.new_uid = new_uid
        self.names = 0
        """How many names were made from a prefix."""
        self._default = default

    def require(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """Give an object; raises NotFound."""
        obj = self.store.find(kind, namespace or "", name)
        if obj is None:
            raise sentences.not_found(kind, name)
        return obj

    def list(self, kind: Kind, namespace: str | None, labels: str, fields: str) -> Objects:
        """Give the objects that both selectors accept, sorted by namespace and name."""
        run_uid = equal_to(labels, LABEL_RUN_UID)
        matches = both(kind, labels, fields)
        found = self.store.all_of(kind, namespace) if run_uid is None else self.store.of_run(kind, run_uid, namespace)
        return [obj for obj in found if matches(obj)]

    def create(self, kind: Kind, obj: Object, namespace: str | None) -> Object:
        """Store a new object; raises AlreadyExists, NotFound (namespace), Forbidden, Rejected."""
        new = _read(kind, obj)
        metadata = new.setdefault("metadata", {})
        space = _namespace(kind, metadata, namespace)
        name = metadata.get("name") or self.name_after(metadata.get("generateName", ""))
        self._check_place(kind, space, name)
        new["metadata"] = self.new_metadata(kind, metadata, space, name)
        new = birth.prepared(kind, new)
        if self._default:
            new = self._default(kind, new)
        _refuse(kind, name, rules.faults(kind, new))
        return self.store.put(kind, new, None)

    def replace(self, kind: Kind, obj: Object, subresource: str) -> Object:
        """Store a new state of an object; raises NotFound, Conflict, Rejected."""
        new = _read(kind, obj)
        metadata = new.get("metadata", {})
        old = self.require(kind, _namespace(kind, metadata, None), metadata.get("name", ""))
        if kind.needs_version and not metadata.get("resourceVersion"):
            fault = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
            raise sentences.invalid(kind, metadata["name"], [fault])
        check_preconditions(kind, old, metadata.get("uid"), metadata.get("resourceVersion"))
        return self._write(kind, old, new, subresource)

    def patch(self, kind: Kind, namespace: str | None, name: str, patch: Object, subresource: str) -> Object:
        """Apply a JSON merge patch; raises NotFound, Conflict (the patch names another version), Rejected."""
        old = self.require(kind, namespace, name)
        new = merged(old, patch)
        shapes.check(kind, new)
        metadata = patch.get("metadata") or {}
        check_preconditions(kind, old, metadata.get("uid"), metadata.get("resourceVersion"))
        if metadata.get("name", name) != name or (metadata.get("namespace") or namespace or "") != (namespace or ""):
            raise sentences.bad_request("the name or namespace of the patch does not match the object's")
        return self._write(kind, old, new, subresource)

    def change(
        self,
        kind: Kind,
        old: Object,
        *,
        status: Object | None = None,
        spec: Object | None = None,
        **metadata: Any,
    ) -> Object:
        """Write for a controller: no copies, no checks. What is given is taken over and replaces what was."""
        new = dict(old)
        new["metadata"] = {**old["metadata"], **metadata}
        if status is not None:
            new["status"] = status
        if spec is not None:
            new["spec"] = spec
        return self.commit(kind, old, new)

    def commit(self, kind: Kind, old: Object, new: Object) -> Object:
        """Store a new state, and let the object go when that was all that held it."""
        stored = self.store.put(kind, new, old)
        metadata = stored["metadata"]
        if "deletionTimestamp" in metadata and _is_free(kind, stored):
            return self.store.remove(kind, stored)
        return stored

    def delete(self, kind: Kind, obj: Object, propagation: str, grace: int | None) -> Object:
        """Delete an object, or mark it as ending when something holds it; gives its last state."""
        metadata = obj["metadata"]
        seconds = pod_grace(obj, grace) if kind is PODS else 0
        if "deletionTimestamp" in metadata:
            return self._hasten(kind, obj, seconds)
        finalizers = list(metadata.get("finalizers") or ())
        if propagation in FINALIZERS and FINALIZERS[propagation] not in finalizers:
            finalizers.append(FINALIZERS[propagation])
        if not finalizers and not seconds and kind is not NAMESPACES:
            return self.store.remove(kind, obj)
        changes: dict[str, Any] = {
            "deletionTimestamp": stamp(self.now + seconds),
            "deletionGracePeriodSeconds": seconds,
        }
        if finalizers:
            changes["finalizers"] = finalizers
        if "generation" in metadata:
            changes["generation"] = metadata["generation"] + 1
        return self.change(kind, obj, status=_ending_status(kind, obj), **changes)

    def new_metadata(self, kind: Kind, metadata: Object, namespace: str, name: str) -> Object:
        """Give the metadata of a new object: what the writer may say, and what only the server says."""
        new: Object = {"name": name}
        if namespace:
            new["namespace"] = namespace
        new |= {key: value for key, value in metadata.items() if key not in _FIXED and key != "managedFields"}
        new |= {"uid": self.new_uid(), "creationTimestamp": stamp(self.now)}
        if kind.has_generation:
            new["generation"] = 1
        return new

    def name_after(self, prefix: str) -> str:
        """Make a name from a prefix; the model has no chance, so a counter is scattered over the alphabet."""
        if not prefix:
            raise sentences.bad_request("name or generateName is required: found neither in metadata")
        self.names += 1
        return birth.suffixed(prefix, self.names)

    def _hasten(self, kind: Kind, obj: Object, seconds: int) -> Object:
        if kind is not PODS or seconds >= obj["metadata"].get("deletionGracePeriodSeconds", 0):
            return obj
        ends = stamp(self.now + seconds)
        return self.change(kind, obj, deletionTimestamp=ends, deletionGracePeriodSeconds=seconds)

    def _check_place(self, kind: Kind, namespace: str, name: str) -> None:
        existing = self.store.find(kind, namespace, name)
        if existing is not None:
            raise sentences.already_exists(kind, name, is_ending="deletionTimestamp" in existing["metadata"])
        if not kind.namespaced:
            return
        space = self.require(NAMESPACES, None, namespace)
        if "deletionTimestamp" in space["metadata"]:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise sentences.forbidden(kind, name, why)

    def _write(self, kind: Kind, old: Object, new: Object, subresource: str) -> Object:
        """Store what a writer may change of `new`, which is ours to keep."""
        if subresource == "status":
            new = _with_status_of(old, new)
        else:
            _keep_fixed(kind, old, new)
        if new == old:
            return old
        if subresource != "status":
            _refuse(
                kind, old["metadata"]["name"], rules.faults(kind, new) or fixed_fields.change_faults(kind, old, new)
            )
            if kind.has_generation and _intent(old) != _intent(new):
                new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        return self.commit(kind, old, new)


def both(kind: Kind, labels: str, fields: str) -> Matcher:
    """Give the test for both selectors; raises Rejected when one cannot be read."""
    by_label, by_field = label_matcher(labels), field_matcher(kind, fields)
    if not fields:
        return by_label
    return lambda obj: by_label(obj) and by_field(obj)


def check_preconditions(kind: Kind, obj: Object, uid: str | None, version: str | None) -> None:
    """Raise Conflict when the writer means another object, or an older state."""
    metadata = obj["metadata"]
    if uid and uid != metadata["uid"]:
        raise sentences.precondition(kind, metadata["name"], "UID", uid, metadata["uid"])
    if version and version != metadata["resourceVersion"]:
        raise sentences.modified(kind, metadata["name"])


def pod_grace(pod: Object, grace: int | None) -> int:
    """Give the seconds that a pod gets for its end: none when nothing of it can run."""
    spec = pod["spec"]
    if not spec.get("nodeName") or pod["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    return int(spec.get("terminationGracePeriodSeconds", 30)) if grace is None else max(0, grace)


def missing_subresource() -> ApiError:
    """The path does not exist."""
    return api_error(404, "NotFound", "the server could not find the requested resource")


def _read(kind: Kind, obj: Object) -> Object:
    """Copy what a writer sent. Custom resources keep their nulls; the other kinds have no place for them."""
    new: Object = copied(obj) if kind.needs_version else without_nulls(obj)
    shapes.check(kind, new)
    return new


def _refuse(kind: Kind, name: str, faults: list[str]) -> None:
    if faults:
        raise sentences.invalid(kind, name, faults)


def _namespace(kind: Kind, metadata: Object, namespace: str | None) -> str:
    """Tell where a new object goes; the request and the object must agree."""
    if not kind.namespaced:
        return ""
    said = metadata.get("namespace")
    if namespace and said and namespace != said:
        raise sentences.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return namespace or said or "default"


def _is_free(kind: Kind, obj: Object) -> bool:
    """Tell whether nothing holds an ending object any more."""
    metadata = obj["metadata"]
    if metadata.get("finalizers") or kind is NAMESPACES:
        return False
    return kind is not PODS or not metadata.get("deletionGracePeriodSeconds")


def _ending_status(kind: Kind, obj: Object) -> Object | None:
    return {**obj.get("status", {}), "phase": "Terminating"} if kind is NAMESPACES else None


def _with_status_of(old: Object, new: Object) -> Object:
    result = {**old, "metadata": dict(old["metadata"])}
    result.pop("status", None)
    if "status" in new:
        result["status"] = new["status"]
    return result


def _keep_fixed(kind: Kind, old: Object, new: Object) -> None:
    """Put back what a writer cannot change."""
    metadata = dict(new.get("metadata") or {})
    for name in (*_FIXED, "managedFields"):
        metadata.pop(name, None)
        if name in old["metadata"]:
            metadata[name] = old["metadata"][name]
    new["metadata"] = metadata
    new["apiVersion"], new["kind"] = old["apiVersion"], old["kind"]
    if kind.has_status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]


def _intent(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name not in ("metadata", "status")}
