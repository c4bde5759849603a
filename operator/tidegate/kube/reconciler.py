"""The reconciler of runs: look, decide, write the decision, then do what it says.

One key at a time for each run (the queue sees to that). Everything here may be interrupted anywhere and repeated.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from tidegate.engine.actions import ConfirmChild, ConfirmGone, KeepResult, StartChild, StartJob
from tidegate.engine.facts import Attempt, Facts
from tidegate.engine.plan import Plan, decide
from tidegate.engine.run import Run
from tidegate.engine.stored import Stored
from tidegate.errors import AlreadyExists, Conflict, NotFound
from tidegate.kube import history, queueing, refusals, session
from tidegate.kube.carrying import Carrier
from tidegate.kube.client import Client, Object
from tidegate.kube.clocks import Clocks
from tidegate.kube.ending import end_poisoned
from tidegate.kube.entrance import Entrance
from tidegate.kube.graphs import Graphs
from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import CONFIGMAPS, FLOWRUNS
from tidegate.kube.session import Poisoned, Session, desired_of
from tidegate.kube.store import RunKey, Store, flow_key_of, has_ended, key_of, version_of
from tidegate.kube.writer import write_status
from tidegate.resources.configmaps import configmap

log = logging.getLogger(__name__)

COSMETIC_SECONDS = 1.0
"""What only people read (Running, progress, why) waits this long for a write that decides something."""

_ROUNDS = 50
_ASKS = (ConfirmGone, StartJob, ConfirmChild, StartChild)


class Reconciler:
    """Moves runs on. Holds no truth: a new one with an empty memory goes on where another stopped."""

    def __init__(
        self, client: Client, store: Store, queue: WorkQueue[RunKey], graphs: Graphs, reporter: Reporter, clocks: Clocks
    ) -> None:
        self._client, self._store, self._queue, self._graphs = client, store, queue, graphs
        self._reporter, self._clocks = reporter, clocks
        self._carrier = Carrier(client, store, clocks)
        self._entrance = Entrance(client, store, queue, graphs, reporter, clocks)
        self._historian = history.Historian(client, store)
        self._sessions: dict[str, Session] = {}
        self._unkept: dict[str, dict[Attempt, KeepResult]] = {}

    async def reconcile(self, key: RunKey) -> None:
        """Move one run on until it waits for something; forget it when it is gone."""
        obj = self._store.runs.get(key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            self._queue.drop(key)
            return
        if await self._has_expired(key, obj):
            return
        if self._is_over(obj):
            self.forget(obj["metadata"]["uid"])
            return
        try:
            current = await self._session(key, obj)
            if current is not None:
                await self._advance(key, current)
            if not has_ended(obj):
                self._plan_departure(key)
        except Conflict:
            await self._read_again(key)
        except Poisoned as error:
            await end_poisoned(self._client, obj, str(error), self._clocks.wall)
            self._queue.retry(key)

    async def _has_expired(self, key: RunKey, obj: Object) -> bool:
        """Delete a finished run whose time has passed or that is too many; say whether it is gone."""
        if not has_ended(obj):
            return False
        fate = await self._historian.judge(obj, self._clocks.wall())
        if fate.again is not None and not fate.gone:
            self._queue.add_after(key, fate.again, Priority.RESYNC)
        return fate.gone

    def _plan_departure(self, key: RunKey) -> None:
        """When a run ended in this step, perhaps before it began: fix when it goes, and let older ones go for it."""
        obj = self._store.runs.get(key)
        if obj is None or not has_ended(obj):
            return
        due = history.expires_at(obj)
        if due is not None:
            self._queue.add_after(key, max(0.0, due - self._clocks.wall()), Priority.RESYNC)
        for old in history.surplus(self._store, flow_key_of(obj)):
            self._queue.add(key_of(old), Priority.RESYNC)

    def _is_over(self, obj: Object) -> bool:
        """Whether the run has ended and nothing is left of it that retention must see to."""
        return has_ended(obj) and not self._store.jobs(obj["metadata"]["uid"])

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a run that was deleted."""
        self._sessions.pop(uid, None)
        self._unkept.pop(uid, None)

    def look_at_everything(self) -> None:
        """At the next look at each run take nothing for granted but its status: a net under what was noted as new."""
        for current in self._sessions.values():
            current.is_followed = False

    async def _read_again(self, key: RunKey) -> None:
        """Somebody else wrote: take the object as it is now, and decide again."""
        try:
            fresh = await self._client.get(FLOWRUNS, *key)
        except NotFound:
            return
        uid = fresh["metadata"]["uid"]
        stale = self._sessions.pop(uid, None)
        if stale is not None and stale.unkept:
            self._unkept[uid] = stale.unkept
        self._store.put_run(fresh)
        self._queue.add(key, Priority.COMPLETION)

    # Sessions

    async def _session(self, key: RunKey, obj: Object) -> Session | None:
        """Give the session that fits the newest known version of the run; None when it does not go on now."""
        known = self._sessions.get(obj["metadata"]["uid"])
        status = obj.get("status") or {}
        if known is not None and (known.version >= version_of(obj) or _same_record(known.status, status)):
            known.version = max(known.version, version_of(obj))
            return known
        if "frozen" in status and "ledger" in status:
            loaded = await session.load(self._client, self._graphs, obj)
            loaded.unkept = self._unkept.pop(obj["metadata"]["uid"], {})
            self._sessions[obj["metadata"]["uid"]] = loaded
            return loaded
        if has_ended(obj):
            return None
        entered = await self._entrance.enter(key, obj)
        if entered is not None:
            self._sessions[obj["metadata"]["uid"]] = entered
        return entered

    # Steps

    async def _advance(self, key: RunKey, current: Session) -> None:
        """Decide, write and act, again and again while acting brings news at once."""
        for _ in range(_ROUNDS):
            obj = self._store.runs.get(key)
            if obj is None or obj["metadata"]["uid"] != current.run.uid:
                return
            heard = self._store.take_end(current.run.uid)
            plan = self._decide(current, obj)
            decided = self._clocks.monotonic()  # before the write: a slow one makes what follows look twice
            if plan.deciding:
                await self._write(current, obj, plan)
            else:
                current.state = plan.state
                await self._write_cosmetic(key, current, obj, plan)
            again = await self._carrier.carry_out(current, plan.actions, decided)
            again = await self._ask_why(current, again, decided)
            if plan.deciding:
                self._measure_hop(plan, heard)
                await self._report(current, plan)
            self._wake(key, plan, again)
            if again != 0.0 and plan.outcome is None:  # after the end once more: when do its Jobs go?
                return
        self._queue.add(key, Priority.RESYNC)

    async def _ask_why(self, current: Session, again: float | None, now: float) -> float | None:
        """Read what people are told of Jobs that wait; give when to look again, at latest as soon as was asked for."""
        children = self._store.children(current.run.uid)
        queued = await queueing.ask(self._client, current, children.jobs, now)
        refused = await refusals.ask(self._client, current, children, now)
        return min((wait for wait in (again, queued, refused) if wait is not None), default=None)

    def _decide(self, current: Session, obj: Object) -> Plan:
        children = self._store.children(current.run.uid)
        facts = Facts(
            desired=desired_of(obj),
            jobs=children.jobs,
            pods=children.pods,
            confirmed=current.confirmed,
            rejections=current.rejections,
            alive=children.alive,
            cached=current.cached,
            queue_words=current.queue_words,
            refused_pods=current.refused_pods,
            objects=dict(current.objects),
            approvals=self._store.approvals.open((current.run.namespace, current.run.name), current.run.uid),
            children=children.runs,
            changed=frozenset(children.take_changed() | current.unsettled) if current.is_followed else None,
        )
        plan = decide(current.graph, current.run, current.state, facts, self._clocks.wall(), first=current.first)
        current.unsettled = _unsettled(plan)
        current.is_followed = not plan.deciding  # until it is written, what was seen is not accounted for
        return plan

    async def _write(self, current: Session, obj: Object, plan: Plan) -> None:
        """Make the plan durable. Only after this may anything be done that it says, but keeping what ended well."""
        await asyncio.gather(
            self._carrier.keep_results(current, plan.actions),
            *(self._store_data(current, content) for content in plan.stores),
        )
        await self._put(current, obj, plan)

    async def _store_data(self, current: Session, content: Stored) -> None:
        """Store what status will name; if it is there, it is the same."""
        body = configmap(current.run, content)
        try:
            await self._client.create(CONFIGMAPS, current.run.namespace, body)
        except AlreadyExists:
            log.debug("stored already", extra={"run": current.run.name, "configmap": content.name})

    async def _put(self, current: Session, obj: Object, plan: Plan) -> None:
        stored = await write_status(self._client, FLOWRUNS, obj, plan.status, current.version)
        self._store.put_run(stored)
        current.version, current.status = version_of(stored), stored["status"]
        current.state, current.first, current.dirty_since = plan.state, False, None
        current.is_followed = True
        current.forget_old_attempts()

    async def _write_cosmetic(self, key: RunKey, current: Session, obj: Object, plan: Plan) -> None:
        """Write what only people read, at most once a second, and never in front of a step."""
        if not plan.status or _comparable(plan.status) == _comparable(current.status):
            return
        now = self._clocks.monotonic()
        if current.dirty_since is None:
            current.dirty_since = now
        wait = current.dirty_since + COSMETIC_SECONDS - now
        if wait > 0:
            self._queue.add_after(key, wait, Priority.RESYNC)
        else:
            await self._put(current, obj, plan)

    def _wake(self, key: RunKey, plan: Plan, again: float | None) -> None:
        if plan.wake_at is not None:
            self._queue.add_after(key, max(0.0, plan.wake_at - self._clocks.wall()), Priority.RESYNC)
        if again:
            self._queue.add_after(key, again, Priority.RESYNC)

    def _measure_hop(self, plan: Plan, heard: float | None) -> None:
        """Note how long it took from hearing that a task ended to the Jobs of those that waited for it."""
        if heard is not None and any(isinstance(action, StartJob) and action.fresh for action in plan.actions):
            self._reporter.hopped(self._clocks.monotonic() - heard)

    def _let_others(self, run: Run) -> None:
        """A run has ended: the next may have its place."""
        for key in self._store.lines.heads((run.namespace, run.flow)):
            self._queue.add(key, Priority.COMPLETION)

    async def _report(self, current: Session, plan: Plan) -> None:
        """Speak after the write succeeded."""
        if plan.outcome is not None:
            self._let_others(current.run)
        await self._reporter.step_taken(current, plan, self._store.jobs(current.run.uid), self._clocks.wall())


def _unsettled(plan: Plan) -> frozenset[int]:
    """Give the slots to look at again though nothing comes: live reads are asked for."""
    return frozenset(action.attempt[0] for action in plan.actions if isinstance(action, _ASKS))


def _same_record(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two statuses hold the same decisions."""
    fields = ("frozen", "ledger", "outputs", "outputRefs", "completionTime", "stop", "attempt", "nextAttemptTime")
    return all(left.get(field) == right.get(field) for field in fields)


def _comparable(status: Mapping[str, Any]) -> dict[str, Any]:
    """Give a status without what may differ though nothing changed."""
    return {key: value for key, value in status.items() if value not in (None, [], {}, "")}
