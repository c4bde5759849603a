"""Schedules: the instants that a cron or an interval means, in order, in any zone, whatever its clocks do.

Across a clock change: a local time that is skipped counts at the instant at which the clocks go on, one that comes
twice counts the first time. Cron expressions with `*` in minute or hour are not local times but a rhythm: they go by
what the clocks show, hour after hour, also in an hour that comes twice.
"""

import heapq
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from tidegate.api import triggers
from tidegate.api.base import DAY
from tidegate.api.conditions import instant_of
from tidegate.engine import localtime
from tidegate.engine.cron import Cron, ScheduleError, parse
from tidegate.engine.findings import nearest

_FIRST_SPAN = 120
_LONGEST_SPAN = 50 * 366 * DAY


class Schedule(Protocol):
    """Instants in whole seconds since the epoch; `text` tells schedules apart, `zone` is the zone's name."""

    @property
    def text(self) -> str:
        """What people read."""
        ...

    @property
    def zone(self) -> ZoneInfo:
        """In which zone its local times are meant."""
        ...

    def after(self, second: int) -> Iterator[int]:
        """Give the instants after one, each once and in order; ends when there are no more."""
        ...


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """Several expressions: what two of them mean counts once."""

    crons: tuple[Cron, ...]
    zone: ZoneInfo

    @property
    def text(self) -> str:
        """The expressions and the zone."""
        return f"{', '.join(cron.text for cron in self.crons)} {self.zone.key}"

    def after(self, second: int) -> Iterator[int]:
        """Give the instants after one."""
        each = [
            _fixed(cron, second, self.zone) if cron.is_fixed else _rhythm(cron, second, self.zone)
            for cron in self.crons
        ]
        return _once(second, heapq.merge(*each))


@dataclass(frozen=True, slots=True)
class IntervalSchedule:
    """Steps of `every` seconds that meet `anchor`."""

    every: int
    anchor: int
    zone: ZoneInfo

    @property
    def text(self) -> str:
        """The step, what it meets and the zone."""
        return f"every {self.every} s from {localtime.utc(self.anchor):%Y-%m-%dT%H:%M:%SZ} {self.zone.key}"

    def after(self, second: int) -> Iterator[int]:
        """Give the instants after one."""
        return _once(second, self._steps(second) if self.every < DAY else self._days(second))

    def _steps(self, second: int) -> Iterator[int]:
        first = self.anchor + ((second - self.anchor) // self.every + 1) * self.every
        yield from range(first, localtime.LATEST, self.every)

    def _days(self, second: int) -> Iterator[int]:
        """Go by local time; one step back, for a clock change may move an instant past `second`."""
        anchor = _seconds(localtime.local(self.anchor, self.zone))
        here = _seconds(localtime.local(second, self.zone))
        first = anchor + ((here - anchor) // self.every - 1) * self.every
        for step in range(first, localtime.LATEST, self.every):
            yield localtime.instant(localtime.utc(step).replace(tzinfo=None), self.zone)


def schedule_of(trigger: triggers.Trigger) -> Schedule:
    """Give the schedule of a trigger.

    Raises:
        ScheduleError: it cannot be meant.
    """
    zone = zone_of(trigger.timing.time_zone)
    if trigger.cron is not None:
        return _cron(trigger.cron, zone)
    if trigger.interval is None:
        raise ScheduleError("it has no schedule")
    return _interval(trigger.interval, zone)


def zone_of(name: str) -> ZoneInfo:
    """Give a zone of the tz database.

    Raises:
        ScheduleError: there is none of that name.
    """
    zone = localtime.zone_named(name)
    if zone is None:
        raise ScheduleError(f'there is no time zone "{name}"{_likely(name)}; expected a name such as Europe/Berlin')
    return zone


def latest(schedule: Schedule, after: int, until: int, count: int) -> list[int]:
    """Give the last instants, at most `count`, after one instant and up to another; oldest first."""
    span = _FIRST_SPAN
    while True:
        start = max(after, until - span)
        found: list[int] = []
        for second in schedule.after(start):
            if second > until:
                break
            found.append(second)
        if len(found) >= count or start == after or span > _LONGEST_SPAN:
            return found[-count:]
        span *= 8


def before(schedule: Schedule, second: int) -> int | None:
    """Give the last instant before one; None when there is none for decades."""
    found = latest(schedule, second - 2 * _LONGEST_SPAN, second - 1, 1)
    return found[0] if found else None


def _cron(source: triggers.Cron, zone: ZoneInfo) -> CronSchedule:
    return CronSchedule(tuple(parse(" ".join(text.split())) for text in source.schedules), zone)


def _interval(source: triggers.Interval, zone: ZoneInfo) -> IntervalSchedule:
    if source.anchor is None:
        return IntervalSchedule(
            source.every_seconds, localtime.instant(localtime.utc(0).replace(tzinfo=None), zone), zone
        )
    try:
        anchor = instant_of(source.anchor)
    except ValueError:
        anchor = None
    if anchor is None or not source.anchor.endswith("Z"):
        raise ScheduleError(f'anchor "{source.anchor}" is not a time such as 2026-01-31T10:00:00Z')
    return IntervalSchedule(source.every_seconds, int(anchor), zone)


def _fixed(cron: Cron, second: int, zone: ZoneInfo) -> Iterator[int]:
    """Give the instants of local times; from a day back, for a skipped time is later than it says."""
    for moment in cron.after(localtime.local(max(0, second - 2 * DAY), zone)):
        yield localtime.instant(moment, zone)


def _rhythm(cron: Cron, second: int, zone: ZoneInfo) -> Iterator[int]:
    """Give the instants at which the clocks show what is meant: piece by piece between two changes of the offset."""
    while second < localtime.LATEST:
        shift = int(localtime.offset(second, zone).total_seconds())
        change: int | None = None
        for moment in cron.after(localtime.local(second, zone)):
            found = _seconds(moment) - shift
            change = localtime.first_change(second, found, zone)
            if change is not None:
                break
            yield found
            second = found
        if change is None:
            return
        second = change
        if cron.matches(localtime.local(change, zone)):
            yield change


def _once(second: int, instants: Iterator[int]) -> Iterator[int]:
    last = second
    for found in instants:
        if found > last:
            last = found
            yield found


def _seconds(moment: datetime) -> int:
    """Give a local time as a number: the seconds since the epoch if it was meant in UTC."""
    return int(moment.replace(tzinfo=UTC).timestamp())


def _likely(name: str) -> str:
    return nearest(name, zoneinfo.available_timezones())
