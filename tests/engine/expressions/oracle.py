"""The CEL library's own evaluator, as a program: a line with an expression and data in, a line with its value out.

It runs in a process of its own because it takes references from None with each null that leaves it; this process
holds enough of them to last.
"""

import datetime as dt
import json
import sys
from collections.abc import Callable
from typing import Any

from cel_expr_python import cel

from tidegate.engine.expressions import library

TYPES = {
    "i": "int",
    "j": "int",
    "u": "uint",
    "f": "double",
    "b": "bool",
    "s": "string",
    "y": "bytes",
    "l": "list",
    "m": "map",
    "t": "timestamp",
    "r": "duration",
    "d": "dyn",
}


def tagged(value: Any) -> Any:
    """Give a value as JSON in which every type stays what it is; a uint counts as an int."""
    for kind, write in WRITERS:
        if isinstance(value, kind):
            return write(value)
    return [tagged(item) for item in value]


WRITERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (bool | str | None, lambda value: value),
    (int, lambda value: {"int": str(int(value))}),
    (float, lambda value: {"double": repr(value)}),
    (bytes | bytearray, lambda value: {"bytes": bytes(value).hex()}),
    (dt.datetime, lambda value: {"timestamp": value.astimezone(dt.UTC).isoformat()}),
    (dt.timedelta, lambda value: {"duration": value // dt.timedelta(microseconds=1)}),
    (dict, lambda value: {"map": sorted(([tagged(key), tagged(item)] for key, item in value.items()), key=repr)}),
)


def untagged(value: Any) -> Any:
    """Give the value that `tagged` was given."""
    if isinstance(value, list):
        return [untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((tag, content),) = value.items()
    return {
        "int": int,
        "double": float,
        "bytes": bytes.fromhex,
        "timestamp": dt.datetime.fromisoformat,
        "duration": lambda microseconds: dt.timedelta(microseconds=microseconds),
        "map": lambda pairs: {untagged(key): untagged(item) for key, item in pairs},
    }[tag](content)


def answer(environment: cel.Env, question: Any) -> Any:
    """Give `[value]`, or the error as text."""
    try:
        value = environment.compile(question["text"]).eval(data=untagged(question["data"]))
        if value.type().name() == "ERROR":
            return f"evaluation: {value.plain_value()}"
        return [tagged(value.plain_value())]
    except (RuntimeError, TypeError) as error:
        return str(error)


def main() -> None:
    """Answer until the input ends."""
    held = [None] * 2_000_000
    environment = library._environment(frozenset(TYPES.items()))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(environment, json.loads(line))) + "\n")
        sys.stdout.flush()
    del held


if __name__ == "__main__":
    main()
