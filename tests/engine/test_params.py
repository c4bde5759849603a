"""Values of parameters: what is accepted, and in which words the rest is refused."""

from typing import Any

import pytest

from tidegate.api.param import Param
from tidegate.engine import params


def one(value: Any, **declaration: Any) -> tuple[Any, str]:
    values, found = params.resolve([Param(name="p", **declaration)], {"p": value}, {})
    return values["p"], found[0].message if found else ""


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["", "x"], [1, True, []]),
        ("integer", [0, -5, 2.0, 2**63 - 1], ["1", 1.5, True, 2**63]),
        ("number", [0, 1.5], ["1", True, float("inf")]),
        ("boolean", [True, False], [0, "true"]),
        ("array", [[], [1]], [{}, "x"]),
        ("object", [{}, {"a": 1}], [[], "x"]),
        ("date", ["2026-02-28"], ["2026-02-30", "20260228", 5]),
        ("datetime", ["2026-02-28T10:00:00Z", "2026-02-28T10:00:00+02:00"], ["2026-02-28T10:00:00", "2026-02-28"]),
        ("duration", ["1h30m", "5s"], ["5", "x", ""]),
        ("email", ["a@b.de"], ["a", "a@b", "a b@c.de"]),
        ("uri", ["s3://b/k", "https://x"], ["x", "http:// x"]),
        ("secret", [{"name": "s", "key": "k"}], [{"name": "s"}, "s"]),
    ],
)
def test_types(kind: str, good: list[Any], bad: list[Any]):
    for value in good:
        assert one(value, type=kind)[1] == ""
    for value in bad:
        assert "expected" in one(value, type=kind)[1]


@pytest.mark.parametrize(
    ("value", "declaration", "words"),
    [
        (0, {"type": "integer", "minimum": 1}, "got 0; expected at least 1"),
        (5, {"type": "integer", "maximum": 4}, "got 5; expected at most 4"),
        (0.5, {"type": "number", "minimum": "0.75"}, "got 0.5; expected at least 0.75"),
        ("2026-01-01", {"type": "date", "minimum": "2026-02-01"}, "at least 2026-02-01"),
        ("3h", {"type": "duration", "maximum": "2h"}, "at most 2h"),
        ("xx", {"enum": ["eu", "us"]}, 'got "xx"; expected one of "eu", "us"'),
        ("x", {"pattern": "^a+$"}, "expected a match of ^a+$"),
    ],
)
def test_bounds_tell_what_was_received_and_what_is_allowed(value: Any, declaration: dict[str, Any], words: str):
    assert words in one(value, **declaration)[1]


def test_unknown_and_missing_params_are_told_together():
    declared = [Param(name="region"), Param(name="day", type="date"), Param(name="note", required=False)]
    values, found = params.resolve(declared, {"regoin": "eu"}, {})
    assert [finding.message for finding in found] == [
        'unknown param "regoin"; did you mean "region"?',
        "is required: a string",
        "is required: a date such as 2026-01-31",
    ]
    assert values["note"] is None


def test_params_that_do_not_fit_status_are_refused():
    _, found = params.resolve([Param(name="p")], {"p": "x" * 20_000}, {})
    assert "16,384" in found[0].message


@pytest.mark.parametrize("depth", [65, 9_000])
def test_what_is_nested_too_deep_is_refused_however_deep_it_is(depth: int):
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    assert one(value, type="array") == (None, "has lists and objects nested deeper than 64")


def test_what_a_manifest_may_have_is_taken():
    value: list[Any] = []
    for _ in range(63):
        value = [value]
    assert one(value, type="array")[1] == ""
