"""Starting the runs of a trigger's instants: each is created under its name, or found there, or told why not."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tidegate.api.conditions import timestamp
from tidegate.api.flow import ConcurrencyPolicy
from tidegate.api.triggers import MAX_STARTED, Trigger
from tidegate.engine.actions import Happening
from tidegate.engine.due import Due, delay_of
from tidegate.engine.marks import Look, Mark
from tidegate.engine.occasion import Occasion
from tidegate.engine.schedules import Schedule
from tidegate.engine.triggers import Compiled, Start, compile_trigger, occasion_of, start_of
from tidegate.errors import AlreadyExists, ApiError, ExpressionError, NotFound, Rejected
from tidegate.kube.client import Client, Object
from tidegate.kube.graphs import Graphs
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.rivals import Newcomer, Rivals, concurrency_of
from tidegate.kube.store import Store, has_ended
from tidegate.resources.triggered import is_run_for, name_of, triggered_run

SOON = 5.0
_FEW = 16
"""So many runs may be started and not have begun before a live list says which of them are still there."""


class Result(StrEnum):
    """What becomes of an instant that was due, or of a run that has ended."""

    STARTED = "Started"
    MISSED = "Missed"
    FORBIDDEN = "Forbidden"
    FILTERED = "Filtered"
    FAILED = "Failed"
    UNMATCHED = "Unmatched"


_LOST = (Result.MISSED, Result.FORBIDDEN, Result.FAILED)
_REASONS = {Result.FORBIDDEN: "RunForbidden", Result.FAILED: "TriggerFailed"}


@dataclass(slots=True)
class Fired:
    """What was done for one trigger; it counts when `mark` is in status.

    `again` says when to look again, in seconds; `jitter` by how many seconds all of the trigger's runs start later;
    `trouble` why not everything could be done; `rivals` are runs that other triggers of the Flow started just before.
    """

    mark: Mark
    kind: str
    jitter: int = 0
    runs: list[Object] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    again: float | None = None
    trouble: ApiError | None = None
    rivals: list[Object] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run is to start: `told` says it to people, `event` is what expressions see of it.

    `follows` are the names of the runs after which it starts.
    """

    told: str
    event: Mapping[str, Any] | None = None
    follows: Sequence[str] = ()


class Firing:
    """Works for the scheduler. Everything here may be done twice: the second time finds what the first has made.

    `now` gives the time that schedules go by, in seconds since the epoch.
    """

    def __init__(self, client: Client, store: Store, graphs: Graphs, now: Callable[[], float]) -> None:
        self._client, self._store, self.now = client, store, now
        self._rivals = Rivals(client, graphs)

    async def fire(self, flow: Object, trigger: Trigger, schedule: Schedule, look: Look, rivals: list[Object]) -> Fired:
        """Start the runs that are due; give the trigger's next mark.

        Args:
            flow: whose trigger it is.
            trigger: the trigger.
            schedule: its instants.
            look: how far it has come, and what is due.
            rivals: runs that other triggers of the Flow have started just before.

        Raises:
            ApiError: a run cannot be created now; nothing counts, and it is done again.
        """
        mark, due = look.mark, look.due or Due((), 0, look.mark.handled, look.mark.next)
        left = await self.not_begun(flow, mark)
        room = max(0, MAX_STARTED - len(left))
        seconds, handled = due.start[:room], due.handled
        if len(seconds) < len(due.start):
            handled = seconds[-1] if seconds else mark.handled
        jitter = delay_of(trigger.timing, flow["metadata"]["uid"], trigger.name)
        fired = Fired(replace(mark, handled=handled, started=left), trigger.kind, jitter, rivals=rivals)
        fired.again = SOON if len(seconds) < len(due.start) else None
        if due.missed and handled > mark.handled:
            self._note_missed(fired, due.missed, seconds[0] if seconds else handled)
        compiled = compile_trigger(trigger)
        for second in seconds:
            await self.start(flow, compiled, occasion_of(trigger, schedule, second), fired, Cause(timestamp(second)))
        return fired

    def _note_missed(self, fired: Fired, count: int, before: int) -> None:
        what = "1 instant was missed" if count == 1 else f"{count} instants were missed"
        self.note(fired, Result.MISSED, f"{what} up to {timestamp(before)}", count)
        message = f"trigger {fired.mark.name}: {fired.mark.message}"
        fired.happenings.append(Happening(True, "InstantsMissed", message))

    def note(self, fired: Fired, result: Result, message: str, count: int = 1) -> None:
        """Note what became of an instant or event, and tell people why, where there is something to tell."""
        fired.counts[result.value] += count
        lost = count if result in _LOST else 0
        fired.mark = replace(fired.mark, message=message, missed=fired.mark.missed + lost)
        if result in _REASONS:
            told = f"trigger {fired.mark.name}: {message}"
            fired.happenings.append(Happening(result is Result.FAILED, _REASONS[result], told))

    async def start(
        self,
        flow: Object,
        compiled: Compiled,
        occasion: Occasion,
        fired: Fired,
        cause: Cause,
    ) -> None:
        """Create the run of an occasion, or note why there is none.

        Raises:
            ApiError: it cannot be created now.
        """
        meta, what = flow["metadata"], cause.told
        name = name_of(flow, occasion)
        about = {"name": name, "namespace": meta["namespace"], "flow": meta["name"]}
        try:
            start = start_of(compiled, occasion, about, cause.event)
            hindrance = (
                await self._hindrance(flow, occasion, start, [*fired.rivals, *fired.runs]) if start is not None else ""
            )
        except ExpressionError as error:
            self.note(fired, Result.FAILED, f"no run for {what}: {error}")
            return
        if start is None:
            self.note(fired, Result.FILTERED, f"no run for {what}: when is false")
        elif hindrance:
            self.note(fired, Result.FORBIDDEN, f"no run for {what}: {hindrance}")
        else:
            await self._create(flow, triggered_run(flow, occasion, start, name, cause.follows), fired, what)

    async def _create(self, flow: Object, body: dict[str, Any], fired: Fired, what: str) -> None:
        meta, trigger = body["metadata"], body["spec"]["trigger"]
        try:
            run = await self._client.create(FLOWRUNS, meta["namespace"], body)
        except AlreadyExists:
            try:
                run = await self._client.get(FLOWRUNS, meta["namespace"], meta["name"])
            except NotFound:
                run = await self._client.create(FLOWRUNS, meta["namespace"], body)
        except Rejected as error:
            self.note(fired, Result.FAILED, f"no run for {what}: {error.message}")
            return
        if not is_run_for(run, flow["metadata"]["uid"], trigger):
            message = f"no run for {what}: FlowRun {meta['name']} exists and is not this trigger's"
            self.note(fired, Result.FAILED, message)
            return
        self._note_started(run, fired)

    def _note_started(self, run: Object, fired: Fired) -> None:
        meta = run["metadata"]
        occasion = Occasion.parse(run["spec"]["trigger"])
        second = int(occasion.time or 0) if occasion is not None else 0
        mark = fired.mark
        self.note(fired, Result.STARTED, "")
        fired.mark = replace(fired.mark, last=second, run=meta["name"], started=(*mark.started, (second, meta["uid"])))
        fired.runs.append(run)
        fired.delays.append(self.now() - second - fired.jitter)

    async def _hindrance(self, flow: Object, occasion: Occasion, start: Start, rivals: list[Object]) -> str:
        """Say which live runs forbid another; where nobody is sure, the run itself is turned away as any other is."""
        policy = concurrency_of(flow)
        if policy.policy is not ConcurrencyPolicy.FORBID:
            return ""
        live = await self._rivals.live(flow, Newcomer(name_of(flow, occasion), occasion, start.params), rivals)
        if len(live) < policy.limit:
            return ""
        return f"{', '.join(live[:3])} {'is' if len(live) == 1 else 'are'} live, and concurrency.policy is Forbid"

    async def not_begun(self, flow: Object, mark: Mark) -> tuple[tuple[int, str], ...]:
        """Give the started runs that must still be named: who has begun needs it no more, nor who is gone."""
        left = tuple((second, uid) for second, uid in mark.started if not _has_begun(self._store.run_of_uid(uid)))
        if len(left) <= _FEW:
            return left
        meta = flow["metadata"]
        selector = f"spec.flowRef.name={meta['name']}"
        page = await self._client.list(FLOWRUNS, meta["namespace"], fields=selector, metadata_only=True)
        there = {run["metadata"]["uid"] for run in page.items}
        return tuple((second, uid) for second, uid in left if uid in there)


def _has_begun(run: Object | None) -> bool:
    return run is not None and ("frozen" in (run.get("status") or {}) or has_ended(run))
