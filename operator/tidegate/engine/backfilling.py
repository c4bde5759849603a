"""How far a Backfill has come, as its status has it: frozen inputs, a mark, the live runs, counts; all of bounded size.

An instant is dealt with once: in the Backfill's order all up to `handled` are, and so are those with a run before it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidegate.api.backfill import BackfillState, Order
from tidegate.api.conditions import carry, instant_of, timestamp
from tidegate.engine import conditions, intervals
from tidegate.engine.conclusion import Outcome
from tidegate.engine.sizes import within

MOST_SENTENCE = 2048
_SHOWN = 3
_PLAIN = ("Running", "Paused", "Cancelling")
"""Reasons that the sentence says by itself."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a Backfill was begun with: the Flow, its trigger as it was, and the numbers of the instants passed over."""

    flow_uid: str
    trigger: Mapping[str, Any]
    schedule: str
    passed_over: int = 0

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Frozen":
        """Read `status.frozen`."""
        mask = intervals.unpacked(data.get("passedOver") or "")
        return cls(data["flowUID"], data["trigger"], data.get("schedule") or "", mask)

    def dump(self) -> dict[str, Any]:
        """Give `status.frozen`."""
        found = {"flowUID": self.flow_uid, "trigger": dict(self.trigger), "schedule": self.schedule}
        return {**found, "passedOver": intervals.packed(self.passed_over)} if self.passed_over else found


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it has come. `live` has the UIDs of runs that have not ended, with their instants; times are seconds."""

    frozen: Frozen
    started: float
    total: int
    handled: int | None = None
    live: tuple[tuple[int, str], ...] = ()
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    last_failure: str = ""

    @classmethod
    def parse(cls, status: Mapping[str, Any]) -> "Progress":
        """Read a status that has `frozen`."""
        counts, handled = status.get("counts") or {}, instant_of(status.get("handledTime"))
        return cls(
            frozen=Frozen.parse(status["frozen"]),
            started=instant_of(status.get("startTime")) or 0.0,
            total=counts.get("total") or 0,
            handled=None if handled is None else int(handled),
            live=tuple((int(instant_of(one["time"]) or 0), one["uid"]) for one in status.get("live") or ()),
            succeeded=counts.get("succeeded") or 0,
            failed=counts.get("failed") or 0,
            skipped=counts.get("skipped") or 0,
            last_failure=status.get("lastFailure") or "",
        )

    def dump(self) -> dict[str, Any]:
        """Give its part of the status; what says nothing is left out."""
        some = {
            "handledTime": None if self.handled is None else timestamp(self.handled),
            "live": [{"time": timestamp(second), "uid": uid} for second, uid in self.live],
            "lastFailure": self.last_failure,
        }
        counts = {"running": len(self.live), "succeeded": self.succeeded, "failed": self.failed}
        return {
            "frozen": self.frozen.dump(),
            "startTime": timestamp(self.started),
            "counts": {"total": self.total, **counts, "skipped": self.skipped},
            "progress": f"{self.done}/{self.total}",
            **{key: value for key, value in some.items() if value},
        }

    @property
    def done(self) -> int:
        """How many instants will get no more runs, and have none that is live."""
        return self.succeeded + self.failed + self.skipped

    @property
    def left(self) -> int:
        """How many have not been dealt with."""
        return self.total - self.done - len(self.live)

    def pending(self, instants: Sequence[int], order: Order) -> Iterator[int]:
        """Give the instants that are to be dealt with, in order.

        Args:
            instants: all of the Backfill, oldest first.
            order: which come first.
        """
        numbers = _numbers(instants, order, self.handled)
        return (instants[number] for number in numbers if not self.frozen.passed_over >> number & 1)

    def with_started(self, second: int, uid: str) -> "Progress":
        """Give it with a run that may begin now."""
        return replace(self, handled=second, live=(*self.live, (second, uid)))

    def with_skipped(self, second: int) -> "Progress":
        """Give it with an instant that gets no run."""
        return replace(self, handled=second, skipped=self.skipped + 1)

    def with_hopeless(self, second: int, why: str) -> "Progress":
        """Give it with an instant that can get no run."""
        found = replace(self, handled=second, failed=self.failed + 1)
        return replace(found, last_failure=within(why, MOST_SENTENCE))

    def with_ended(self, uid: str, failure: str | None) -> "Progress":
        """Give it with a live run that has ended; `failure` is None if it succeeded."""
        found = replace(self, live=tuple(one for one in self.live if one[1] != uid))
        if failure is None:
            return replace(found, succeeded=self.succeeded + 1)
        return replace(found, failed=self.failed + 1, last_failure=within(failure, MOST_SENTENCE))


def has_passed(handled: float | None, second: float, order: str) -> bool:
    """Whether an instant is dealt with, by the mark of a Backfill of this order."""
    if handled is None:
        return False
    return second <= handled if order == Order.OLDEST_FIRST else second >= handled


def outcome_of(progress: Progress) -> Outcome:
    """Give how a Backfill ends whose instants are all done."""
    ran = progress.succeeded + progress.failed
    skipped = f", {progress.skipped} skipped" if progress.skipped else ""
    if progress.failed:
        message = f"{progress.failed} of {counted(ran)} failed{skipped}; the last: {progress.last_failure}"
        return Outcome(False, "RunsFailed", message, {})
    return Outcome(True, "Completed", f"{counted(ran)} ran well{skipped}", {})


def running(progress: Progress, spec: Mapping[str, Any], upcoming: int | None) -> tuple[str, str]:
    """Give reason and sentence of a Backfill that goes on; `upcoming` is its next instant."""
    shown = ", ".join(timestamp(second) for second, _ in progress.live[:_SHOWN])
    more = f" and {len(progress.live) - _SHOWN} more" if len(progress.live) > _SHOWN else ""
    live = f"live are the runs of {shown}{more}" if progress.live else "no run is live"
    if spec.get("desiredState") == BackfillState.PAUSED:
        return "Paused", f"it is paused with {counted(progress.left)} left; {live}"
    if upcoming is None:
        return "Running", f"{live}; no instant is left"
    return "Running", f"{live}; {counted(progress.left)} left, next {timestamp(upcoming)}"


def told(
    old: Mapping[str, Any], record: Mapping[str, Any], reason: str, message: str, about: tuple[int, float]
) -> dict[str, Any]:
    """Give the status of a Backfill that goes on.

    Args:
        old: the status before.
        record: what `Progress.dump` gives, empty before it has begun.
        reason: what it does or waits for, in a word.
        message: the same in a sentence.
        about: the object's generation, and the time.
    """
    why = message if reason in _PLAIN else f"{reason}: {message}"
    return _status(old, record, conditions.running(reason, within(message, MOST_SENTENCE)), why, about)


def over(
    old: Mapping[str, Any], record: Mapping[str, Any], outcome: Outcome, about: tuple[int, float]
) -> dict[str, Any]:
    """Give the status of a Backfill that has ended, likewise."""
    outcome = replace(outcome, message=within(outcome.message, MOST_SENTENCE))
    wanted = conditions.ended(outcome)
    status = _status(old, record, wanted, f"{outcome.reason}: {outcome.message}", about)
    return {**status, "completionTime": timestamp(about[1])}


def counted(number: int) -> str:
    """Say how many instants."""
    return "1 instant" if number == 1 else f"{number} instants"


def _status(
    old: Mapping[str, Any],
    record: Mapping[str, Any],
    wanted: Sequence[dict[str, Any]],
    why: str,
    about: tuple[int, float],
) -> dict[str, Any]:
    generation, now = about
    carried = carry(old.get("conditions"), wanted, generation=generation, now=now)
    return {**record, "observedGeneration": generation, "conditions": carried, "why": within(why, MOST_SENTENCE)}


def _numbers(instants: Sequence[int], order: Order, handled: int | None) -> range:
    if order is Order.OLDEST_FIRST:
        return range(0 if handled is None else bisect_right(instants, handled), len(instants))
    return range((len(instants) if handled is None else bisect_left(instants, handled)) - 1, -1, -1)
