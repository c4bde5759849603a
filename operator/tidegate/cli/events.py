"""Events from files: JSON made into what the expressions of a trigger see, by the shape that they are checked with."""

import json
from typing import Any

import click

from tidegate.engine.expressions import Fields, NameType, parse_timestamp
from tidegate.engine.findings import nearest
from tidegate.errors import UsageError

MAX_BYTES = 1024 * 1024


def read(path: str) -> Any:
    """Read an event; `-` is stdin.

    Raises:
        UsageError: it cannot be read, is too large, or is not JSON.
    """
    try:
        with click.open_file(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--event {path}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"--event {path}: it is larger than {MAX_BYTES:,} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--event {path}: expected JSON: {error}") from None


def shaped(value: Any, shape: NameType, place: str = "event") -> Any:
    """Give a value as expressions see it: times are moments. What is missing stays so.

    Raises:
        UsageError: a part of it is not what the trigger's expressions may name.
    """
    if isinstance(shape, Fields):
        if not isinstance(value, dict):
            raise UsageError(f"{place}: expected an object with {', '.join(shape.names())}; found {_word(value)}")
        for name in value:
            if shape.get(name) is None:
                hint = nearest(name, shape.names()) or f"; it has {', '.join(shape.names())}"
                raise UsageError(f'{place}: there is no "{name}"{hint}')
        return {name: shaped(item, shape.get(name) or "dyn", f"{place}.{name}") for name, item in value.items()}
    if shape == "timestamp":
        return _moment(value, place)
    if shape == "string" and not isinstance(value, str):
        raise UsageError(f"{place}: expected text; found {_word(value)}")
    return value


def _moment(value: Any, place: str) -> Any:
    try:
        return parse_timestamp(value if isinstance(value, str) else "")
    except ValueError:
        found = _word(value)
        raise UsageError(f"{place}: expected a time such as 2026-01-31T10:00:00Z; found {found}") from None


def _word(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60]
