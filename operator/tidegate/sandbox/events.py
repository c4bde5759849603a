"""Events: two API groups, one store. Kept in the form of the core group, shown in either."""

from tidegate.sandbox.kinds import Object

_RENAMED = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_SHOWN = {core: newer for newer, core in _RENAMED.items()}


def stored(event: Object) -> Object:
    """Turn an event of events.k8s.io/v1 into one of the core group."""
    core = {_RENAMED.get(name, name): value for name, value in event.items()}
    core["apiVersion"] = "v1"
    if core.get("eventTime") and not core.get("source"):
        core["source"] = {"component": core.get("reportingComponent", "")}
    return core


def shown(event: Object) -> Object:
    """Turn an event of the core group into one of events.k8s.io/v1."""
    return {_SHOWN.get(name, name): value for name, value in event.items()} | {"apiVersion": "events.k8s.io/v1"}
