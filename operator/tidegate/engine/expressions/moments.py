"""Timestamps and durations as text, both ways: RFC 3339, and Go's form or plain seconds. Exact to the microsecond."""

import datetime as dt
import re

MAX_DURATION = dt.timedelta(seconds=315_576_000_000)
"""Ten thousand years, protobuf's limit."""

LONGEST = 400
"""Characters of the longest text that is looked at."""

_TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d+))?(?:[Zz]|([+-]\d{2}:\d{2}))", re.ASCII)
_UNIT = "(h|ms|us|\u00b5s|ns|m|s)"
_PART = rf"(?:\d{{1,18}}(?:\.\d{{0,18}})?|\.\d{{1,18}}){_UNIT}"
_DURATION = re.compile(rf"[+-]?(?:0|(?:{_PART})+)", re.ASCII)
_PARTS = re.compile(rf"(\d*)\.?(\d*){_UNIT}", re.ASCII)
_NANOSECONDS = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 1000, "\u00b5s": 1000, "ns": 1}


def timestamp_text(moment: dt.datetime) -> str:
    """Give RFC 3339 in UTC with no fraction, or three or six digits of it."""
    utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return utc.isoformat(timespec=_precision(utc.microsecond)) + "Z"


def _precision(microseconds: int) -> str:
    if microseconds == 0:
        return "seconds"
    return "microseconds" if microseconds % 1000 else "milliseconds"


def duration_text(span: dt.timedelta) -> str:
    """Give seconds, `5400s` or `-1.500s`, with no fraction, or three or six digits of it."""
    total = span // dt.timedelta(microseconds=1)
    sign, seconds, microseconds = "-" if total < 0 else "", abs(total) // 10**6, abs(total) % 10**6
    digits = {"seconds": "", "milliseconds": f".{microseconds // 1000:03d}", "microseconds": f".{microseconds:06d}"}
    return f"{sign}{seconds}{digits[_precision(microseconds)]}s"


def parse_timestamp(text: str) -> dt.datetime:
    """Read RFC 3339; digits beyond the microsecond are dropped.

    Returns:
        A datetime in UTC.

    Raises:
        ValueError: the text is not one, or names a moment that does not exist.
    """
    match = _TIMESTAMP.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise ValueError(f"{shortened(text)} is not a timestamp such as 2026-05-01T06:30:00Z")
    day, time, fraction, offset = match.groups()
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{time}.{(fraction or '')[:6]:0<6}{offset or '+00:00'}")
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{shortened(text)} names a moment that does not exist") from None


def parse_duration(text: str) -> dt.timedelta:
    """Read a duration in Go's form, `1h30m` or `-1.5s`; what is below a microsecond is dropped.

    Raises:
        ValueError: the text is not one, or it is longer than `MAX_DURATION`.
    """
    if len(text) > LONGEST or _DURATION.fullmatch(text) is None:
        raise ValueError(f"{shortened(text)} is not a duration such as 1h30m or 1.5s")
    nanoseconds = sum(
        int(integer or 0) * _NANOSECONDS[unit] + int(fraction or 0) * _NANOSECONDS[unit] // 10 ** len(fraction)
        for integer, fraction, unit in _PARTS.findall(text)
    )
    if nanoseconds // 1000 > MAX_DURATION // dt.timedelta(microseconds=1):
        raise ValueError(f"{shortened(text)} is longer than 10,000 years")
    span = dt.timedelta(microseconds=nanoseconds // 1000)
    return -span if text.startswith("-") else span


def shortened(text: str) -> str:
    """Give a text in quotes for a message, cut if it is long."""
    return f'"{text}"' if len(text) <= 60 else f'"{text[:60]}..."'
