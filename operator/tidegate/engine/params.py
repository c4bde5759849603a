"""Parameters: from what a run gives and the Flow declares to typed values, or to every mistake at once.

Values stay JSON, as they are frozen in status; `context` turns them into what expressions see.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tidegate.api.nodes import MAX_DEPTH
from tidegate.api.param import Param
from tidegate.engine.expressions import NameType
from tidegate.engine.findings import Finding, listed, nearest
from tidegate.engine.paramchecks import problem_of, wanted
from tidegate.engine.paramtypes import CEL_TYPES, TEXTUAL, normal, typed
from tidegate.engine.sizes import is_too_deep, size_of

MAX_BYTES = 16_384
"""All params of a run together, as JSON: they are kept in its status."""


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


def context(params: Iterable[Param], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the params as expressions see them: times and durations typed, whole numbers as integers."""
    return {p.name: typed(p.type, values.get(p.name)) for p in params}


def parse_text(param: Param, text: str) -> Any:
    """Read a value from a command line: JSON where the type is not text, else the text itself."""
    if param.type in TEXTUAL:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _resolve_one(param: Param, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[Any, str]:
    value = given[param.name] if param.name in given else defaults.get(param.name)
    if value is None:
        missing = param.required and param.default is None
        return None, f"is required: {wanted(param)}" if missing else ""
    if is_too_deep(value):
        return None, f"has lists and objects nested deeper than {MAX_DEPTH}"
    value = normal(value)
    return value, problem_of(param, value)


def _unknown(name: str, known: Mapping[str, Param]) -> Finding:
    hint = nearest(name, known) or (f"; the Flow has {listed(list(known))}" if known else "; the Flow takes none")
    return Finding(("spec", "params", name), f'unknown param "{name}"{hint}')
