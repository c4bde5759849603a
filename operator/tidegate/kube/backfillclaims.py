"""What a Backfill says of the runs that it started: whether they may begin, and whether they may be deleted.

As with triggers, the request that creates a run may arrive long after its sender gave up. So nothing of such a run
begins before `Backfill.status.live` has its UID, and one that comes when its instant is dealt with never does.
"""

from tidegate.api.conditions import instant_of
from tidegate.api.triggers import TriggerKind
from tidegate.engine.backfilling import has_passed
from tidegate.errors import NotFound
from tidegate.kube.backfills import Backfills, Key, is_over
from tidegate.kube.client import Client, Object
from tidegate.kube.owners import owning_flow
from tidegate.kube.resources import BACKFILLS
from tidegate.kube.triggering import Claim


def is_backfilled(run: Object) -> bool:
    """Whether a run was started by a Backfill; people may write `trigger` into their own, which no Flow owns."""
    trigger = run["spec"].get("trigger") or {}
    return (
        trigger.get("kind") == TriggerKind.BACKFILL.value
        and {"time", "id", "backfill"} <= trigger.keys()
        and owning_flow(run) is not None
    )


async def claim_of(client: Client, backfills: Backfills, run: Object) -> Claim:
    """Say whether a run that a Backfill started may begin. What is known may be old: but what names it, named it."""
    known = backfills.known.get(_asked_by(run))
    if known is not None and _claim(known, run) is Claim.NAMED:
        return Claim.NAMED
    fresh = await _read(client, run)
    return Claim.PASSED if fresh is None else _claim(fresh, run)


async def is_awaited(client: Client, backfills: Backfills, run: Object) -> bool:
    """Whether the end of a run is still to be counted, so that it must not be deleted yet.

    What is known may be older than the run. So a Backfill that has not heard of it yet has it stay as well, and one
    that is not known is read.
    """
    if not is_backfilled(run):
        return False
    known = backfills.known.get(_asked_by(run))
    if known is None or known["metadata"]["uid"] != run["spec"]["trigger"]["id"]:
        known = await _read(client, run)
    return known is not None and _claim(known, run) is not Claim.PASSED


async def _read(client: Client, run: Object) -> Object | None:
    """Give the Backfill that started a run, as it is now; None if it is gone."""
    try:
        return await client.get(BACKFILLS, *_asked_by(run))
    except NotFound:
        return None


def _claim(backfill: Object, run: Object) -> Claim:
    trigger, status = run["spec"]["trigger"], backfill.get("status") or {}
    if backfill["metadata"]["uid"] != trigger["id"]:
        return Claim.PASSED
    if any(one["uid"] == run["metadata"]["uid"] for one in status.get("live") or ()):
        return Claim.NAMED
    handled, due = instant_of(status.get("handledTime")), instant_of(trigger["time"]) or 0.0
    is_passed = is_over(backfill) or has_passed(handled, due, backfill["spec"].get("order") or "OldestFirst")
    return Claim.PASSED if is_passed else Claim.NOT_YET


def _asked_by(run: Object) -> Key:
    return run["metadata"]["namespace"], run["spec"]["trigger"]["backfill"]
