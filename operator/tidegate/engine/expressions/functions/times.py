"""Timestamps and durations: arithmetic, parts in a time zone, and parts of a duration. No clock is read."""

import datetime as dt
import functools
import re
import zoneinfo
from collections.abc import Callable

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.table import Table
from tidegate.engine.expressions.moments import MAX_DURATION

_ZONE_STEPS = 200
"""Of finding a named zone: its file may have to be read."""

_OFFSET = re.compile(r"([+-]?)(\d{1,2}):(\d{1,2})")
_DateTime = dt.datetime
_Duration = dt.timedelta


def _duration(value: dt.timedelta) -> dt.timedelta:
    """Give the duration if CEL has it."""
    if -MAX_DURATION <= value <= MAX_DURATION:
        return value
    raise Fault("duration overflow: the result is longer than 10,000 years")


def _later(_: Meter, moment: dt.datetime, span: dt.timedelta) -> dt.datetime:
    try:
        return moment + span
    except OverflowError:
        raise Fault("timestamp overflow: the result is not within the years 1 to 9999") from None


def _earlier(meter: Meter, moment: dt.datetime, span: dt.timedelta) -> dt.datetime:
    return _later(meter, moment, -span)


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> dt.tzinfo:
    """Give the time zone of an IANA name, or of an offset such as `+02:30`; no name is UTC, as in Go."""
    if not name:
        return dt.UTC
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        span = dt.timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        if span < dt.timedelta(hours=24):
            return dt.timezone(-span if offset[1] == "-" else span)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Fault(f'no such time zone: "{name[:100]}"') from None


def _local(meter: Meter, moment: dt.datetime, zone: str | None) -> dt.datetime:
    if zone is None:
        return moment.astimezone(dt.UTC)
    meter.charge(_ZONE_STEPS)
    try:
        return moment.astimezone(_zone(zone))
    except OverflowError:
        raise Fault("timestamp overflow: the local time is not within the years 1 to 9999") from None


def _part(part: Callable[[dt.datetime], int]) -> Callable[..., int]:
    def give(meter: Meter, moment: dt.datetime, zone: str | None = None) -> int:
        return part(_local(meter, moment, zone))

    return give


def _whole(value: dt.timedelta, unit: dt.timedelta) -> int:
    """Give how many whole units a duration has, rounded towards zero."""
    return -(-value // unit) if value < dt.timedelta() else value // unit


def _in_units(unit: dt.timedelta) -> Callable[[Meter, dt.timedelta], int]:
    return lambda _, value: _whole(value, unit)


def _milliseconds(_: Meter, value: dt.timedelta) -> int:
    """Give the milliseconds beyond the whole seconds."""
    total = _whole(value, dt.timedelta(milliseconds=1))
    return total - 1000 * _whole(value, dt.timedelta(seconds=1))


_PARTS: dict[str, Callable[[dt.datetime], int]] = {
    "getFullYear": lambda moment: moment.year,
    "getMonth": lambda moment: moment.month - 1,
    "getDate": lambda moment: moment.day,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDayOfWeek": lambda moment: moment.isoweekday() % 7,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getHours": lambda moment: moment.hour,
    "getMinutes": lambda moment: moment.minute,
    "getSeconds": lambda moment: moment.second,
    "getMilliseconds": lambda moment: moment.microsecond // 1000,
}

TABLE: Table = {
    ("_+_", _DateTime, _Duration): _later,
    ("_+_", _Duration, _DateTime): lambda meter, span, moment: _later(meter, moment, span),
    ("_+_", _Duration, _Duration): lambda _, left, right: _duration(left + right),
    ("_-_", _DateTime, _Duration): _earlier,
    ("_-_", _DateTime, _DateTime): lambda _, left, right: _duration(left - right),
    ("_-_", _Duration, _Duration): lambda _, left, right: _duration(left - right),
    **{(name, _DateTime): _part(part) for name, part in _PARTS.items()},
    **{(name, _DateTime, str): _part(part) for name, part in _PARTS.items()},
    ("getHours", _Duration): _in_units(dt.timedelta(hours=1)),
    ("getMinutes", _Duration): _in_units(dt.timedelta(minutes=1)),
    ("getSeconds", _Duration): _in_units(dt.timedelta(seconds=1)),
    ("getMilliseconds", _Duration): _milliseconds,
}
