"""Where a run comes from: how deep below others it is, and whether the run that started it still wants it."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.api import keys
from tidegate.engine.conclusion import Outcome
from tidegate.engine.ledger import INTENT, OBSERVED, Ledger
from tidegate.errors import NotFound
from tidegate.kube.client import Client, Object
from tidegate.kube.observing import attempt_of
from tidegate.kube.owners import owning_run
from tidegate.kube.resources import FLOWRUNS

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Origin:
    """How many runs are above a run, and what the idempotency keys of its tasks are made from; empty for its UID."""

    depth: int = 0
    root: str = ""


async def origin_of(client: Client, obj: Object) -> Origin | Outcome:
    """Give where a run comes from, or how it ends because its parent does not want it any more.

    The request that creates a child run may arrive long after its sender gave up: so the parent is read live, which
    named the child before anybody could create it.
    """
    claimed = _claimed(obj["metadata"].get("annotations") or {})
    owner = owning_run(obj)
    if owner is None:
        return claimed
    try:
        parent = await client.get(FLOWRUNS, obj["metadata"]["namespace"], owner["name"])
    except NotFound:
        parent = None
    if parent is None or parent["metadata"]["uid"] != owner["uid"]:
        return Outcome(False, "ParentGone", f"its parent run {owner['name']} does not exist any more", {})
    if not _is_wanted(obj, parent):
        message = f"its parent run {owner['name']} has stopped, or ended the task that started it"
        return Outcome(False, "ParentStopped", message, {})
    above = ((parent.get("status") or {}).get("frozen") or {}).get("depth") or 0
    return Origin(max(claimed.depth, above + 1), claimed.root)


def _claimed(annotations: Mapping[str, str]) -> Origin:
    """Read what was noted when the run was created; others may have written it, so it can only make a run deeper."""
    depth = annotations.get(keys.ANNOTATION_DEPTH, "")
    is_number = depth.isdecimal() and len(depth) < _DIGITS
    return Origin(int(depth) if is_number else 0, annotations.get(keys.ANNOTATION_WORK, "")[:1024])


def _is_wanted(obj: Object, parent: Object) -> bool:
    """Whether the parent names this run as one that lives; people may give a run any parent, which names none."""
    labels = obj["metadata"].get("labels") or {}
    attempt = attempt_of(labels)
    if attempt is None or labels.get(keys.LABEL_PARENT_UID) != parent["metadata"]["uid"]:
        return True
    ledger = Ledger.parse((parent.get("status") or {}).get("ledger") or {"slots": "", "attempts": []})
    slot, number = attempt
    return slot < len(ledger.slots) and (ledger.attempts[slot], ledger.slots[slot] in (INTENT, OBSERVED)) == (
        number,
        True,
    )
