"""Status must fit: its rows are shortened until it does; what the engine needs is never cut."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.engine.ceilings import MOST_STATUS
from tidegate.engine.sizes import size_of

_ALWAYS_FITS = 4_000
"""Bytes of rows for which there is always room, but beside outputs of the whole run."""
_STEPS = ((256, 200), (64, 80), (0, 40))
"""Characters of intervals and messages of each row, from one try to the next."""


def fitted(rows: Sequence[Mapping[str, Any]], size: int, rest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the rows of status, which have so many bytes, shortened so far as what else is in it requires."""
    if size <= _ALWAYS_FITS and "runOutputs" not in rest:
        return list(rows)
    most = MOST_STATUS - size_of(rest) - len(',"tasks":,"ledger":null')
    shortened = list(rows)
    for interval, message in _STEPS:
        if size <= most:
            return shortened
        shortened = [_cut(row, interval, message) for row in rows]
        size = size_of(shortened)
    while shortened and size > most:
        size -= size_of(shortened.pop()) + 1
    return shortened


def _cut(row: Mapping[str, Any], interval: int, message: int) -> dict[str, Any]:
    result = dict(row)
    if len(result.get("message", "")) > message:
        result["message"] = f"{result['message'][: message - 3]}..."
    items = result.get("items")
    if items:
        result["items"] = {key: _cut_interval(value, interval) for key, value in items.items()}
    return result


def _cut_interval(value: Any, most: int) -> Any:
    """Cut intervals after a whole one."""
    if not isinstance(value, str) or len(value) <= most:
        return value
    return f"{value[: max(0, most - 10)].rpartition(',')[0]} and more".strip()
