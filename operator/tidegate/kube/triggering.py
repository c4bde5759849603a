"""Whether a run that a schedule or the end of another run started may begin: only the one that its Flow's status names.

The request that creates a run may arrive long after its sender gave up, when the run of that instant has come, ended
and been deleted. So nothing of a triggered run begins before `Flow.status.triggers` has its UID, and one that comes
when its instant is dealt with without it never does. Runs of webhooks need no such claim: they begin at once, and
their names are held for a day instead (see `history.py`).
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from tidegate.api.conditions import instant_of
from tidegate.api.triggers import SCHEDULES, TriggerKind
from tidegate.engine.afterflows import is_passed
from tidegate.engine.marks import Mark
from tidegate.engine.upstream import last_uid
from tidegate.errors import NotFound
from tidegate.kube.client import Client, Object
from tidegate.kube.owners import owning_flow
from tidegate.kube.resources import FLOWS
from tidegate.kube.store import Store

_CLAIMED = {kind.value for kind in (*SCHEDULES, TriggerKind.FLOW)}


class Claim(Enum):
    """What a Flow's status says of a run: it names it, it does not yet, or it never will."""

    NAMED = 1
    NOT_YET = 2
    PASSED = 3


def is_triggered(obj: Object) -> bool:
    """Whether a run was started by a trigger of the Flow that owns it; people may write `trigger` into their own."""
    kind = (obj["spec"].get("trigger") or {}).get("kind")
    return kind in _CLAIMED and "time" in obj["spec"]["trigger"] and owning_flow(obj) is not None


async def claim_of(client: Client, store: Store, obj: Object) -> Claim:
    """Say whether a triggered run may begin. What is known may be old: but what names it, named it."""
    key = (obj["metadata"]["namespace"], obj["spec"]["flowRef"]["name"])
    known = store.flows.get(key)
    if known is not None and _claim(known, obj) is Claim.NAMED:
        return Claim.NAMED
    try:
        flow = await client.get(FLOWS, *key)
    except NotFound:
        return Claim.NOT_YET  # its owner is gone: it goes too
    return _claim(flow, obj)


def _claim(flow: Object, obj: Object) -> Claim:
    trigger, owner = obj["spec"]["trigger"], owning_flow(obj)
    if owner is None or owner["uid"] != flow["metadata"]["uid"]:
        return Claim.PASSED
    row = _row(flow, trigger["name"])
    if row is None:
        return Claim.NOT_YET if _is_claimed(flow, trigger["name"]) else Claim.PASSED
    if any(started["uid"] == obj["metadata"]["uid"] for started in row.get("started") or ()):
        return Claim.NAMED
    if not row.get("schedule") and not _is_claimed(flow, trigger["name"]):
        return Claim.PASSED
    return Claim.PASSED if _is_dealt_with(row, trigger) else Claim.NOT_YET


def _is_dealt_with(row: Mapping[str, Any], trigger: Mapping[str, Any]) -> bool:
    """Whether the instant of a run, or the end of the runs that it follows, is dealt with for good."""
    due = instant_of(trigger["time"]) or 0.0
    if trigger["kind"] == TriggerKind.FLOW:
        return is_passed(Mark.parse(row), int(due), last_uid(trigger.get("id") or ""))
    handled = instant_of(row.get("handledTime"))
    return handled is not None and handled >= due


def _is_claimed(flow: Object, name: str) -> bool:
    """Whether a Flow has a trigger of that name that names runs; one that became a webhook names nobody any more."""
    there = (one for one in flow["spec"].get("triggers") or () if one["name"] == name)
    return any(kind.lower() in one for one in there for kind in _CLAIMED)


def _row(flow: Object, name: str) -> Mapping[str, Any] | None:
    rows = (flow.get("status") or {}).get("triggers") or ()
    return next((row for row in rows if row["name"] == name), None)
