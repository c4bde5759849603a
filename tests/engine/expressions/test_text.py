"""Values as text and as JSON data, and times read from text."""

import datetime as dt

import pytest

from tidegate.engine.expressions import parse_duration, parse_timestamp, to_json, to_text
from tidegate.errors import ExpressionError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is\n", "as it is\n"),
        ("", ""),
        (3, "3"),
        (2.5, "2.5"),
        (True, "true"),
        ([1, "ü", None, {"a": False}], '[1,"ü",null,{"a":false}]'),
        ({}, "{}"),
        (dt.datetime(2026, 5, 1, 6, 30, tzinfo=dt.UTC), "2026-05-01T06:30:00Z"),
        (dt.datetime(2026, 5, 1, 6, 30, tzinfo=dt.timezone(dt.timedelta(hours=-5))), "2026-05-01T11:30:00Z"),
        (dt.datetime(2026, 5, 1, 6, 30, 0, 120_000, tzinfo=dt.UTC), "2026-05-01T06:30:00.120Z"),
        (dt.datetime(2026, 5, 1, 6, 30, 0, 7, tzinfo=dt.UTC), "2026-05-01T06:30:00.000007Z"),
        (dt.timedelta(hours=2), "7200s"),
        (dt.timedelta(seconds=-1, milliseconds=-500), "-1.500s"),
        (dt.timedelta(microseconds=1), "0.000001s"),
    ],
)
def test_every_plain_value_has_a_text(value: object, text: str) -> None:
    assert to_text(value) == text


def test_null_has_none() -> None:
    with pytest.raises(ExpressionError, match="orValue"):
        to_text(None)


def test_times_become_json() -> None:
    assert to_json(dt.timedelta(seconds=1)) == "1s"
    assert to_json(dt.datetime(2026, 5, 1, tzinfo=dt.UTC)) == "2026-05-01T00:00:00Z"
    assert to_json([1]) == [1]
    assert to_json(None) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-01T06:30:00Z", dt.datetime(2026, 5, 1, 6, 30, tzinfo=dt.UTC)),
        ("2026-05-01t06:30:00.5z", dt.datetime(2026, 5, 1, 6, 30, 0, 500_000, tzinfo=dt.UTC)),
        ("2026-05-01T06:30:00.123456789+02:00", dt.datetime(2026, 5, 1, 4, 30, 0, 123_456, tzinfo=dt.UTC)),
        ("2026-05-01", None),
        ("2026-05-01 06:30:00Z", None),
        ("2026-05-01T06:30:00", None),
        ("2026-02-30T06:30:00Z", None),
        ("2026-05-01T25:30:00Z", None),
        ("0000-05-01T06:30:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("", None),
        ("\uff12\uff10\uff12\uff16-05-01T06:30:00Z", None),
    ],
)
def test_a_timestamp_is_rfc_3339(text: str, moment: dt.datetime | None) -> None:
    if moment is not None:
        assert parse_timestamp(text) == moment
        return
    with pytest.raises(ValueError, match=r"timestamp|moment"):
        parse_timestamp(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("1h30m", 5400),
        ("-1.5h", -5400),
        ("+2m", 120),
        ("1m1h", 3660),
        (".5s", 0.5),
        ("1.s", 1),
        ("250ms", 0.25),
        ("3us", 0.000003),
        ("3µs", 0.000003),
        ("1500ns", 0.000001),
        ("0", 0),
        ("", None),
        ("-", None),
        ("1", None),
        ("1d", None),
        ("1h-1m", None),
        ("1h 1m", None),
        (".s", None),
        ("s", None),
        ("99999999h", None),
        ("1" * 1000 + "s", None),
    ],
)
def test_a_duration_has_the_form_of_go(text: str, seconds: float | None) -> None:
    if seconds is not None:
        assert parse_duration(text) == dt.timedelta(seconds=seconds)
        return
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)
