"""The limits that a schema sets to a single value, with the sentences in which the API server reports them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sized
from datetime import datetime
from typing import Any

from tidegate.sandbox.answers import Fault

Check = Callable[[Any, str], Fault | None]
"""Takes a value of the right type and the path of its field."""

_TYPES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
    type(None): "null",
}


def type_name(value: object) -> str:
    """Give the JSON type of a value that came from JSON."""
    return _TYPES[type(value)]


def wrong_type(expected: str, value: object, path: str) -> Fault:
    """Give the fault of a value that has another type than the schema says."""
    found = f'"{type_name(value)}"'
    text = f"Invalid value: {found}: {path} in body must be of type {expected}: {found}"
    return Fault("FieldValueTypeInvalid", path, text)


def checks_of(schema: Mapping[str, Any]) -> tuple[Check, ...]:
    """Give the checks for the constraints that a schema node states, in the order in which they are reported."""
    return tuple(_checks(schema))


def _checks(schema: Mapping[str, Any]) -> Iterator[Check]:
    if "enum" in schema:
        yield _enum(schema["enum"])
    if "pattern" in schema:
        yield _pattern(schema["pattern"])
    if schema.get("format") in _FORMATS:
        yield _format(schema["format"])
    for key, build in _LIMITS.items():
        if key in schema:
            yield build(schema[key])


def _enum(allowed: list[Any]) -> Check:
    def check(value: Any, path: str) -> Fault | None:
        if value in allowed:
            return None
        shown = ", ".join(json.dumps(item) for item in allowed)
        text = f"Unsupported value: {json.dumps(value)}: supported values: {shown}"
        return Fault("FieldValueNotSupported", path, text)

    return check


def _pattern(pattern: str) -> Check:
    matches = re.compile(pattern).search

    def check(value: Any, path: str) -> Fault | None:
        if not isinstance(value, str) or matches(value):
            return None
        return _invalid(value, path, f"should match '{pattern}'")

    return check


def _format(name: str) -> Check:
    parse = _FORMATS[name]

    def check(value: Any, path: str) -> Fault | None:
        if not isinstance(value, str):
            return None
        try:
            parse(value)
        except ValueError:
            return _invalid(value, path, f"must be of type {name}: {json.dumps(value)}")
        return None

    return check


def _date_time(text: str) -> None:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(text)


def _date(text: str) -> None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(text)
    datetime.fromisoformat(text)


_FORMATS: dict[str, Callable[[str], None]] = {"date-time": _date_time, "date": _date}


def _invalid(value: object, path: str, text: str) -> Fault:
    return Fault("FieldValueInvalid", path, f"Invalid value: {json.dumps(value)}: {path} in body {text}")


def _minimum(limit: float) -> Check:
    def check(value: Any, path: str) -> Fault | None:
        is_low = isinstance(value, int | float) and value < limit
        return _invalid(value, path, f"should be greater than or equal to {limit}") if is_low else None

    return check


def _maximum(limit: float) -> Check:
    def check(value: Any, path: str) -> Fault | None:
        is_high = isinstance(value, int | float) and value > limit
        return _invalid(value, path, f"should be less than or equal to {limit}") if is_high else None

    return check


def _min_length(limit: int) -> Check:
    def check(value: Any, path: str) -> Fault | None:
        is_short = isinstance(value, str) and len(value) < limit
        return _invalid(value, path, f"should be at least {limit} chars long") if is_short else None

    return check


def _max_length(limit: int) -> Check:
    def check(value: Any, path: str) -> Fault | None:
        if not isinstance(value, str) or len(value) <= limit:
            return None
        return Fault("FieldValueTooLong", path, f"Too long: may not be more than {limit} bytes")

    return check


def _min_size(cls: type[Sized], noun: str) -> Callable[[int], Check]:
    def build(limit: int) -> Check:
        def check(value: Any, path: str) -> Fault | None:
            is_small = isinstance(value, cls) and len(value) < limit
            return _invalid(len(value), path, f"should have at least {limit} {noun}") if is_small else None

        return check

    return build


def _max_size(cls: type[Sized]) -> Callable[[int], Check]:
    def build(limit: int) -> Check:
        def check(value: Any, path: str) -> Fault | None:
            if not isinstance(value, cls) or len(value) <= limit:
                return None
            return Fault("FieldValueTooMany", path, f"Too many: {len(value)}: must have at most {limit} items")

        return check

    return build


_LIMITS: dict[str, Callable[[Any], Check]] = {
    "minimum": _minimum,
    "maximum": _maximum,
    "minLength": _min_length,
    "maxLength": _max_length,
    "minItems": _min_size(list, "items"),
    "maxItems": _max_size(list),
    "minProperties": _min_size(dict, "properties"),
    "maxProperties": _max_size(dict),
}
