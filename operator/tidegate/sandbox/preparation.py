"""The metadata that an API server gives to new objects and carries over on updates."""

from tidegate.sandbox.defaults import filled, secret_data
from tidegate.sandbox.documents import copy_json
from tidegate.sandbox.immutability import forbidden_changes
from tidegate.sandbox.kinds import SECRETS, Kind, Object
from tidegate.sandbox.refusals import Cause, Invalid, bad_request, changed_meanwhile, wrong_uid
from tidegate.sandbox.times import rfc3339

_SET_BY_SERVER = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_NOT_KEPT = ("managedFields", "selfLink", "resourceVersion", *_SET_BY_SERVER)


def created(kind: Kind, namespace: str, body: Object, uid: str, now: float) -> Object:
    """Make the object that a POST asks for; its name is there already, the body stays the caller's."""
    obj: Object = {"apiVersion": kind.api_version, "kind": kind.kind}
    obj |= {name: copy_json(value) for name, value in body.items() if name not in obj}
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _NOT_KEPT}
    if kind.namespaced:
        metadata["namespace"] = namespace
    metadata |= {"uid": uid, "creationTimestamp": rfc3339(now)}
    if kind.counts_generation:
        metadata["generation"] = 1
    obj["metadata"] = metadata
    if kind.has_status:
        obj.pop("status", None)
    return filled(kind, obj)


def updated(kind: Kind, old: Object, body: Object, subresource: str) -> Object:
    """Make the object that a PUT asks for; equal to `old` when it changes nothing.

    Raises:
        Conflict: the body names another uid or resourceVersion than the object has.
        Invalid: it changes what may not change.
    """
    _check_identity(kind, old, body.get("metadata") or {})
    if subresource == "status":
        return _with_new_status(old, body)
    new: Object = {"apiVersion": kind.api_version, "kind": kind.kind}
    new |= {name: copy_json(value) for name, value in body.items() if name not in new}
    new["metadata"] = _kept(old["metadata"], new["metadata"])
    if kind.has_status:
        new["status"] = old.get("status")
        if new["status"] is None:
            del new["status"]
    if kind.key == SECRETS:
        new = secret_data(new)
    causes = forbidden_changes(kind, old, new)
    if causes:
        raise Invalid(kind, old["metadata"]["name"], causes)
    return new


def with_generation(kind: Kind, old: Object, new: Object) -> Object:
    """Count the generation up when something besides metadata and status has changed."""
    if kind.counts_generation and _intent(old) != _intent(new):
        generation = old["metadata"].get("generation", 0) + 1
        return {**new, "metadata": {**new["metadata"], "generation": generation}}
    return new


def _check_identity(kind: Kind, old: Object, metadata: Object) -> None:
    has = old["metadata"]
    if metadata.get("name", has["name"]) != has["name"]:
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({has['name']})"
        )
    if metadata.get("uid", has["uid"]) != has["uid"]:
        raise wrong_uid(kind, has["name"], metadata["uid"], has["uid"])
    wanted = metadata.get("resourceVersion")
    if not wanted and not kind.blind_update:
        unset = Cause("metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
        raise Invalid(kind, has["name"], [unset])
    if wanted and wanted != has["resourceVersion"]:
        raise changed_meanwhile(kind, has["name"])


def _kept(old: Object, wanted: Object) -> Object:
    metadata = {name: value for name, value in wanted.items() if name not in _NOT_KEPT}
    for name in ("name", "namespace", "generateName", "resourceVersion", *_SET_BY_SERVER):
        if name in old:
            metadata[name] = old[name]
    return metadata


def _with_new_status(old: Object, body: Object) -> Object:
    new = {**old, "metadata": dict(old["metadata"])}
    if "status" in body:
        new["status"] = copy_json(body["status"])
    else:
        new.pop("status", None)
    return new


def _intent(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name not in ("metadata", "status")}
