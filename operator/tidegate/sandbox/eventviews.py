"""Events have two faces: stored as events.k8s.io/v1, they are shown and taken as core/v1 too, as kubectl reads them."""

from tidegate.sandbox.kinds import EVENTS, Kind
from tidegate.sandbox.tree import Object

_REGARDING = ("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid")

CORE_EVENTS = Kind(
    "",
    "v1",
    "events",
    "Event",
    short_names=("ev",),
    selectable=("reason", "reportingComponent", "source", "type", *(f"involvedObject.{name}" for name in _REGARDING)),
)

_TO_CORE = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_FROM_CORE = {core: stored for stored, core in _TO_CORE.items()}


def stored_kind(kind: Kind) -> Kind:
    """Give the kind under which the objects of a kind are stored."""
    return EVENTS if kind is CORE_EVENTS else kind


def shown(kind: Kind, obj: Object) -> Object:
    """Give a stored object as `kind` shows it; the same object for all kinds but core events."""
    return _renamed(obj, _TO_CORE, CORE_EVENTS) if kind is CORE_EVENTS else obj


def taken(kind: Kind, obj: Object) -> Object:
    """Give an object as it is stored when it arrives as `kind`."""
    return _renamed(obj, _FROM_CORE, EVENTS) if kind is CORE_EVENTS else obj


def _renamed(obj: Object, names: dict[str, str], kind: Kind) -> Object:
    renamed = {names.get(name, name): value for name, value in obj.items()}
    return {**renamed, "apiVersion": kind.api_version, "kind": kind.kind}
