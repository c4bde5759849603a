"""The controller of Backfills: moves one on when it, its Flow or a run of that changes, and writes what was done.

First what it is about is frozen in its status. Then, for each instant in turn: create the run under the name that
claims it, and write into status which UID it has, by compare-and-swap; only then may the run begin
(`backfillclaims.py`). A run that has ended is counted in the same write that takes it from the live ones, and only
after that may it be deleted. So everything may be interrupted anywhere, and two operators may do it at once.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from tidegate.api.backfill import BackfillState
from tidegate.engine import backfilling
from tidegate.engine.actions import Happening
from tidegate.engine.backfilling import Progress
from tidegate.engine.conclusion import Outcome
from tidegate.errors import Conflict, NotFound
from tidegate.kube.backfillruns import BackfillRuns
from tidegate.kube.backfills import flow_of, is_over
from tidegate.kube.backfillstart import Beginning, Waiting
from tidegate.kube.backfillstep import Step
from tidegate.kube.client import Client, Object
from tidegate.kube.flows import is_judged
from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import BACKFILLS, FLOWS
from tidegate.kube.store import RunKey, Store, key_of, version_of
from tidegate.kube.writer import write_status

log = logging.getLogger(__name__)

KIND = "Backfill"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a Backfill found: its next status, and what is to be done once that is written."""

    status: dict[str, Any]
    step: Step | None = None
    happenings: tuple[Happening, ...] = ()
    skipped: int = 0
    again: float | None = None


class Backfiller:
    """Moves Backfills on. Holds no truth: all that it knows is in their status.

    `queue` holds the Backfills to look at, `runs` is told of runs that may begin now.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        queue: WorkQueue[RunKey],
        runs: WorkQueue[RunKey],
        reporter: Reporter,
        work: BackfillRuns,
    ) -> None:
        self._client, self._store, self._queue, self._runs = client, store, queue, runs
        self._reporter, self._work, self._now = reporter, work, work.now
        self._beginning = Beginning(client, store, work.now)
        self._beginners: WeakValueDictionary[RunKey, asyncio.Lock] = WeakValueDictionary()

    async def reconcile(self, key: RunKey) -> None:
        """Move one on, and write what was done; what happens to its Flow and its runs brings it here again."""
        obj = self._store.backfills.known.get(key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            self._queue.drop(key)
            return
        if is_over(obj):
            self._work.forget(obj["metadata"]["uid"])
            return
        try:
            look = await self._move(obj)
        except NotFound:
            self._queue.drop(key)
        except Conflict:
            await self._read_again(key)
        else:
            if look.step is not None and look.step.trouble is not None:
                raise look.step.trouble
            if look.again is not None:
                self._queue.add_after(key, look.again)

    async def _move(self, obj: Object) -> Look:
        """Look at one and write what was found; of those of a Flow that have not begun, at one at a time.

        Whether another is about the same instants is asked of a list: who has begun must be seen by the next who asks.
        """
        if "frozen" in (obj.get("status") or {}):
            return await self._write(obj, await self._look(obj))
        async with self._beginners.setdefault(flow_of(obj), asyncio.Lock()):
            return await self._write(obj, await self._begin(obj))

    async def _read_again(self, key: RunKey) -> None:
        try:
            self._store.put_backfill(await self._client.get(BACKFILLS, *key))
        except NotFound:
            return
        self._queue.add(key)

    # Looking

    async def _look(self, obj: Object) -> Look:
        step = Step(Progress.parse(obj["status"]))
        await self._work.ends.settle(obj, step)
        return await self._go_on(obj, step)

    async def _begin(self, obj: Object) -> Look:
        """Freeze what it is about; nothing is started before that is written."""
        if _desired(obj) == BackfillState.CANCELLED:
            return self._ended(obj, None, Outcome(False, "Cancelled", "it was cancelled before it began", {}))
        found = await self._beginning.begin(obj)
        if isinstance(found, Outcome):
            return self._ended(obj, None, found)
        if isinstance(found, Waiting):
            return Look(self._told(obj, {}, found.reason, found.message))
        message = f"{backfilling.counted(found.total)} of {found.frozen.schedule}; {found.skipped} have a run already"
        begun = Happening(False, "BackfillBegan", message)
        told = self._told(obj, found.dump(), "Running", message)
        return Look(told, happenings=(begun,), skipped=found.skipped, again=0.0)

    async def _go_on(self, obj: Object, step: Step) -> Look:
        name, upcoming = obj["spec"]["flowRef"]["name"], None
        flow = await self._flow(obj, step.progress.frozen.flow_uid)
        if flow is None:
            step.waits = "FlowGone", f"Flow {name} was deleted, and its runs go with it"
            end = Outcome(False, "FlowGone", f"Flow {name} was deleted{_left(step.progress)}", {})
        elif _desired(obj) == BackfillState.CANCELLED:
            await self._work.ends.stop(obj, step)
            end = Outcome(False, "Cancelled", f"it was cancelled{_left(step.progress)}", {})
        else:
            upcoming = await self._start(obj, flow, step)
            end = backfilling.outcome_of(step.progress)
        if not step.progress.live and upcoming is None:
            return self._ended(obj, step, end)
        reason, message = step.waits or backfilling.running(step.progress, obj["spec"], upcoming)
        told = self._told(obj, step.progress.dump(), reason, message)
        return Look(told, step, tuple(step.happenings), again=step.again)

    async def _start(self, obj: Object, flow: Object, step: Step) -> int | None:
        """Start what may be; give the next instant, None when there is none any more."""
        asked = self._work.asked(obj, step.progress)
        if not is_judged(flow):
            step.waits = "FlowNotReady", f"Flow {flow['metadata']['name']} is not valid, or was not looked at yet"
        elif _desired(obj) != BackfillState.PAUSED:
            await self._work.start(obj, flow, asked, step)
        return next(step.progress.pending(asked.instants, asked.spec.order), None)

    async def _flow(self, obj: Object, uid: str) -> Object | None:
        """Give the Flow that it was begun with; None if that is gone, or going."""
        known = self._store.flows.get(flow_of(obj))
        if known is None or known["metadata"]["uid"] != uid:
            try:
                known = await self._client.get(FLOWS, *flow_of(obj))
            except NotFound:
                return None
        meta = known["metadata"]
        return known if meta["uid"] == uid and "deletionTimestamp" not in meta else None

    def _told(self, obj: Object, record: dict[str, Any], reason: str, message: str) -> dict[str, Any]:
        return backfilling.told(obj.get("status") or {}, record, reason, message, self._about(obj))

    def _ended(self, obj: Object, step: Step | None, outcome: Outcome) -> Look:
        record = step.progress.dump() if step is not None else {}
        status = backfilling.over(obj.get("status") or {}, record, outcome, self._about(obj))
        end = Happening(not outcome.succeeded, "BackfillEnded", f"{outcome.reason}: {outcome.message}")
        return Look(status, step, (*(step.happenings if step is not None else ()), end))

    def _about(self, obj: Object) -> tuple[int, float]:
        return obj["metadata"].get("generation", 1), self._now()

    # Writing

    async def _write(self, obj: Object, look: Look) -> Look:
        """Make it durable, then let the runs begin and go, then speak."""
        if look.status == obj.get("status"):
            return look
        stored = await write_status(self._client, BACKFILLS, obj, look.status, version_of(obj))
        self._store.put_backfill(stored)
        if look.step is not None:
            self._let_runs(look.step)
        for run in self._store.lines.newcomers(flow_of(stored)):  # found where somebody else had created them
            self._runs.add(run)
        counts = {**(look.step.counts if look.step is not None else {}), "Skipped": look.skipped}
        self._reporter.triggered(flow_of(stored), KIND, {name: count for name, count in counts.items() if count})
        await self._reporter.tell_of_backfill(stored, look.happenings, self._now())
        return look

    def _let_runs(self, step: Step) -> None:
        for run in step.runs:
            self._store.put_run(run)
            self._runs.add(key_of(run))
        for key in step.counted:
            self._runs.add(key, Priority.RESYNC)


def _desired(obj: Object) -> str:
    return str(obj["spec"].get("desiredState") or BackfillState.RUNNING)


def _left(progress: Progress) -> str:
    return f" with {backfilling.counted(progress.left)} left" if progress.left else ""
