"""Cron expressions: what is taken, what is refused with which words, and that the days are those of Debian's cron."""

import itertools
from datetime import datetime, timedelta

import pytest

from tidegate.engine.cron import NICKNAMES, ScheduleError, parse


def times(text, start, count=3):
    found = parse(text).after(datetime.fromisoformat(start))
    return [f"{moment:%Y-%m-%d %H:%M}" for moment in itertools.islice(found, count)]


# Debian's crontab(5): ranges, lists, steps, names; and how the two fields of the day go together.
DEBIAN = [
    ("5 0 * * *", "2026-01-01", ["2026-01-01 00:05", "2026-01-02 00:05", "2026-01-03 00:05"]),
    ("15 14 1 * *", "2026-01-01", ["2026-01-01 14:15", "2026-02-01 14:15", "2026-03-01 14:15"]),
    ("0 22 * * 1-5", "2026-01-01", ["2026-01-01 22:00", "2026-01-02 22:00", "2026-01-05 22:00"]),
    ("23 0-23/2 * * *", "2026-01-01", ["2026-01-01 00:23", "2026-01-01 02:23", "2026-01-01 04:23"]),
    ("5 4 * * sun", "2026-01-01", ["2026-01-04 04:05", "2026-01-11 04:05", "2026-01-18 04:05"]),
    ("0 4 8-14 * *", "2026-01-10T05:00", ["2026-01-11 04:00", "2026-01-12 04:00", "2026-01-13 04:00"]),
    ("0 0 * * 0", "2026-01-01", ["2026-01-04 00:00", "2026-01-11 00:00", "2026-01-18 00:00"]),
    ("0 0 * * 7", "2026-01-01", ["2026-01-04 00:00", "2026-01-11 00:00", "2026-01-18 00:00"]),
    ("0 0 * * Fri-7", "2026-01-01", ["2026-01-02 00:00", "2026-01-03 00:00", "2026-01-04 00:00"]),
    # "Note: the day of a command's execution can be specified by two fields. If both fields are restricted
    # (i.e., do not contain the "*" character), the command will be run when either field matches."
    ("30 4 1,15 * 5", "2026-01-01", ["2026-01-01 04:30", "2026-01-02 04:30", "2026-01-09 04:30"]),
    # A field that begins with a star is not restricted: both must match then.
    ("0 0 */2 * 1", "2026-01-01", ["2026-01-05 00:00", "2026-01-19 00:00", "2026-02-09 00:00"]),
    ("0 0 1 * */3", "2026-01-01", ["2026-02-01 00:00", "2026-03-01 00:00", "2026-04-01 00:00"]),
    ("0 0 29 2 *", "2026-01-01", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
    ("0 0 31 * *", "2026-01-01T01:00", ["2026-01-31 00:00", "2026-03-31 00:00", "2026-05-31 00:00"]),
    ("*/20 12 * JAN,jul *", "2026-01-31T12:30", ["2026-01-31 12:40", "2026-07-01 12:00", "2026-07-01 12:20"]),
    ("10-30/10 3 1 1 *", "2026-01-01", ["2026-01-01 03:10", "2026-01-01 03:20", "2026-01-01 03:30"]),
    # What Debian's cron does not have.
    ("0 0 L * *", "2026-01-31T01:00", ["2026-02-28 00:00", "2026-03-31 00:00", "2026-04-30 00:00"]),
    ("0 0 LW * *", "2026-01-31", ["2026-02-27 00:00", "2026-03-31 00:00", "2026-04-30 00:00"]),
    ("0 0 * * 5L", "2026-01-01", ["2026-01-30 00:00", "2026-02-27 00:00", "2026-03-27 00:00"]),
    ("0 0 * * MON#1", "2026-01-01", ["2026-01-05 00:00", "2026-02-02 00:00", "2026-03-02 00:00"]),
    ("0 0 * * 2#5", "2026-01-01", ["2026-03-31 00:00", "2026-06-30 00:00", "2026-09-29 00:00"]),
]


@pytest.mark.parametrize(("text", "start", "expected"), DEBIAN, ids=[row[0] for row in DEBIAN])
def test_an_expression_means_what_its_manual_says(text, start, expected):
    just_before = datetime.fromisoformat(start) - timedelta(seconds=1)
    assert times(text, just_before.isoformat()) == expected


@pytest.mark.parametrize(("nickname", "fields"), NICKNAMES.items())
def test_a_nickname_is_an_expression(nickname, fields):
    assert times(nickname, "2026-02-03") == times(fields, "2026-02-03")


REFUSED = [
    ("", "has 0 fields and is incomplete; expected five"),
    ("0 2 * *", "has 4 fields and is incomplete; expected five"),
    ("0 0 2 * * *", "has 6 fields and has seconds or a year: leave them out"),
    ("0 0 31 2 *", "names a date that never comes"),
    ("0 0 31 4,6,9,11 *", "names a date that never comes"),
    ("0 0 30 FEB *", "names a date that never comes"),
    ("60 * * * *", 'minute "60" is not understood; expected 0-59'),
    ("0 24 * * *", 'hour "24" is not understood; expected 0-23'),
    ("0 0 0 * *", 'day-of-month "0" is not understood; expected 1-31, L'),
    ("0 0 32 * *", 'day-of-month "32" is not understood'),
    ("0 0 L-3 * *", 'day-of-month "L-3" is not understood'),
    ("0 0 * 13 *", 'month "13" is not understood; expected 1-12 or JAN-DEC'),
    ("0 0 * * 8", 'day-of-week "8" is not understood; expected 0-7 or SUN-SAT'),
    ("0 0 * * MON#6", 'day-of-week "MON#6" is not understood'),
    ("0 0 * * sat-mon", 'day-of-week "sat-mon" is not understood'),
    ("*/0 * * * *", 'minute "*/0" is not understood'),
    ("1-x * * * *", 'minute "1-x" is not understood'),
    ("a b c d e", 'minute "a" is not understood'),
    ("0 0 ? * *", "write * for any"),
    ("TZ=Asia/Tokyo 0 2 * * *", "write it in timeZone"),
    ("CRON_TZ=Asia/Tokyo 0 2 * * *", "write it in timeZone"),
    ("@every 5m", "use the source interval"),
    ("@reboot", "has no meaning here"),
    ("@nightly", "is no nickname; known are @yearly"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_meant_is_refused_with_what_to_write_instead(text, words):
    with pytest.raises(ScheduleError) as error:
        parse(text)
    assert words in str(error.value)
