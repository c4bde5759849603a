"""The part of JSONPath that printer columns use: fields, indexes, and `[?(@.type=='Ready')]`."""

import re
from collections.abc import Callable
from typing import Any

Step = Callable[[Any], Any]

_STEP = re.compile(
    r"\.(?P<field>(?:\\.|[^.\[\\])+)"
    r"|\['(?P<quoted>[^']+)'\]"
    r"|\[(?P<index>\d+)\]"
    r"|\[\?\(@\.(?P<key>[\w.]+)\s*==\s*(?P<quote>['\"])(?P<value>.*?)(?P=quote)\)\]"
)


def reader(path: str) -> Step:
    """Give a function that reads the first value at a path, None when there is none.

    Raises:
        ValueError: the path uses something beyond that part of JSONPath.
    """
    steps, position = [], 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f"the JSONPath {path!r} is not understood from {path[position:]!r} on")
        steps.append(_step(match))
        position = match.end()

    def read(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return read


def _step(match: re.Match[str]) -> Step:
    if match["index"] is not None:
        return _item(int(match["index"]))
    if match["key"] is not None:
        return _first_where(match["key"].split("."), match["value"])
    return _field(match["quoted"] or re.sub(r"\\(.)", r"\1", match["field"]))


def _field(name: str) -> Step:
    return lambda value: value.get(name) if isinstance(value, dict) else None


def _item(index: int) -> Step:
    return lambda value: value[index] if isinstance(value, list) and index < len(value) else None


def _first_where(path: list[str], wanted: str) -> Step:
    fields = [_field(name) for name in path]

    def matches(item: Any) -> bool:
        for field in fields:
            item = field(item)
        return bool(item == wanted)

    return lambda value: next((item for item in value if matches(item)), None) if isinstance(value, list) else None
