"""The scheduler: looks at a Flow's triggers when one is due, starts the runs, and says in status what was done.

For each instant: create the run under the name that claims it, then write into status that it is dealt with and which
UID it has, by compare-and-swap; only then may the run begin (`triggering.py`). So it may be interrupted anywhere, and
two operators may do it at once: there is one run of an instant that ever begins.
"""

import logging
from dataclasses import dataclass, field, replace
from typing import Any

from tidegate.api.conditions import instant_of, timestamp
from tidegate.api.triggers import Trigger
from tidegate.engine.due import delay_of
from tidegate.engine.marks import Look, Mark, When, look, unscheduled
from tidegate.engine.schedules import Schedule, schedule_of
from tidegate.errors import ApiError, Conflict, NotFound, Unavailable
from tidegate.kube.client import Client, Object
from tidegate.kube.firing import Fired, Firing
from tidegate.kube.flows import is_judged
from tidegate.kube.following import Following
from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import FLOWS
from tidegate.kube.store import RunKey, Store, key_of, version_of
from tidegate.kube.writer import write_status

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Round:
    """One look at all triggers of a Flow: their new rows, what was done, and when to look again."""

    rows: list[Mark] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)
    trouble: ApiError | None = None


class Scheduler:
    """Fires schedules. Holds no truth: all that it knows is in the Flows' status.

    `queue` holds the Flows to look at, and is the heap of timers; `runs` is told of runs that may begin now.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        queue: WorkQueue[RunKey],
        runs: WorkQueue[RunKey],
        reporter: Reporter,
        firing: Firing,
    ) -> None:
        self._client, self._store, self._queue, self._runs = client, store, queue, runs
        self._reporter, self._firing, self._now = reporter, firing, firing.now
        self._following = Following(client, store, firing)
        store.followers.tell = queue.add

    def look_at_everything(self) -> None:
        """Have every Flow with triggers looked at: the time is another than was thought, or news may have been lost."""
        for key, flow in self._store.flows.items():
            if _has_triggers(flow):
                self._queue.add(key, Priority.RESYNC)

    async def reconcile(self, key: RunKey) -> None:
        """Start what is due of one Flow and write what was done; wake again when the next instant comes."""
        obj = self._store.flows.get(key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            self._queue.drop(key)
            return
        if not _has_triggers(obj) or not is_judged(obj):
            return
        done = await self._look(obj)
        try:
            await self._write(key, obj, done)
        except NotFound:
            self._queue.drop(key)
            return
        except Conflict:
            await self._read_again(key)
            return
        if done.trouble is not None:
            raise done.trouble
        if done.wakes:
            self._queue.add_after(key, max(0.0, min(done.wakes)))

    async def _read_again(self, key: RunKey) -> None:
        try:
            self._take(key, await self._client.get(FLOWS, *key))
        except NotFound:
            return
        self._queue.add(key)

    def _take(self, key: RunKey, flow: Object) -> None:
        """Take a Flow as it is now: who waited to be named in it may be."""
        self._store.put_flow(flow)
        for run in self._store.lines.newcomers(key):
            self._runs.add(run)

    async def _look(self, flow: Object) -> _Round:
        """Look at each trigger and start what is due; what the API server refuses for now ends the round."""
        done = _Round()
        old = {row["name"]: Mark.parse(row) for row in (flow.get("status") or {}).get("triggers") or ()}
        for trigger in _triggers(flow):
            if done.trouble is not None:
                done.rows += [old[trigger.name]] if trigger.name in old else []
                continue
            await self._look_at(flow, trigger, old.get(trigger.name), done)
        return done

    async def _look_at(self, flow: Object, trigger: Trigger, old: Mark | None, done: _Round) -> None:
        if trigger.flow is not None:
            await self._follow(flow, trigger, old, done)
            return
        if not trigger.is_scheduled:
            done.rows.append(unscheduled(trigger, old))
            return
        schedule, now = schedule_of(trigger), self._now()
        delay = delay_of(trigger.timing, flow["metadata"]["uid"], trigger.name)
        found = look(trigger, schedule, old, When(now, _since(flow, now), delay))
        mark = found.mark
        if found.due is not None and found.due.handled > mark.handled:
            mark = await self._fire(flow, trigger, schedule, found, done)
        if mark.next is not None:
            done.wakes.append(mark.next + delay - now)
        done.rows.append(mark)

    async def _follow(self, flow: Object, trigger: Trigger, old: Mark | None, done: _Round) -> None:
        rivals = [run for fired in done.fired for run in fired.runs]
        fired = await self._following.follow(flow, trigger, old, _since(flow, self._now()), rivals)
        done.rows.append(fired.mark)
        done.fired.append(fired)
        done.trouble = fired.trouble
        if fired.again is not None:
            done.wakes.append(fired.again)

    async def _fire(self, flow: Object, trigger: Trigger, schedule: Schedule, found: Look, done: _Round) -> Mark:
        rivals = [run for fired in done.fired for run in fired.runs]
        try:
            fired = await self._firing.fire(flow, trigger, schedule, found, rivals)
        except Unavailable as error:
            done.trouble = error
            return found.mark
        except ApiError as error:
            done.trouble = error
            return replace(found.mark, message=f"no run can be started: {error.message}")
        done.fired.append(fired)
        if fired.again is not None:
            done.wakes.append(fired.again)
        return fired.mark

    async def _write(self, key: RunKey, flow: Object, done: _Round) -> None:
        """Make it durable, then speak, then let the runs begin."""
        status = flow.get("status") or {}
        wanted = _with_rows(status, done.rows)
        if wanted != status:
            stored = await write_status(self._client, FLOWS, flow, wanted, version_of(flow))
            self._take(key, stored)
        for fired in done.fired:
            await self._report(flow, fired)

    async def _report(self, flow: Object, fired: Fired) -> None:
        for run in fired.runs:
            self._store.put_run(run)
            self._runs.add(key_of(run))
        self._reporter.triggered(key_of(flow), fired.kind, fired.counts)
        for delay in fired.delays:
            self._reporter.started(flow, delay)
        try:
            await self._reporter.tell_of_flow(flow, fired.happenings, self._now())
        except ApiError as error:
            log.warning("an event could not be written", extra={"flow": flow["metadata"]["name"], "error": str(error)})


def _has_triggers(flow: Object) -> bool:
    return bool(flow["spec"].get("triggers") or (flow.get("status") or {}).get("triggers"))


def _triggers(flow: Object) -> list[Trigger]:
    is_suspended = bool(flow["spec"].get("suspend"))
    found = [Trigger.model_validate(row, extra="ignore") for row in flow["spec"].get("triggers") or ()]
    return [trigger.model_copy(update={"suspend": True}) if is_suspended else trigger for trigger in found]


def _since(flow: Object, now: float) -> float:
    """Give since when a trigger counts that was never seen: since the Flow's creation, if it was never changed."""
    created = instant_of(flow["metadata"].get("creationTimestamp"))
    return created if created is not None and flow["metadata"].get("generation", 1) == 1 else now


def _with_rows(status: dict[str, Any], rows: list[Mark]) -> dict[str, Any]:
    following = [row.next for row in rows if row.next is not None]
    wanted = {name: value for name, value in status.items() if name not in ("triggers", "nextTime")}
    if rows:
        wanted["triggers"] = [row.dump() for row in rows]
    if following:
        wanted["nextTime"] = timestamp(min(following))
    return wanted
