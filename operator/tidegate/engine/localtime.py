"""Local time and instants: which second a local time is, also one that a clock change skips or repeats.

Instants are whole seconds since the epoch, local times datetimes without a zone.
"""

import zoneinfo
from datetime import UTC, datetime, timedelta

_STEP = 4 * 86_400
"""No zone changes its offset twice within so many seconds since 1970; the tests look at all of them."""

LATEST = 253_300_000_000
"""The end of time, near the end of the year 9996: datetimes do not go much further."""


def zone_named(name: str) -> zoneinfo.ZoneInfo | None:
    """Give a time zone of the tz database, None if there is none of that name."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def local(second: int, zone: zoneinfo.ZoneInfo) -> datetime:
    """Give what the clocks of a zone show at an instant."""
    return datetime.fromtimestamp(second, zone).replace(tzinfo=None)


def instant(moment: datetime, zone: zoneinfo.ZoneInfo) -> int:
    """Give the instant of a local time: the first of two, and for a skipped one that at which the clocks go on."""
    early, late = (int(moment.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    if early <= late:
        return early
    change = first_change(late, early, zone)
    return early if change is None else change


def offset(second: int, zone: zoneinfo.ZoneInfo) -> timedelta:
    """Give how far a zone is ahead of UTC at an instant."""
    return datetime.fromtimestamp(second, zone).utcoffset() or timedelta()


def first_change(after: int, until: int, zone: zoneinfo.ZoneInfo) -> int | None:
    """Give the first instant after one and up to another at which the zone's offset is not what it was before."""
    before, low = offset(after, zone), after
    while low < until:
        high = min(low + _STEP, until)
        if offset(high, zone) != before:
            return _changing(low, high, before, zone)
        low = high
    return None


def _changing(low: int, high: int, before: timedelta, zone: zoneinfo.ZoneInfo) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        if offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def utc(second: int) -> datetime:
    """Give an instant as a datetime in UTC."""
    return datetime.fromtimestamp(second, UTC)
