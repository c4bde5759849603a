"""Parameters: from what a run gives and the Flow declares to typed values, or to every mistake at once.

Values stay JSON, as they are frozen in status; `context` turns them into what expressions see.
"""

import json
import math
import re as _plain_re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import re2

from tidegate.api.param import Param, ParamType
from tidegate.engine.expressions import NameType, parse_duration, parse_timestamp
from tidegate.engine.findings import Finding, Keys, listed, nearest
from tidegate.engine.sizes import size_of
from tidegate.errors import ExpressionError

MAX_BYTES = 16_384
"""All params of a run together, as JSON: they are kept in its status."""

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

_EMAIL = _plain_re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+\Z")
_SECRET_KEYS = {"name", "key"}
_INT64 = 1 << 63


def name_types(params: Iterable[Param]) -> dict[str, NameType]:
    """Give the CEL type of each param; one that may be null has a question mark."""
    return {p.name: CEL_TYPES[p.type] + ("" if p.required or p.default is not None else "?") for p in params}


def resolve(
    params: Sequence[Param], given: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Finding]]:
    """Give the value of every param and all mistakes, in the order of the params.

    Args:
        params: what the Flow declares.
        given: what the run says, as JSON values.
        defaults: the defaults, their expressions already evaluated.
    """
    known = {param.name: param for param in params}
    found = [_unknown(name, known) for name in given if name not in known]
    values: dict[str, Any] = {}
    for param in params:
        value, problem = _resolve_one(param, given, defaults)
        values[param.name] = value
        if problem:
            found.append(Finding(("spec", "params", param.name), problem))
    size = size_of(values)
    if size > MAX_BYTES:
        found.append(Finding(("spec", "params"), f"take {size:,} bytes as JSON; at most {MAX_BYTES:,} are allowed"))
    return values, found


def check_declarations(params: Sequence[Param], base: Keys = ("spec",)) -> list[Finding]:
    """Find defaults, enums, bounds and patterns that no value could meet; `base` leads to what has the params."""
    found: list[Finding] = []
    for index, param in enumerate(params):
        keys: Keys = (*base, "params", index)
        found += _check_pattern(param, keys)
        found += _check_bounds(param, keys)
        if found:
            continue
        for place, value in enumerate(param.enum or ()):
            problem = _type_problem(param, value)
            found += [Finding((*keys, "enum", place), problem)] if problem else []
        if param.default is not None and not _is_expression(param.default):
            problem = problem_of(param, param.default)
            found += [Finding((*keys, "default"), problem)] if problem else []
    return found


def problem_of(param: Param, value: Any) -> str:
    """Say what is wrong with a value: what was received and what is allowed. Empty when it is right."""
    return _type_problem(param, value) or _enum_problem(param, value) or _range_problem(param, value)


def context(params: Iterable[Param], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the params as expressions see them: times and durations typed, whole numbers as integers."""
    return {p.name: _typed(p, values.get(p.name)) for p in params}


def parse_text(param: Param, text: str) -> Any:
    """Read a value from a command line: JSON where the type is not text, else the text itself."""
    if param.type in _TEXTUAL:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


_TEXTUAL = frozenset(
    {
        ParamType.STRING,
        ParamType.DATE,
        ParamType.DATETIME,
        ParamType.DURATION,
        ParamType.EMAIL,
        ParamType.URI,
    }
)


def _resolve_one(param: Param, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[Any, str]:
    value = given[param.name] if param.name in given else defaults.get(param.name)
    if value is None:
        missing = param.required and param.default is None
        return None, f"is required: {_wanted(param)}" if missing else ""
    value = normal(value)
    return value, problem_of(param, value)


def normal(value: Any) -> Any:
    """Make whole floats integers, everywhere inside: JSON through an API server does not keep the difference."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _INT64:
        return int(value)
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    return value


def _unknown(name: str, known: Mapping[str, Param]) -> Finding:
    hint = nearest(name, known) or (f"; the Flow has {listed(list(known))}" if known else "; the Flow takes none")
    return Finding(("spec", "params", name), f'unknown param "{name}"{hint}')


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and "$[[" in value


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _wanted(param: Param) -> str:
    if param.enum is not None:
        return f"one of {', '.join(_show(value) for value in param.enum)}"
    return _WORDS[param.type]


_WORDS: Mapping[ParamType, str] = {
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


def _type_problem(param: Param, value: Any) -> str:
    return "" if _CHECKS[param.type](value) else f"got {_show(value)}; expected {_WORDS[param.type]}"


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
    if not _plain_re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
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


def _enum_problem(param: Param, value: Any) -> str:
    if param.enum is None or any(_same(value, allowed) for allowed in param.enum):
        return ""
    return f"got {_show(value)}; expected one of {', '.join(_show(allowed) for allowed in param.enum)}"


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _order(param: Param, value: Any) -> Any:
    """Give what a value of an ordered type is compared by."""
    match param.type:
        case ParamType.DATE:
            return _date(str(value))
        case ParamType.DATETIME:
            return _datetime(str(value))
        case ParamType.DURATION:
            return parse_duration(str(value))
        case _:
            return float(value) if isinstance(value, str) else value


def _range_problem(param: Param, value: Any) -> str:
    if param.minimum is not None and _order(param, value) < _order(param, param.minimum):
        return f"got {_show(value)}; expected at least {param.minimum}"
    if param.maximum is not None and _order(param, value) > _order(param, param.maximum):
        return f"got {_show(value)}; expected at most {param.maximum}"
    if param.pattern is not None and not re2.search(param.pattern, value):
        return f"got {_show(value)}; expected a match of {param.pattern}"
    return ""


def _check_pattern(param: Param, keys: Keys) -> list[Finding]:
    if param.pattern is None:
        return []
    try:
        re2.compile(param.pattern)
    except re2.error as error:
        detail = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        return [Finding((*keys, "pattern"), f"is not a regular expression of RE2: {detail}")]
    return []


def _check_bounds(param: Param, keys: Keys) -> list[Finding]:
    found = []
    for field in ("minimum", "maximum"):
        bound = getattr(param, field)
        try:
            if bound is not None:
                _order(param, bound)
        except (ValueError, ExpressionError, TypeError):
            found.append(Finding((*keys, field), f"got {_show(bound)}; expected {_WORDS[param.type]}"))
    if not found and param.minimum is not None and param.maximum is not None:
        low, high = _order(param, param.minimum), _order(param, param.maximum)
        if low > high:
            found.append(Finding((*keys, "minimum"), f"{param.minimum} is above maximum {param.maximum}"))
    return found


def _typed(param: Param, value: Any) -> Any:
    if value is None:
        return None
    if param.type is ParamType.DATETIME:
        return parse_timestamp(_datetime(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    return parse_duration(value) if param.type is ParamType.DURATION else value
