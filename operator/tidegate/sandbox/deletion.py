"""What DELETE does: preconditions, who goes with the object, and how long it stays."""

from typing import TYPE_CHECKING, NamedTuple

from tidegate.sandbox import garbage, pods
from tidegate.sandbox.documents import with_metadata
from tidegate.sandbox.kinds import NAMESPACES, PODS, Kind, Object
from tidegate.sandbox.refusals import changed_meanwhile, wrong_uid
from tidegate.sandbox.times import rfc3339

if TYPE_CHECKING:
    from tidegate.sandbox.objects import Objects


class DeleteOptions(NamedTuple):
    """What a client may say with a DELETE; `propagation` is Background, Foreground, Orphan or None."""

    uid: str | None = None
    resource_version: str | None = None
    propagation: str | None = None
    grace_seconds: float | None = None


def check_preconditions(kind: Kind, obj: Object, options: DeleteOptions) -> None:
    """Raise Conflict unless this is the object that the client means."""
    metadata = obj["metadata"]
    if options.uid not in (None, metadata["uid"]):
        raise wrong_uid(kind, metadata["name"], str(options.uid), metadata["uid"])
    if options.resource_version not in (None, metadata["resourceVersion"]):
        raise changed_meanwhile(kind, metadata["name"])


def delete(objects: "Objects", kind: Kind, obj: Object, options: DeleteOptions) -> Object:
    """Delete the object, or mark it as going; gives its last or its present state."""
    propagation = options.propagation or ("Orphan" if kind.orphans else "Background")
    if propagation == "Orphan":
        garbage.orphan_children(objects, obj["metadata"]["uid"])
        obj = objects.store.find(obj["metadata"]["uid"]) or obj
    holds = list(obj["metadata"].get("finalizers", ()))
    if propagation == "Foreground" and garbage.FOREGROUND not in holds and "deletionTimestamp" not in obj["metadata"]:
        holds.append(garbage.FOREGROUND)
    grace = _grace(objects, kind, obj, options)
    marked = with_metadata(
        obj,
        finalizers=holds or None,
        deletionTimestamp=obj["metadata"].get("deletionTimestamp") or rfc3339(objects.now + grace),
        deletionGracePeriodSeconds=grace,
    )
    if kind.key == NAMESPACES:
        marked["status"] = {**marked.get("status", {}), "phase": "Terminating"}
    if kind.key == PODS and not grace and not pods.is_terminal(obj):
        marked = pods.failed(marked, "", "", objects.now)
    return objects.settle(kind.key, marked)


def is_due(kind: Kind, obj: Object) -> bool:
    """Say whether an object that is marked for deletion may vanish."""
    metadata = obj["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers") or metadata["deletionGracePeriodSeconds"]:
        return False
    return kind.key != NAMESPACES


def _grace(objects: "Objects", kind: Kind, obj: Object, options: DeleteOptions) -> float:
    """Seconds that a pod's processes get; none when no node has it, or nothing of it runs any more."""
    if kind.key != PODS or pods.is_terminal(obj) or not objects.is_on_node(obj):
        return 0
    grace = options.grace_seconds
    if grace is None:
        grace = obj["spec"].get("terminationGracePeriodSeconds", 30)
    return min(grace, obj["metadata"].get("deletionGracePeriodSeconds", grace))
