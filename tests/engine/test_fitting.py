"""Status fits whatever people are told in it."""

from typing import Any

from tidegate.engine.ceilings import MOST_STATUS
from tidegate.engine.fitting import fitted
from tidegate.engine.sizes import size_of


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"name": f"task-{number}", "state": "Running", "job": "x" * 57, **more}


def test_rows_that_fit_are_not_touched():
    rows = [row(number, message="m" * 300) for number in range(64)]
    assert fitted(rows, size_of(rows), {}) == rows


def test_long_messages_and_intervals_are_cut_first():
    items = {"total": 10_000, "failed": ",".join(map(str, range(0, 900, 2))), "running": 3}
    rows = [row(number, message="m" * 512, items=items) for number in range(64)]
    told = fitted(rows, size_of(rows), {})
    assert size_of(told) <= MOST_STATUS
    assert [one["name"] for one in told] == [one["name"] for one in rows]
    assert told[0]["items"]["failed"].endswith(" and more")
    assert (told[0]["items"]["total"], told[0]["items"]["running"]) == (10_000, 3)


def test_what_else_is_in_status_takes_room_from_the_rows():
    rest = {"outputs": "o" * 38_000}
    rows = [row(number, message="ü" * 512) for number in range(64)]
    told = fitted(rows, size_of(rows), rest)
    assert len(told) > 0
    assert size_of(told) + size_of(rest) <= MOST_STATUS
