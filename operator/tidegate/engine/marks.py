"""Marks: how far a trigger has come, as `Flow.status.triggers` has it: the next from the last, nothing started yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.api.conditions import instant_of, timestamp
from tidegate.api.triggers import Trigger
from tidegate.engine.due import Due, due
from tidegate.engine.schedules import Schedule
from tidegate.engine.upstream import Ended

MOST_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of `Flow.status.triggers`. Times are in seconds since the epoch; `started` has UIDs with their instants.

    Of a webhook `schedule` is empty and `handled` 0. `handled_runs` and `waiting` are of triggers that follow other
    Flows; their `schedule` says which.
    """

    name: str
    schedule: str
    handled: int
    last: int | None = None
    run: str = ""
    next: int | None = None
    missed: int = 0
    suspended: bool = False
    message: str = ""
    started: tuple[tuple[int, str], ...] = ()
    handled_runs: tuple[tuple[int, str], ...] = ()
    waiting: tuple[Ended, ...] = ()

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Mark":
        """Read a row."""
        return cls(
            name=row["name"],
            schedule=row.get("schedule") or "",
            handled=_second(row.get("handledTime")) or 0,
            last=_second(row.get("lastTime")),
            run=row.get("lastRun") or "",
            next=_second(row.get("nextTime")),
            missed=row.get("missed") or 0,
            suspended=row.get("suspended") or False,
            message=row.get("message") or "",
            started=_uids(row.get("started")),
            handled_runs=_uids(row.get("handledRuns")),
            waiting=tuple(
                Ended(_second(one["time"]) or 0, one["uid"], one["flow"], one["name"])
                for one in row.get("waiting") or ()
            ),
        )

    def dump(self) -> dict[str, Any]:
        """Give the row; what says nothing is left out."""
        row = {
            "name": self.name,
            "schedule": self.schedule,
            "handledTime": timestamp(self.handled) if self.schedule else None,
            "lastTime": None if self.last is None else timestamp(self.last),
            "lastRun": self.run,
            "nextTime": None if self.next is None else timestamp(self.next),
            "missed": self.missed,
            "suspended": self.suspended,
            "message": self.message[:MOST_MESSAGE],
            "started": [{"time": timestamp(second), "uid": uid} for second, uid in self.started],
            "handledRuns": [{"time": timestamp(second), "uid": uid} for second, uid in self.handled_runs],
            "waiting": [
                {"time": timestamp(one.second), "uid": one.uid, "flow": one.flow, "name": one.name}
                for one in self.waiting
            ],
        }
        return {key: value for key, value in row.items() if value}


@dataclass(frozen=True, slots=True)
class When:
    """The time, in seconds since the epoch; since when a trigger counts that was never seen; and its jitter."""

    now: float
    since: float
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a trigger finds: its mark, and what is due. Nothing is, where the mark is a new one."""

    mark: Mark
    due: Due | None


def look(trigger: Trigger, schedule: Schedule, old: Mark | None, when: When) -> Look:
    """Look at a trigger, whose `suspend` is that of the Flow too.

    A schedule that is new, changed, suspended or resumed begins anew: nothing is started on a mark that is not in
    status yet.
    """
    if old is None or old.schedule != schedule.text or old.suspended != trigger.suspend:
        return Look(_anew(trigger, schedule, old, when), None)
    if trigger.suspend:
        return Look(old, None)
    found = due(schedule, trigger.timing, old.handled, when.now, when.delay)
    return Look(replace(old, next=found.next), found)


def unscheduled(trigger: Trigger, old: Mark | None) -> Mark:
    """Give the mark of a trigger that no instant is due for; what is known of its runs stays."""
    mark = replace(old or Mark(trigger.name, "", 0), schedule="", handled=0, next=None, suspended=trigger.suspend)
    mark = replace(mark, handled_runs=(), waiting=())
    return replace(mark, message="") if old is not None and old.schedule else mark


def _anew(trigger: Trigger, schedule: Schedule, old: Mark | None, when: When) -> Mark:
    """Begin now, or, if it was never seen, since it counts; what is known of the runs before stays."""
    handled = int(when.since if old is None else when.now)
    if old is not None and old.schedule == schedule.text:
        handled = max(handled, old.handled)
    return replace(
        old or Mark(trigger.name, schedule.text, handled),
        schedule=schedule.text,
        handled=handled,
        next=None if trigger.suspend else next(schedule.after(handled), None),
        suspended=trigger.suspend,
        message="",
        handled_runs=(),
        waiting=(),
    )


def _uids(rows: Iterable[Mapping[str, Any]] | None) -> tuple[tuple[int, str], ...]:
    return tuple((_second(one["time"]) or 0, one["uid"]) for one in rows or ())


def _second(text: str | None) -> int | None:
    found = instant_of(text)
    return None if found is None else int(found)
