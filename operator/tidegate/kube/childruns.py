"""From child runs as the API server gives them to the small facts their parents decide on."""

from collections.abc import Mapping
from typing import Any

from tidegate.api import keys
from tidegate.api.conditions import find, instant_of
from tidegate.engine.facts import ChildFact
from tidegate.kube.observing import Seen, attempt_of
from tidegate.kube.owners import owning_run


def see_child(obj: Mapping[str, Any]) -> Seen | None:
    """Give what a parent is to remember of its child run; None for a run that no task started."""
    meta = obj["metadata"]
    labels = meta.get("labels") or {}
    attempt, parent = attempt_of(labels), labels.get(keys.LABEL_PARENT_UID)
    owner = owning_run(obj)
    if attempt is None or not parent or (owner is not None and owner["uid"] != parent):
        return None
    status = obj.get("status") or {}
    condition = find(status.get("conditions"), "Succeeded") or {}
    fact = ChildFact(
        name=meta["name"],
        uid=meta["uid"],
        attempt=attempt,
        created=instant_of(meta.get("creationTimestamp")) or 0.0,
        tombstone=keys.LABEL_TOMBSTONE in labels,
        started=instant_of(status.get("startTime")),
        finished=instant_of(status.get("completionTime")),
        succeeded=condition.get("status") == "True",
        reason=condition.get("reason") or "",
        message=condition.get("message") or "",
        stop=(status.get("stop") or {}).get("state") or "",
        outputs=status.get("runOutputs") or {},
    )
    return Seen(meta["namespace"], meta["name"], meta["uid"], parent, int(meta["resourceVersion"]), fact)
