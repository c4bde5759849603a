"""What is due: which instants of a schedule get a run now, and which were missed. Nothing is remembered here.

An instant is dealt with once: all up to `handled` are, by status; what follows is decided by the time alone.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tidegate.api.triggers import CatchUp, Timing
from tidegate.engine.schedules import Schedule, latest

MOST_COUNTED = 1000
"""Missed instants are counted one by one, and no further than this at a time: an outage must not block the others."""

GRACE = 60
"""How late an instant may be with catchUp None, in seconds."""


@dataclass(frozen=True, slots=True)
class Due:
    """Instants that get a run, oldest first; how many do not; and up to which all are dealt with then.

    `next` is the next instant, None when there is none any more.
    """

    start: tuple[int, ...]
    missed: int
    handled: int
    next: int | None


def due(schedule: Schedule, timing: Timing, handled: int, now: float, delay: int = 0) -> Due:
    """Give what is due.

    Args:
        schedule: the instants.
        timing: what the trigger says of being late.
        handled: the instant up to which all are dealt with.
        now: in seconds since the epoch.
        delay: seconds by which all of this trigger's runs start later, see `delay_of`.
    """
    until = int(now) - delay
    upcoming = schedule.after(max(handled, until))
    if until <= handled:
        return Due((), 0, handled, next(upcoming, None))
    passed = _counted(schedule.after(handled), until)
    if not passed:
        return Due((), 0, handled, next(upcoming, None))
    wanted = latest(schedule, max(handled, until - _tolerance(timing)), until, _most(timing))
    last = wanted[-1] if wanted else latest(schedule, handled, until, 1)[-1]
    return Due(tuple(wanted), max(0, passed - len(wanted)), last, next(upcoming, None))


def delay_of(timing: Timing, flow_uid: str, trigger: str) -> int:
    """Give by how many seconds a trigger's runs start later: drawn from who it is, so always the same."""
    if timing.jitter_seconds == 0:
        return 0
    drawn = hashlib.sha256(f"{flow_uid}\0{trigger}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") % (timing.jitter_seconds + 1)


def _tolerance(timing: Timing) -> int:
    """Give how old an instant may be, in seconds; all that are older are missed."""
    if timing.starting_deadline_seconds is not None:
        return timing.starting_deadline_seconds + 1
    return GRACE + 1 if timing.catch_up is CatchUp.NONE else 1 << 40


def _most(timing: Timing) -> int:
    return timing.catch_up_limit if timing.catch_up is CatchUp.ALL else 1


def _counted(instants: Iterator[int], until: int) -> int:
    count = 0
    for second in islice(instants, MOST_COUNTED):
        if second > until:
            break
        count += 1
    return count
