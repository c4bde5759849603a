"""Cron expressions over local time: which minutes of the calendar are meant; zones and clocks are not its business.

The fields are read by cronsim, which follows Debian's cron. What other crons take and Debian's does not is refused
with a sentence that says what to write instead.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from cronsim import CronSim, CronSimError

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, L (the last day) or LW (the last weekday)",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT, 5L (the last Friday) or MON#1 (the first Monday)",
}
_BEGINNING = datetime(2000, 1, 1)  # noqa: DTZ001  local time has no zone


class ScheduleError(ValueError):
    """A schedule that cannot be meant; the text says what was found and what is expected."""


class Cron:
    """One expression. `is_fixed` when it names hours and minutes, so that a clock change must not lose or double it.

    Raises:
        ScheduleError: the expression is wrong, or no date ever matches it.
    """

    def __init__(self, text: str) -> None:
        self.text = _fields_of(text)
        minute, hour, *_ = self.text.split()
        self.is_fixed = not (minute.startswith("*") or hour.startswith("*"))
        if next(self.after(_BEGINNING), None) is None:
            raise ScheduleError(f'"{text}" names a date that never comes, such as 31 February')

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Give the local times after one, as if no clock was ever changed; ends when there is none for 50 years."""
        try:
            yield from CronSim(self.text, moment)
        except OverflowError:  # the calendar of datetime ends with the year 9999
            return

    def matches(self, moment: datetime) -> bool:
        """Whether a local time is meant."""
        return moment.second == 0 and next(self.after(moment - timedelta(seconds=1)), None) == moment


@lru_cache(maxsize=4096)
def parse(text: str) -> Cron:
    """Read an expression.

    Raises:
        ScheduleError: it is wrong.
    """
    return Cron(text)


def _fields_of(text: str) -> str:
    """Give the five fields; what cannot be read is told."""
    if text.startswith("@"):
        return _nickname(text)
    if "TZ=" in text:
        raise ScheduleError(f'"{text}" names a time zone: write it in timeZone')
    fields = text.split()
    if len(fields) != 5:
        what = "has seconds or a year: leave them out" if len(fields) > 5 else "is incomplete"
        raise ScheduleError(f'"{text}" has {len(fields)} fields and {what}; expected five: {", ".join(_FIELDS)}')
    if "?" in text:
        raise ScheduleError(f'"{text}" has a ?: write * for any')
    try:
        CronSim(" ".join(fields), _BEGINNING)
    except CronSimError as error:
        raise ScheduleError(_told(text, fields, str(error))) from None
    return " ".join(fields)


def _nickname(text: str) -> str:
    if text in NICKNAMES:
        return NICKNAMES[text]
    if text.startswith("@every"):
        raise ScheduleError(f'"{text}": use the source interval with everySeconds')
    if text == "@reboot":
        raise ScheduleError('"@reboot" has no meaning here: nothing that matters is ever booted')
    raise ScheduleError(f'"{text}" is no nickname; known are {", ".join(NICKNAMES)}')


def _told(text: str, fields: list[str], message: str) -> str:
    """Say which field is wrong and what it may be; cronsim says `Bad minute`."""
    for name, value in zip(_FIELDS, fields, strict=True):
        if message == f"Bad {name}":
            is_date = name == "day-of-month" and value.isdigit() and 1 <= int(value) <= 31
            if is_date:
                return f'"{text}" names a date that never comes, such as 31 February'
            return f'"{text}": {name} "{value}" is not understood; expected {_FIELDS[name]}, lists, ranges or steps'
    return f'"{text}" is not understood: {message}'
