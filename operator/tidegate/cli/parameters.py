"""Params on the command line: from `--param k=v` to typed values, checked before any FlowRun exists."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tidegate.api.param import Param
from tidegate.cli.manifests import check_params
from tidegate.engine.params import parse_text
from tidegate.errors import InvalidSpec, Problem, UsageError


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Split `name=value` at the first equals sign.

    Raises:
        UsageError: there is none, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--param {text!r}: expected NAME=VALUE")
        if name in found:
            raise UsageError(f"--param {name}: given twice")
        found[name] = value
    return found


def typed(declared: Sequence[Param], texts: Mapping[str, str]) -> dict[str, Any]:
    """Give the JSON values that a FlowRun carries.

    Raises:
        InvalidSpec: one is unknown, missing, of the wrong type or out of range; all of them are told.
    """
    known = {param.name: param for param in declared}
    values = {name: parse_text(known[name], text) if name in known else text for name, text in texts.items()}
    found = check_params(declared, values)
    if found:
        raise InvalidSpec([Problem(0, 0, _place(finding.keys), finding.message) for finding in found])
    return values


def guessed(text: str) -> Any:
    """Read a value of which nobody knows the type: JSON where it is JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _place(keys: Sequence[str | int]) -> str:
    return f"--param {keys[-1]}" if len(keys) > 2 else "--param"
