"""What is wrong with params: with the values of a run, and with what a Flow declares."""

from collections.abc import Sequence
from typing import Any

import re2

from tidegate.api.param import Param
from tidegate.engine.findings import Finding, Keys
from tidegate.engine.paramtypes import WORDS, is_of, order_of, shown
from tidegate.errors import ExpressionError


def problem_of(param: Param, value: Any) -> str:
    """Say what is wrong with a value: what was received and what is allowed. Empty when it is right."""
    return _type_problem(param, value) or _enum_problem(param, value) or _range_problem(param, value)


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


def wanted(param: Param) -> str:
    """Say what a param takes."""
    if param.enum is not None:
        return f"one of {', '.join(shown(value) for value in param.enum)}"
    return WORDS[param.type]


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and "$[[" in value


def _type_problem(param: Param, value: Any) -> str:
    return "" if is_of(param.type, value) else f"got {shown(value)}; expected {WORDS[param.type]}"


def _enum_problem(param: Param, value: Any) -> str:
    if param.enum is None or any(_same(value, allowed) for allowed in param.enum):
        return ""
    return f"got {shown(value)}; expected one of {', '.join(shown(allowed) for allowed in param.enum)}"


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _range_problem(param: Param, value: Any) -> str:
    if param.minimum is not None and order_of(param.type, value) < order_of(param.type, param.minimum):
        return f"got {shown(value)}; expected at least {param.minimum}"
    if param.maximum is not None and order_of(param.type, value) > order_of(param.type, param.maximum):
        return f"got {shown(value)}; expected at most {param.maximum}"
    if param.pattern is not None and not re2.search(param.pattern, value):
        return f"got {shown(value)}; expected a match of {param.pattern}"
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
                order_of(param.type, bound)
        except (ValueError, ExpressionError, TypeError):
            found.append(Finding((*keys, field), f"got {shown(bound)}; expected {WORDS[param.type]}"))
    if not found and param.minimum is not None and param.maximum is not None:
        low, high = order_of(param.type, param.minimum), order_of(param.type, param.maximum)
        if low > high:
            found.append(Finding((*keys, "minimum"), f"{param.minimum} is above maximum {param.maximum}"))
    return found
