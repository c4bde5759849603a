"""The types of params: which JSON values each takes, in which words that is told, and what expressions make of them."""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from tidegate.api.param import ParamType
from tidegate.engine.expressions import parse_duration, parse_timestamp
from tidegate.errors import ExpressionError

CEL_TYPES: Mapping[ParamType, str] = {
    ParamType.STRING: "string",
    ParamType.INTEGER: "int",
    ParamType.NUMBER: "dyn",
    ParamType.BOOLEAN: "bool",
    ParamType.ARRAY: "list",
    ParamType.OBJECT: "map",
    ParamType.DATE: "string",
    ParamType.DATETIME: "timestamp",
    ParamType.DURATION: "duration",
    ParamType.EMAIL: "string",
    ParamType.URI: "string",
    ParamType.SECRET: "map",
}

WORDS: Mapping[ParamType, str] = {
    ParamType.STRING: "a string",
    ParamType.INTEGER: "an integer of 64 bits",
    ParamType.NUMBER: "a number",
    ParamType.BOOLEAN: "true or false",
    ParamType.ARRAY: "an array",
    ParamType.OBJECT: "an object",
    ParamType.DATE: "a date such as 2026-01-31",
    ParamType.DATETIME: "a time such as 2026-01-31T10:00:00Z",
    ParamType.DURATION: "a duration such as 1h30m",
    ParamType.EMAIL: "an email address",
    ParamType.URI: "an absolute URI such as s3://bucket/key",
    ParamType.SECRET: "the name and key of a Secret: {name: ..., key: ...}",
}

TEXTUAL = frozenset(
    {
        ParamType.STRING,
        ParamType.DATE,
        ParamType.DATETIME,
        ParamType.DURATION,
        ParamType.EMAIL,
        ParamType.URI,
    }
)
"""Types whose values are text in JSON."""

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+\Z")
_SECRET_KEYS = {"name", "key"}
_INT64 = 1 << 63


def is_of(kind: ParamType, value: Any) -> bool:
    """Whether a value is one of the type."""
    return _CHECKS[kind](value)


def order_of(kind: ParamType, value: Any) -> Any:
    """Give what a value of an ordered type is compared by.

    Raises:
        ValueError, ExpressionError: it is not one.
    """
    match kind:
        case ParamType.DATE:
            return _date(str(value))
        case ParamType.DATETIME:
            return _datetime(str(value))
        case ParamType.DURATION:
            return parse_duration(str(value))
        case _:
            return float(value) if isinstance(value, str) else value


def typed(kind: ParamType, value: Any) -> Any:
    """Give a value as expressions see it."""
    if value is None:
        return None
    if kind is ParamType.DATETIME:
        return parse_timestamp(_datetime(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    return parse_duration(value) if kind is ParamType.DURATION else value


def normal(value: Any) -> Any:
    """Make whole floats integers, everywhere inside: JSON through an API server does not keep the difference."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _INT64:
        return int(value)
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    return value


def shown(value: Any) -> str:
    """Give a value as it is told, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64


def _is_number(value: Any) -> bool:
    return _is_int(value) or (isinstance(value, float) and math.isfinite(value))


def _parses(parse: Callable[[str], Any]) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        try:
            return isinstance(value, str) and parse(value) is not None
        except (ValueError, ExpressionError, OverflowError):
            return False

    return check


def _date(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _datetime(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or "T" not in text:
        raise ValueError(text)
    return moment.astimezone(UTC)


def _uri(text: str) -> str:
    parts = urlsplit(text)
    if not parts.scheme or not (parts.netloc or parts.path) or any(c.isspace() for c in text):
        raise ValueError(text)
    return text


def _is_secret(value: Any) -> bool:
    return (
        isinstance(value, dict) and set(value) == _SECRET_KEYS and all(isinstance(v, str) and v for v in value.values())
    )


_CHECKS: Mapping[ParamType, Callable[[Any], bool]] = {
    ParamType.STRING: lambda value: isinstance(value, str),
    ParamType.INTEGER: _is_int,
    ParamType.NUMBER: _is_number,
    ParamType.BOOLEAN: lambda value: isinstance(value, bool),
    ParamType.ARRAY: lambda value: isinstance(value, list),
    ParamType.OBJECT: lambda value: isinstance(value, dict),
    ParamType.DATE: _parses(_date),
    ParamType.DATETIME: _parses(_datetime),
    ParamType.DURATION: _parses(parse_duration),
    ParamType.EMAIL: lambda value: isinstance(value, str) and bool(_EMAIL.match(value)),
    ParamType.URI: _parses(_uri),
    ParamType.SECRET: _is_secret,
}
