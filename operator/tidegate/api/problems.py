"""From pydantic's errors to sentences in Kubernetes' words: what was found, what was expected, the nearest name."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tidegate.api.manifest import Document, Keys
from tidegate.errors import Problem

_SHOWN = 80
_NOISE = re.compile(r"^(function-|tagged-union|union|nullable|int$|str$|float$|bool$|constrained-)")
_TYPES = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "string_type": "a string",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def path_of(keys: Sequence[str | int]) -> str:
    """Write keys as kubectl does: `spec.tasks[2].needs[0]`, `metadata.labels[a.b/c]`."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif re.fullmatch(r"[A-Za-z_][-A-Za-z0-9_]*", key):
            text += f".{key}" if text else key
        else:
            text += f"[{key}]"
    return text


def problems_of(
    error: ValidationError, model: type[BaseModel], document: Document | None = None, prefix: Keys = ()
) -> list[Problem]:
    """Give all problems of a failed validation, in the order of their places.

    Args:
        error: what pydantic raised.
        model: the model that was validated, to find the names that would have been right.
        document: where the data came from, for lines and columns.
        prefix: the keys that lead from the document's root to what was validated.
    """
    found: dict[tuple[Keys, str], Problem] = {}
    for detail in error.errors(include_url=False):
        keys, at_key, message = _told(detail, model)
        place = (*prefix, *keys)
        line, column = document.locate(place, key=at_key) if document is not None else (0, 0)
        file = document.file if document is not None else ""
        found.setdefault((place, message), Problem(line, column, path_of(place), message, file))
    return sorted(found.values(), key=lambda p: (p.line, p.column, p.path))


def _told(detail: ErrorDetails, model: type[BaseModel]) -> tuple[Keys, bool, str]:
    """Give the keys, whether the mistake is in the key itself, and the sentence."""
    keys = tuple(key for key in detail["loc"] if isinstance(key, int) or not _NOISE.match(key))
    kind, context = detail["type"], detail.get("ctx") or {}
    if keys and keys[-1] == "[key]":
        return keys[:-1], True, f'"{keys[-2]}" is not a name that is allowed here: {_constraint(kind, context, detail)}'
    if kind == "extra_forbidden":
        return keys, True, _unknown(keys, model)
    if kind == "missing":
        return keys, False, "Required value"
    if kind == "value_error":
        return keys, False, str(context.get("error", detail["msg"]))
    return keys, False, _constraint(kind, context, detail)


def _constraint(kind: str, context: Mapping[str, Any], detail: ErrorDetails) -> str:
    value = detail["input"]
    if kind in ("enum", "literal_error"):
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return f"Unsupported value: {_show(value)}: supported values: {', '.join(json.dumps(a) for a in allowed)}"
    if kind in _TYPES:
        return f"Invalid value: {_show(value)}: must be {_TYPES[kind]}"
    return f"Invalid value: {_show(value)}: {_bounds(kind, context, detail['msg'])}"


_BOUNDS = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_long": "must have at most {max_length} items, has {actual_length}",
    "too_short": "must have at least {min_length} items, has {actual_length}",
    "string_pattern_mismatch": "must match {pattern}",
}


def _bounds(kind: str, context: Mapping[str, Any], message: str) -> str:
    text = _BOUNDS.get(kind)
    return text.format(**context) if text else message[:1].lower() + message[1:]


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _unknown(keys: Keys, model: type[BaseModel]) -> str:
    name, known = str(keys[-1]), _fields_at(keys[:-1], model)
    lowered = {field.lower(): field for field in known}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f'unknown field "{name}"; did you mean "{lowered[close[0]]}"?'
    return f'unknown field "{name}"' + (f"; known are {', '.join(sorted(known))}" if known else "")


def _fields_at(keys: Keys, model: type[BaseModel]) -> list[str]:
    """Give the names of the fields of the model that stands at some keys."""
    at: type[BaseModel] | None = model
    for key in keys:
        if at is None:
            return []
        if isinstance(key, str):
            field = next((f for name, f in at.model_fields.items() if key in (f.alias, name)), None)
            at = _model_in(field.annotation) if field is not None else at
    return [field.alias or name for name, field in at.model_fields.items()] if at is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the one model inside of `list[X]`, `X | None`, `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (list, dict, Union, UnionType) or get_args(annotation):
        return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)
    return None
