"""Outputs: from a container's termination message to the JSON object a task gives."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.api.nodes import MAX_DEPTH
from tidegate.api.param import Param, ParamType
from tidegate.api.task import TaskOutput
from tidegate.engine import paramchecks, paramtypes
from tidegate.engine.sizes import bytes_of, is_too_deep

MAX_MESSAGE = 4096
"""The kubelet keeps the last bytes up to this many, silently: a message this long may have lost its head."""

MAX_INLINE = 8192
"""Bytes of all outputs that a run keeps in its own status; further ones go into ConfigMaps."""

_INT64 = 1 << 63


class OutputError(Exception):
    """The output cannot be taken; `reason` is the task's."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason, self.message = reason, message
        super().__init__(message)


def parse(text: str | None) -> dict[str, Any]:
    """Read what a container wrote to $TIDEGATE_OUTPUT; nothing is an empty object.

    Raises:
        OutputError: too long (`OutputTooLarge`) or not a JSON object (`OutputInvalid`).
    """
    if not text or not text.strip():
        return {}
    size = len(text.encode())
    if size >= MAX_MESSAGE:
        raise OutputError(
            "OutputTooLarge",
            f"the output has {MAX_MESSAGE:,} bytes or more; at most {MAX_MESSAGE - 1:,} reach Kubernetes: "
            "write large data elsewhere and give its address",
        )
    return _object(text)


def check(outputs: Mapping[str, Any], declared: Sequence[TaskOutput]) -> dict[str, Any]:
    """Hold outputs against the task's promises and add defaults.

    Raises:
        OutputError: a promised key is missing or of another type (`OutputInvalid`).
    """
    result = dict(outputs)
    for promise in declared:
        if promise.name not in result:
            if promise.default is None:
                raise OutputError("OutputInvalid", f'the output has no "{promise.name}", which the task declares')
            result[promise.name] = promise.default
        elif promise.type is not None:
            problem = paramchecks.problem_of(Param(name=promise.name, type=promise.type), result[promise.name])
            if problem and promise.type is not ParamType.SECRET:
                raise OutputError("OutputInvalid", f'output "{promise.name}": {problem}')
    return result


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise OutputError("OutputInvalid", f"the output is not JSON: {error}; it starts {_start(text)}") from None
    if not isinstance(value, dict):
        raise OutputError("OutputInvalid", f"the output is a JSON {_kind(value)}; expected an object: {_start(text)}")
    if is_too_deep(value):
        message = f"the output has lists and objects nested deeper than {MAX_DEPTH}; it starts {_start(text)}"
        raise OutputError("OutputInvalid", message)
    value = paramtypes.normal(value)
    too_big = _beyond_64_bits(value)
    if too_big is not None:
        raise OutputError(
            "OutputInvalid", f"{too_big} has more than 64 bits and would lose digits: write it as a string"
        )
    if not _is_text(value):
        raise OutputError("OutputInvalid", "a string has half a surrogate pair, which is no text")
    return dict(value)


def _is_text(value: Any) -> bool:
    """Whether all strings can be written as UTF-8: the API server would change those that cannot."""
    try:
        bytes_of(value)
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _beyond_64_bits(value: Any) -> int | None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return next((found for found in map(_beyond_64_bits, value) if found is not None), None)
    is_big = isinstance(value, int) and not isinstance(value, bool) and not -_INT64 <= value < _INT64
    return value if is_big else None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "value")


def _start(text: str) -> str:
    return json.dumps(text[:60] + ("..." if len(text) > 60 else ""), ensure_ascii=True)
