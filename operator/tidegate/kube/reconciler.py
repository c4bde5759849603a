"""The reconciler of runs: look, decide, write the decision, then do what it says.

One key at a time for each run (the queue sees to that). Everything here may be interrupted anywhere and repeated.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.engine import status as statuses
from tidegate.engine.actions import ConfirmGone, Happening, StartJob
from tidegate.engine.conclusion import Outcome
from tidegate.engine.facts import Facts
from tidegate.engine.plan import Plan, decide, overflow, spilled
from tidegate.errors import AlreadyExists, ApiError, Conflict, NotFound
from tidegate.kube import admission, session
from tidegate.kube.carrying import Carrier
from tidegate.kube.client import Client, Object
from tidegate.kube.ending import end_poisoned
from tidegate.kube.graphs import Graphs
from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import CONFIGMAPS, FLOWRUNS, FLOWS
from tidegate.kube.session import Poisoned, Session
from tidegate.kube.store import RunKey, Store, version_of
from tidegate.kube.writer import write_status
from tidegate.resources.configmaps import stored_outputs

log = logging.getLogger(__name__)

COSMETIC_SECONDS = 1.0
"""What only people read (Running, progress, why) waits this long for a write that decides something."""

_ROUNDS = 50
_FLOW_POLL = 30.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where time comes from: `wall` in seconds since the epoch, `monotonic` in seconds that never jump."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]


class Reconciler:
    """Moves runs on. Holds no truth: a new one with an empty memory goes on where another stopped."""

    def __init__(
        self, client: Client, store: Store, queue: WorkQueue[RunKey], graphs: Graphs, reporter: Reporter, clocks: Clocks
    ) -> None:
        self._client, self._store, self._queue, self._graphs = client, store, queue, graphs
        self._reporter, self._clocks = reporter, clocks
        self._carrier = Carrier(client, store, clocks.monotonic)
        self._sessions: dict[str, Session] = {}

    async def reconcile(self, key: RunKey) -> None:
        """Move one run on until it waits for something; forget it when it is gone."""
        obj = self._store.runs.get(key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            self._queue.drop(key)
            return
        if self._is_over(obj):
            self.forget(obj["metadata"]["uid"])
            return
        try:
            current = await self._session(key, obj)
            if current is not None:
                await self._advance(key, current)
        except Conflict:
            await self._read_again(key)
        except Poisoned as error:
            await end_poisoned(self._client, obj, str(error), self._clocks.wall())
            self._queue.retry(key)

    def _is_over(self, obj: Object) -> bool:
        """Whether the run has ended and nothing is left of it that retention must see to."""
        return "completionTime" in (obj.get("status") or {}) and not self._store.jobs(obj["metadata"]["uid"])

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a run that was deleted."""
        self._sessions.pop(uid, None)

    async def _read_again(self, key: RunKey) -> None:
        """Somebody else wrote: take the object as it is now, and decide again."""
        try:
            fresh = await self._client.get(FLOWRUNS, *key)
        except NotFound:
            return
        self._sessions.pop(fresh["metadata"]["uid"], None)
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
            current = await session.load(self._client, self._graphs, obj)
            self._sessions[obj["metadata"]["uid"]] = current
            return current
        if "completionTime" in status:
            return None
        return await self._admit(key, obj)

    async def _admit(self, key: RunKey, obj: Object) -> Session | None:
        if _desired(obj) != "Running":
            outcome = Outcome(False, "Cancelled", f"the run was {_desired(obj).lower()} before it started", {})
            await self._refuse(key, obj, outcome)
            return None
        flow = await self._flow(key, obj)
        if flow is None:
            return None
        judged = admission.judge(self._graphs, obj, flow)
        if isinstance(judged, Outcome):
            await self._refuse(key, obj, judged)
            return None
        current = await admission.admit(self._client, obj, flow, *judged)
        self._sessions[obj["metadata"]["uid"]] = current
        log.info("run admitted", extra={"namespace": key[0], "run": key[1], "revision": current.run.revision})
        return current

    async def _flow(self, key: RunKey, obj: Object) -> Object | None:
        """Give the run's Flow; when there is none, say so in the run and wait for it."""
        name = obj["spec"]["flowRef"]["name"]
        try:
            return self._store.flows.get((key[0], name)) or await self._client.get(FLOWS, key[0], name)
        except NotFound:
            self._store.wait_for_flow(key, (key[0], name))
            self._queue.add_after(key, _FLOW_POLL, Priority.RESYNC)
            message = f'there is no Flow "{name}" in namespace {key[0]}; the run starts when there is'
            run = session.run_of(obj)
            status = statuses.waiting(run, obj.get("status") or {}, "FlowNotFound", message, self._clocks.wall())
            if status["conditions"] != (obj.get("status") or {}).get("conditions"):
                self._store.put_run(await write_status(self._client, FLOWRUNS, obj, status, version_of(obj)))
            return None

    async def _refuse(self, key: RunKey, obj: Object, outcome: Outcome) -> None:
        run, now = session.run_of(obj), self._clocks.wall()
        status = statuses.refused(run, obj.get("status") or {}, outcome, now)
        self._store.put_run(await write_status(self._client, FLOWRUNS, obj, status, version_of(obj)))
        self._reporter.run_ended(run, outcome, now)
        happening = Happening(True, "RunEnded", f"{outcome.reason}: {outcome.message}")
        await self._reporter.tell(run, [happening], now)
        log.info("run refused", extra={"namespace": key[0], "run": key[1], "reason": outcome.reason})

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
                plan = await self._write(current, obj, plan)
            else:
                current.state = plan.state
                await self._write_cosmetic(key, current, obj, plan)
            again = await self._carrier.carry_out(current, plan.actions, decided)
            if plan.deciding:
                self._measure_hop(plan, heard)
                await self._report(current, plan)
            self._wake(key, plan, again)
            if again != 0.0:
                return
        self._queue.add(key, Priority.RESYNC)

    def _decide(self, current: Session, obj: Object) -> Plan:
        children = self._store.children(current.run.uid)
        facts = Facts(
            desired=_desired(obj),
            jobs=children.jobs,
            pods=children.pods,
            confirmed=current.confirmed,
            rejections=current.rejections,
            alive=children.alive,
            cached=current.cached,
            changed=frozenset(children.take_changed() | current.unsettled) if current.is_followed else None,
        )
        plan = decide(current.graph, current.run, current.state, facts, self._clocks.wall(), first=current.first)
        current.unsettled = frozenset(a.attempt[0] for a in plan.actions if isinstance(a, ConfirmGone))
        current.is_followed = not plan.deciding  # until it is written, what was seen is not accounted for
        return plan

    async def _write(self, current: Session, obj: Object, plan: Plan) -> Plan:
        """Make the plan durable. Only after this may anything be done that it says."""
        too_much = overflow(plan, current.graph)
        if too_much:
            body = stored_outputs(current.run, too_much)
            try:
                await self._client.create(CONFIGMAPS, current.run.namespace, body)
            except AlreadyExists:
                log.debug("the outputs are stored already", extra={"run": current.run.name})
            plan = spilled(plan, body["metadata"]["name"])
        await self._put(current, obj, plan)
        return plan

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

    async def _report(self, current: Session, plan: Plan) -> None:
        """Speak after the write succeeded."""
        now = self._clocks.wall()
        jobs, records = self._store.jobs(current.run.uid), plan.state.records
        for end in plan.ended:
            slot = current.graph.slots[end.task]
            job = jobs.get((slot, plan.state.ledger.attempts[slot]))
            record = records.get(slot)
            started = record.started if record else None
            self._reporter.task_ended(current.run, end, started - job.created if started and job else None)
        for reason in plan.disruptions:
            self._reporter.disrupted(reason)
        if plan.outcome is not None:
            self._reporter.run_ended(current.run, plan.outcome, now)
            log.info("run ended", extra={"run": current.run.name, "reason": plan.outcome.reason})
        try:
            await self._reporter.tell(current.run, plan.happenings, now)
        except ApiError as error:
            log.warning("an event could not be written", extra={"run": current.run.name, "error": str(error)})


def _desired(obj: Object) -> str:
    return str(obj["spec"].get("desiredState") or "Running")


def _same_record(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two statuses hold the same decisions."""
    fields = ("frozen", "ledger", "outputs", "outputRefs", "completionTime", "stop", "attempt", "nextAttemptTime")
    return all(left.get(field) == right.get(field) for field in fields)


def _comparable(status: Mapping[str, Any]) -> dict[str, Any]:
    """Give a status without what may differ though nothing changed."""
    return {key: value for key, value in status.items() if value not in (None, [], {}, "")}
