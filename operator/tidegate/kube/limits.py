"""The lock of a Flow: who of its runs is live is decided in `Flow.status.active`, by compare-and-swap on live reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.api.conditions import instant_of
from tidegate.api.flow import Concurrency
from tidegate.api.keys import LABEL_RUN_UID
from tidegate.engine.concurrency import Contender, Entry, Grants, Refusal, grant
from tidegate.errors import Conflict, NotFound
from tidegate.kube.childruns import owning_run
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS, FLOWS, PODS
from tidegate.kube.store import RunKey, key_of, version_of
from tidegate.kube.writer import write_status

SOON, LATER = 1.0, 30.0
"""Seconds until a waiting run looks again: while a place is being freed, and as a net under what it is told of."""

_MAX_DEPTH = 16
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands with its Flow: it holds a place, was turned away, or waits in a queue.

    `others` are runs for which something was decided too; `again` are the seconds after which to look again.
    """

    admitted: bool
    refusal: Refusal | None = None
    message: str = ""
    others: tuple[RunKey, ...] = ()
    again: float = LATER


async def contend(client: Client, obj: Object) -> Standing:
    """Ask for a place for a run whose inputs are frozen.

    Raises:
        NotFound: its Flow is gone.
        Conflict: somebody else decided at the same time; ask again.
    """
    namespace, uid, name = obj["metadata"]["namespace"], obj["metadata"]["uid"], obj["spec"]["flowRef"]["name"]
    flow = await client.get(FLOWS, namespace, name)
    listed = (await client.list(FLOWRUNS, namespace, fields=f"spec.flowRef.name={name}")).items
    policy = Concurrency.model_validate(flow["spec"].get("concurrency") or {}, extra="ignore")
    active = [Entry.parse(row) for row in (flow.get("status") or {}).get("active") or ()]
    live = {run["metadata"]["uid"]: run for run in listed if not _has_ended(run)}
    ending = [entry for entry in active if entry.uid not in live]
    over = frozenset([entry.uid for entry in ending if not await _has_live_pod(client, namespace, entry.uid)])
    ancestors = await _ancestors(client, obj)
    runs = [_contender(run, ancestors if run["metadata"]["uid"] == uid else frozenset()) for run in live.values()]
    grants = grant(policy, active, over, [run for run in runs if run is not None])
    await _write(client, flow, active, grants)
    for victim, successor in grants.replaced.items():
        await _tell_to_stop(client, live[victim], successor)
    slow = bool(grants.replaced) or len(over) < len(ending)
    return _standing(obj, policy, grants, live, again=SOON if slow else LATER)


def _standing(
    obj: Object, policy: Concurrency, grants: Grants, live: Mapping[str, Object], *, again: float
) -> Standing:
    uid = obj["metadata"]["uid"]
    decided = {*(entry.uid for entry in grants.active), *grants.refused} - {uid}
    others = tuple(key_of(run) for other, run in live.items() if other in decided and not _is_admitted(run))
    if any(entry.uid == uid for entry in grants.active):
        return Standing(True, others=others)
    key = obj["status"]["frozen"].get("key") or ""
    holders = [entry.name for entry in grants.active if entry.key == key]
    names = ", ".join(holders[:3]) + (f" and {len(holders) - 3} more" if len(holders) > 3 else "")
    whose = f" of key {key}" if key else ""
    place = grants.places.get(uid, 0)
    message = f"place {place} in the queue{whose}: {names or 'nobody'} of {policy.limit} allowed is live"
    return Standing(False, grants.refused.get(uid), message, others, again)


async def _write(client: Client, flow: Object, active: Sequence[Entry], grants: Grants) -> None:
    if tuple(active) == grants.active:
        return
    status: dict[str, Any] = {**(flow.get("status") or {}), "active": [entry.dump() for entry in grants.active]}
    await write_status(client, FLOWS, flow, status, version_of(flow))


async def _tell_to_stop(client: Client, run: Object, successor: str) -> None:
    """Put the operator's wish into a live run; one that changed meanwhile is told at the next look."""
    status = run.get("status") or {}
    if "stop" in status:
        return
    stop = {"state": "Cancelled", "reason": "ReplacedBy", "message": f"{successor} takes its place"}
    try:
        await write_status(client, FLOWRUNS, run, {**status, "stop": stop}, version_of(run))
    except (Conflict, NotFound):
        return


async def _has_live_pod(client: Client, namespace: str, uid: str) -> bool:
    pods = (await client.list(PODS, namespace, labels=f"{LABEL_RUN_UID}={uid}")).items
    return any((pod.get("status") or {}).get("phase") not in _ENDED for pod in pods)


async def _ancestors(client: Client, obj: Object) -> frozenset[str]:
    """Give the UIDs of the runs that a run is a child of."""
    found: set[str] = set()
    owner = owning_run(obj)
    while owner is not None and owner["uid"] not in found and len(found) < _MAX_DEPTH:
        found.add(owner["uid"])
        try:
            owner = owning_run(await client.get(FLOWRUNS, obj["metadata"]["namespace"], owner["name"]))
        except NotFound:
            break
    return frozenset(found)


def _contender(run: Object, ancestors: frozenset[str]) -> Contender | None:
    """Give a run as it contends; one whose key is not frozen yet comes by itself."""
    status, spec = run.get("status") or {}, run["spec"]
    if (status.get("frozen") or {}).get("key") is None:
        return None
    desired = spec.get("desiredState") or "Running"
    return Contender(
        uid=run["metadata"]["uid"],
        name=run["metadata"]["name"],
        key=status["frozen"]["key"],
        priority=spec.get("priority") or 0,
        created=instant_of(run["metadata"]["creationTimestamp"]) or 0.0,
        admitted=_is_admitted(run),
        stopping="stop" in status or desired in ("Cancelled", "Terminated"),
        paused=desired == "Paused",
        ancestors=ancestors,
    )


def _is_admitted(run: Object) -> bool:
    return "ledger" in (run.get("status") or {})


def _has_ended(run: Object) -> bool:
    return "completionTime" in (run.get("status") or {})
