"""Finished runs go: after their own TTL, and when their Flow keeps enough newer ones. Only those that it owns.

What is seen may be old, and a deletion cannot be taken back: so it is confirmed by live reads right before it.
"""

import contextlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.api import keys
from tidegate.api.conditions import instant_of, is_true
from tidegate.api.flow import History
from tidegate.api.triggers import TriggerKind
from tidegate.engine.retention import GRACE
from tidegate.errors import Conflict, NotFound
from tidegate.kube import awaiting, backfillclaims
from tidegate.kube.client import Client, Object
from tidegate.kube.owners import owning_flow
from tidegate.kube.resources import FLOWRUNS, FLOWS
from tidegate.kube.store import RunKey, Store, flow_key_of, has_ended, key_of

EVENT_SECONDS = 86_400.0
"""How long after its creation the run of a webhook stays at least."""

_TOGETHER = 600.0
"""Runs of events that were created within so many seconds go together: to see what is too many takes a list of all."""

_SOON, _LATER = 2.0, 30.0
"""Seconds until a run is looked at again: while not everything is known yet, and while somebody needs it."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a finished run: it is gone, or is to be looked at again after so many seconds, or neither."""

    gone: bool = False
    again: float | None = None


class Historian:
    """Deletes finished runs. Two operators that do so at once may at worst delete the same."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client, self._store = client, store
        self._busy: set[RunKey] = set()

    async def judge(self, obj: Object, now: float) -> Fate:
        """See whether the time of a finished run has passed, or its Flow has too many, and delete it then.

        Raises:
            ApiError: the API server refused; try again.
        """
        due, flow, uid = expires_at(obj), flow_key_of(obj), obj["metadata"]["uid"]
        if (until := held_until(self._store, obj, now)) > now:  # before its many siblings are sorted
            return Fate(again=until - now)
        is_due = due is not None and now >= due
        is_surplus = owning_flow(obj) is not None and any(
            old["metadata"]["uid"] == uid for old in surplus(self._store, flow)
        )
        if (is_due or is_surplus) and await self._is_needed(obj, now):
            return Fate(again=_LATER)
        if is_due:
            return await self._expire(obj, now)
        if is_surplus:
            await self._prune(flow, now)
            return Fate(gone=uid not in self._store.uids, again=_SOON)
        return Fate(again=None if due is None else due - now)

    async def _expire(self, obj: Object, now: float) -> Fate:
        """Delete a run whose own time has passed, unless its author has just given it more."""
        try:
            fresh = await self._client.get(FLOWRUNS, *key_of(obj))
        except NotFound:
            return Fate(gone=True)
        self._store.put_run(fresh)
        due = expires_at(fresh)
        if fresh["metadata"]["uid"] == obj["metadata"]["uid"] and (due is None or due > now):
            return Fate(again=None if due is None else due - now)
        await self._delete(obj)
        return Fate(gone=True)

    async def _prune(self, flow: RunKey, now: float) -> None:
        """Delete what a Flow has too many of, unless that is being done."""
        if flow in self._busy:
            return
        self._busy.add(flow)
        try:
            for old in await self._confirmed(flow, now):
                await self._delete(old)
        finally:
            self._busy.discard(flow)

    async def _confirmed(self, flow: RunKey, now: float) -> list[Object]:
        """Give what a Flow has too many of, by its history as it is now, and by the runs that are there now."""
        try:
            fresh = await self._client.get(FLOWS, *flow)
        except NotFound:
            return []
        selector = f"spec.flowRef.name={flow[1]}"
        page = await self._client.list(FLOWRUNS, flow[0], fields=selector, metadata_only=True)
        there = {run["metadata"]["uid"] for run in page.items if "deletionTimestamp" not in run["metadata"]}
        if there - self._store.uids:
            return []  # one that was not heard of yet may do any of them again
        found = _too_many([run for run in self._store.runs_of(flow) if run["metadata"]["uid"] in there], fresh)
        free = [old for old in found if held_until(self._store, old, now) <= now]
        return [old for old in free if not await self._is_needed(old, now)]

    async def _is_needed(self, obj: Object, now: float) -> bool:
        """Whether another run does it again, or a trigger or a Backfill is yet to deal with its end."""
        if is_named(self._store, obj) or awaiting.is_awaited(self._store, obj, now):
            return True
        return await backfillclaims.is_awaited(self._client, self._store.backfills, obj)

    async def _delete(self, obj: Object) -> None:
        """Delete a finished run and all it owns; somebody else may have done so."""
        with contextlib.suppress(NotFound, Conflict):
            await self._client.delete(FLOWRUNS, *key_of(obj), uid=obj["metadata"]["uid"])
        self._store.drop_run(obj)


def expires_at(obj: Object) -> float | None:
    """Give when a finished run goes because its author said so, in seconds since the epoch."""
    seconds = obj["spec"].get("ttlSecondsAfterFinished")
    completed = instant_of((obj.get("status") or {}).get("completionTime"))
    return None if seconds is None or completed is None else completed + seconds


def surplus(store: Store, flow: RunKey) -> list[Object]:
    """Give the finished runs of a Flow that seem to be too many, oldest first; people's own are never among them."""
    known = store.flows.get(flow)
    return [] if known is None else _too_many(store.runs_of(flow), known)


def held_until(store: Store, run: Object, now: float) -> float:
    """Give until when at least a finished run stays, in seconds since the epoch; `now` or less for most.

    The name of a webhook's run is what tells an event that is sent again: ids of events have no order, so nothing else
    could. A child run's end is read by its parent; and as long as the request that created it may arrive once more, its
    name is held, like that of a Job.
    """
    if (run["spec"].get("trigger") or {}).get("kind") == TriggerKind.WEBHOOK and owning_flow(run) is not None:
        created = instant_of(run["metadata"].get("creationTimestamp")) or 0.0
        return math.ceil(created / _TOGETHER) * _TOGETHER + EVENT_SECONDS
    parent = (run["metadata"].get("labels") or {}).get(keys.LABEL_PARENT_UID)
    if parent is None:
        return now
    if not has_ended(store.run_of_uid(parent) or _ENDED):
        return now + _LATER
    return (instant_of(run["status"]["completionTime"]) or 0.0) + GRACE


def is_named(store: Store, run: Object) -> bool:
    """Whether a run that has not ended does this one again."""
    name = run["metadata"]["name"]
    reruns = (other for other in store.runs_of(flow_key_of(run)) if not has_ended(other))
    return any((other["spec"].get("rerun") or {}).get("of") == name for other in reruns)


def _too_many(runs: Iterable[Object], flow: Object) -> list[Object]:
    """Give what a Flow's history does not keep of its runs, oldest first."""
    history = History.model_validate(flow["spec"].get("history") or {}, extra="ignore")
    uid = flow["metadata"]["uid"]
    finished = [run for run in runs if _is_finished_of(run, uid)]
    finished.sort(key=lambda run: (run["status"]["completionTime"], run["metadata"]["name"]), reverse=True)
    good = [run for run in finished if is_true(run["status"].get("conditions"), "Succeeded")]
    names = {run["metadata"]["uid"] for run in good}
    bad = [run for run in finished if run["metadata"]["uid"] not in names]
    return [*good[history.succeeded :], *bad[history.failed :]][::-1]


def _is_finished_of(run: Object, flow_uid: str) -> bool:
    owner = owning_flow(run)
    return owner is not None and owner["uid"] == flow_uid and has_ended(run)


_ENDED: Object = {"status": {"completionTime": ""}}
