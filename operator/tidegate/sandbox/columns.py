"""What `kubectl get` shows of the built-in kinds."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tidegate.sandbox.durations import age, duration
from tidegate.sandbox.eventviews import CORE_EVENTS
from tidegate.sandbox.kinds import (
    CONFIGMAPS,
    CRDS,
    EVENTS,
    JOBS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    REVISIONS,
    SECRETS,
    Kind,
)
from tidegate.sandbox.moments import instant
from tidegate.sandbox.podcolumns import pod_ready, pod_restarts, pod_status
from tidegate.sandbox.tree import Object

Cell = Callable[[Object, float], Any]
"""Takes an object as it is stored and the time in seconds since 1970."""


class Column(NamedTuple):
    """One column of a table; those with a priority above 0 are for `-o wide`."""

    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0
    description: str = ""

    @property
    def definition(self) -> Object:
        """The column as a Table declares it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": self.description or self.name,
            "priority": self.priority,
        }


def _name(obj: Object, _now: float) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Object, now: float) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _at(*path: str, missing: str = "<none>") -> Cell:
    def cell(obj: Object, _now: float) -> Any:
        value: Any = obj
        for name in path:
            value = (value or {}).get(name)
        return missing if value is None else value

    return cell


def _count(*fields: str) -> Cell:
    return lambda obj, _now: sum(len(obj.get(field) or {}) for field in fields)


def _condition(obj: Object, kind: str) -> bool:
    conditions = obj.get("status", {}).get("conditions") or ()
    return any(entry["type"] == kind and entry["status"] == "True" for entry in conditions)


def _node_status(node: Object, _now: float) -> str:
    return "Ready" if _condition(node, "Ready") else "NotReady"


def _job_status(job: Object, _now: float) -> str:
    for condition in ("Complete", "Failed"):
        if _condition(job, condition):
            return condition
    if "deletionTimestamp" in job["metadata"]:
        return "Terminating"
    coming = ("Suspended", "FailureTarget", "SuccessCriteriaMet")
    return next((condition for condition in coming if _condition(job, condition)), "Running")


def _job_completions(job: Object, _now: float) -> str:
    succeeded = job.get("status", {}).get("succeeded", 0)
    return f"{succeeded}/{job['spec'].get('completions', 1)}"


def _job_duration(job: Object, now: float) -> str:
    status = job.get("status", {})
    if "startTime" not in status:
        return ""
    end = instant(status["completionTime"]) if "completionTime" in status else now
    return duration(end - instant(status["startTime"]))


def _containers(field: str) -> Cell:
    def cell(job: Object, _now: float) -> str:
        return ",".join(str(container.get(field)) for container in job["spec"]["template"]["spec"]["containers"])

    return cell


def _event_seen(event: Object, now: float) -> str:
    seen = (event.get("series") or {}).get("lastObservedTime") or event.get("deprecatedLastTimestamp")
    return age(seen or event.get("eventTime") or event["metadata"].get("creationTimestamp"), now)


def _event_object(event: Object, _now: float) -> str:
    regarding = event.get("regarding") or {}
    return f"{regarding.get('kind', '').lower()}/{regarding.get('name', '')}"


def _event_message(event: Object, _now: float) -> str:
    return str(event.get("note", "")).strip()


def _revision_controller(revision: Object, _now: float) -> str:
    owners = revision["metadata"].get("ownerReferences") or ()
    owner = next((entry for entry in owners if entry.get("controller")), None)
    return f"{owner['kind'].lower()}/{owner['name']}" if owner else "<none>"


NAME = Column("Name", _name, description="Name must be unique within a namespace.")
AGE = Column("Age", _age, description="Time since the object was created.")

_EVENTS = (
    Column("Last Seen", _event_seen),
    Column("Type", _at("type")),
    Column("Reason", _at("reason")),
    Column("Object", _event_object),
    Column("Message", _event_message),
    Column("Name", _name, priority=1),
)

_COLUMNS: dict[tuple[str, str], tuple[Column, ...]] = {
    NAMESPACES.key: (NAME, Column("Status", _at("status", "phase")), AGE),
    NODES.key: (
        NAME,
        Column("Status", _node_status),
        Column("Roles", lambda _node, _now: "<none>"),
        AGE,
        Column("Version", _at("status", "nodeInfo", "kubeletVersion")),
    ),
    PODS.key: (
        NAME,
        Column("Ready", pod_ready),
        Column("Status", pod_status),
        Column("Restarts", pod_restarts),
        AGE,
        Column("IP", _at("status", "podIP"), priority=1),
        Column("Node", _at("spec", "nodeName"), priority=1),
    ),
    JOBS.key: (
        NAME,
        Column("Status", _job_status),
        Column("Completions", _job_completions),
        Column("Duration", _job_duration),
        AGE,
        Column("Containers", _containers("name"), priority=1),
        Column("Images", _containers("image"), priority=1),
    ),
    CONFIGMAPS.key: (NAME, Column("Data", _count("data", "binaryData"), "integer"), AGE),
    SECRETS.key: (NAME, Column("Type", _at("type")), Column("Data", _count("data"), "integer"), AGE),
    EVENTS.key: _EVENTS,
    CORE_EVENTS.key: _EVENTS,
    LEASES.key: (NAME, Column("Holder", _at("spec", "holderIdentity", missing="")), AGE),
    REVISIONS.key: (
        NAME,
        Column("Controller", _revision_controller),
        Column("Revision", _at("revision"), "integer"),
        AGE,
    ),
    CRDS.key: (NAME, Column("Created At", _at("metadata", "creationTimestamp"))),
}


def columns_of(kind: Kind) -> tuple[Column, ...]:
    """Give the columns of a built-in kind; name and age for those that have no others."""
    return _COLUMNS.get(kind.key, (NAME, AGE))
