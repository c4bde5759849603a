"""What happens to an object between a request and the world: identity, defaults, checks; also as a dry run."""

import base64
import binascii
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tidegate.sandbox.answers import Fault, bad_request, invalid, not_allowed
from tidegate.sandbox.customs import Customs
from tidegate.sandbox.eventviews import shown, stored_kind, taken
from tidegate.sandbox.kinds import CRDS, EVENTS, NAMESPACES, SECRETS, SERVICEACCOUNTS, Kind
from tidegate.sandbox.patches import form_of, patched
from tidegate.sandbox.routes import Target
from tidegate.sandbox.tree import Object
from tidegate.sandbox.world import World


class Written(NamedTuple):
    """What a write gave: the stored object, and warnings for whoever asked."""

    obj: Object
    warnings: list[str]


class Options(NamedTuple):
    """The query parameters of a write."""

    field_validation: str
    is_dry_run: bool


class Deletion(NamedTuple):
    """What a DELETE says beside the object's address; `grace` in seconds."""

    uid: str | None
    resource_version: str | None
    propagation: str | None
    grace: int | None


def options_of(query: Mapping[str, str]) -> Options:
    """Read the parameters of a write; raises Rejected (400)."""
    validation = query.get("fieldValidation") or "Warn"
    if validation not in ("Strict", "Warn", "Ignore"):
        raise bad_request(f"found fieldValidation={validation}, expected Strict, Warn or Ignore")
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise bad_request(f"found dryRun={dry_run}, expected All")
    return Options(validation, bool(dry_run))


def deletion_of(query: Mapping[str, str], body: Object) -> Deletion:
    """Read the options of a DELETE from its body (DeleteOptions) and its query; raises Rejected (400)."""
    preconditions = body.get("preconditions") or {}
    propagation = body.get("propagationPolicy") or query.get("propagationPolicy")
    if propagation not in (None, "Background", "Foreground", "Orphan"):
        raise bad_request(f"found propagationPolicy {propagation!r}, expected Background, Foreground or Orphan")
    grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    if grace is not None and not str(grace).lstrip("-").isdecimal():
        raise bad_request(f"found gracePeriodSeconds {grace!r}, expected a number of seconds")
    seconds = None if grace is None else int(grace)
    return Deletion(preconditions.get("uid"), preconditions.get("resourceVersion"), propagation, seconds)


class Writes:
    """Creates, replaces, patches and deletes objects of the world for requests."""

    def __init__(self, world: World, customs: Customs, clock: Callable[[], float]) -> None:
        self._world, self._customs, self._clock = world, customs, clock

    def create(self, target: Target, body: Object, options: Options) -> Written:
        """Store a new object. What is given is changed."""
        kind = stored_kind(target.kind)
        if kind is CRDS:
            raise not_allowed("the sandbox serves the kinds that it was started with: no other can be added")
        obj = self._identified(target, body)
        _prepare(kind, obj)
        warnings = self._customs.check(kind, obj, None, options.field_validation)
        world = self._world_for(options)
        stored = world.create(kind, obj, namespace=target.namespace)
        if kind is NAMESPACES:
            add_service_account(world, stored["metadata"]["name"])
        return Written(stored, warnings)

    def replace(self, target: Target, body: Object, options: Options) -> Written:
        """Store a new state of an object. What is given is changed."""
        obj = self._identified(target, body)
        return self._store(target, obj, options)

    def patch(self, target: Target, content_type: str, body: bytes, options: Options) -> Written:
        """Apply a patch of any format that `patches` knows."""
        form, kind = form_of(content_type), stored_kind(target.kind)
        current = self._world.get(kind, target.namespace, target.name)
        obj = patched(target.kind, shown(target.kind, current), form, body)
        return self._store(target, self._identified(target, obj), options)

    def delete(self, target: Target, deletion: Deletion, options: Options) -> Object:
        """Delete an object, or begin to; gives its last state."""
        kind = stored_kind(target.kind)
        if kind is CRDS:
            raise not_allowed("the sandbox serves the kinds that it was started with: none can be removed")
        return self._world_for(options).delete(
            kind,
            target.namespace,
            target.name,
            uid=deletion.uid,
            resource_version=deletion.resource_version,
            propagation=deletion.propagation or ("Orphan" if kind.orphans else "Background"),
            grace=deletion.grace,
        )

    def _store(self, target: Target, obj: Object, options: Options) -> Written:
        kind = stored_kind(target.kind)
        old = self._world.get(kind, target.namespace, target.name)
        warnings: list[str] = []
        if target.subresource == "status":
            self._customs.check_status(kind, obj)
        else:
            _prepare(kind, obj)
            if kind.has_status:  # it is not written here, so its faults are not this writer's
                obj.pop("status", None)
            warnings = self._customs.check(kind, obj, old, options.field_validation)
        subresource = "" if target.subresource == "finalize" else target.subresource
        return Written(self._world_for(options).replace(kind, obj, subresource=subresource), warnings)

    def _identified(self, target: Target, body: Object) -> Object:
        """Check that the body is the object which the path names; raises Rejected (400)."""
        kind = target.kind
        version, name = body.get("apiVersion", kind.api_version), body.get("kind", kind.kind)
        if version != kind.api_version:
            raise bad_request(
                f"the API version in the data ({version}) does not match the expected API version ({kind.api_version})"
            )
        if name != kind.kind:
            raise bad_request(f'{name} in version "{kind.version}" cannot be handled as a {kind.kind}: kinds differ')
        metadata = body.setdefault("metadata", {})
        if not isinstance(metadata, dict):
            raise bad_request(f"metadata: found {type(metadata).__name__}, expected an object")
        if target.name and metadata.setdefault("name", target.name) != target.name:
            raise bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
            )
        if target.namespace and (metadata.get("namespace") or target.namespace) != target.namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if target.namespace:
            metadata["namespace"] = target.namespace
        return {**taken(kind, body), "apiVersion": stored_kind(kind).api_version, "kind": kind.kind}

    def _world_for(self, options: Options) -> World:
        """Give the world at this moment, or for a dry run a copy that is thrown away."""
        if not options.is_dry_run:
            self._world.now = self._clock()
            return self._world
        copy = World(now=self._clock(), new_uid=lambda: str(uuid.uuid4()))
        copy.restore(self._world.snapshot())
        return copy


def add_service_account(world: World, namespace: str) -> None:
    """Create the account that each namespace has."""
    world.create(SERVICEACCOUNTS, {"metadata": {"name": "default"}}, namespace=namespace)


def _prepare(kind: Kind, obj: Object) -> None:
    """Do what a real server does to some built-in kinds, in place."""
    if kind is SECRETS:
        _encode_secret(obj)
    elif kind is EVENTS:
        obj["metadata"].setdefault("namespace", "default")


def _encode_secret(secret: Object) -> None:
    """Move `stringData` into `data`, and check that `data` is base64; raises Rejected (400, 422)."""
    secret["type"] = secret.get("type") or "Opaque"
    texts, data = secret.pop("stringData", None) or {}, secret.get("data") or {}
    if not isinstance(texts, dict) or not isinstance(data, dict):
        raise bad_request("data and stringData: expected an object each, from key to text")
    for key, text in texts.items():
        data = {**data, key: base64.b64encode(str(text).encode()).decode()}
    faults = [fault for key, text in data.items() if (fault := _not_base64(key, text))]
    if faults:
        raise invalid("Secret", "", str(secret["metadata"].get("name", "")), faults)
    if data:
        secret["data"] = data


def _not_base64(key: str, text: Any) -> Fault | None:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return Fault(
            "FieldValueInvalid", f"data[{key}]", "Invalid value: expected base64; plain text is for stringData"
        )
    return None
