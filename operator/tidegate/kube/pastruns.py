"""The runs that instants of a trigger have already, whoever started them."""

from collections import defaultdict
from collections.abc import Mapping

from tidegate.api.backfill import BackfillSpec
from tidegate.api.conditions import find, instant_of, is_true
from tidegate.engine.backfill import Before, span_of
from tidegate.engine.upstream import PASSED
from tidegate.kube import backfillclaims, triggering
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.store import Store, has_ended
from tidegate.kube.triggering import Claim


async def runs_before(client: Client, store: Store, namespace: str, spec: BackfillSpec) -> Mapping[int, list[Before]]:
    """Give the runs of a Backfill's instants by instant, read live; reruns and people's own are among them.

    Left out is what was created and never begins, such as by an operator that died or came too late.
    """
    found: dict[int, list[Before]] = defaultdict(list)
    first, last = span_of(spec)
    page = await client.list(FLOWRUNS, namespace, fields=f"spec.flowRef.name={spec.flow_ref.name}")
    for run in page.items:
        status = run.get("status") or {}
        trigger = (status.get("frozen") or run["spec"]).get("trigger") or {}
        time = instant_of(trigger.get("time"))
        if trigger.get("name") != spec.trigger or time is None or not first <= time <= last:
            continue
        if await _begins(client, store, run):
            created = instant_of(run["metadata"]["creationTimestamp"]) or 0.0
            succeeded = is_true(status.get("conditions"), "Succeeded")
            found[int(time)].append(Before(run["metadata"]["name"], created, has_ended(run), succeeded))
    return found


async def _begins(client: Client, store: Store, run: Object) -> bool:
    """Whether a run has begun, or will."""
    status = run.get("status") or {}
    if "frozen" in status:
        return True
    if has_ended(run):
        return (find(status.get("conditions"), "Succeeded") or {}).get("reason") != PASSED
    if triggering.is_triggered(run):
        return await triggering.claim_of(client, store, run) is Claim.NAMED
    if backfillclaims.is_backfilled(run):
        return await backfillclaims.claim_of(client, store.backfills, run) is not Claim.PASSED
    return True
