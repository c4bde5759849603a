"""Label and field selectors: text in, a test for an object out."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.sentences import bad_request

Matcher = Callable[[dict[str, Any]], bool]
Labels = dict[str, str]
Requirement = Callable[[Labels], bool]

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_EQUALITY = re.compile(rf"\s*({_NAME})\s*(==|=|!=)\s*({_VALUE})\s*")
_SET = re.compile(rf"\s*({_NAME})\s+(in|notin)\s*\(([^()]*)\)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_NAME})\s*")
_COMMA_OUTSIDE_SETS = re.compile(r",(?![^()]*\))")


@lru_cache(maxsize=1024)
def label_matcher(text: str) -> Matcher:
    """Read a label selector such as `a=b,c!=d,e in (f,g),!h`; the empty one matches everything.

    Raises:
        Rejected: 400, the text is no label selector.
    """
    requirements = tuple(_requirement(part, text) for part in _COMMA_OUTSIDE_SETS.split(text)) if text.strip() else ()

    def matches(obj: dict[str, Any]) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return matches


def equal_to(text: str, label: str) -> str | None:
    """Give the one value that a selector demands of a label, None when it leaves the label open."""
    if label not in text:
        return None
    for part in _COMMA_OUTSIDE_SETS.split(text):
        match = _EQUALITY.fullmatch(part)
        if match and match[1] == label and match[2] != "!=":
            return match[3]
    return None


def _requirement(part: str, text: str) -> Requirement:
    if match := _EQUALITY.fullmatch(part):
        return _equality(match[1], match[3], negated=match[2] == "!=")
    if match := _SET.fullmatch(part):
        values = frozenset(value.strip() for value in match[3].split(","))
        return _membership(match[1], values, negated=match[2] == "notin")
    if match := _EXISTS.fullmatch(part):
        return _existence(match[2], negated=match[1] == "!")
    raise bad_request(f"unable to parse requirement: found {part.strip()!r} in the label selector {text!r}")


def _equality(name: str, value: str, *, negated: bool) -> Requirement:
    if negated:
        return lambda labels: labels.get(name) != value
    return lambda labels: labels.get(name) == value


def _membership(name: str, values: frozenset[str], *, negated: bool) -> Requirement:
    if negated:
        return lambda labels: labels.get(name) not in values
    return lambda labels: labels.get(name) in values


def _existence(name: str, *, negated: bool) -> Requirement:
    return lambda labels: (name in labels) is not negated


@lru_cache(maxsize=1024)
def field_matcher(kind: Kind, text: str) -> Matcher:
    """Read a field selector such as `metadata.name=a,status.phase!=Running`.

    Raises:
        Rejected: 400, the text is no field selector, or the kind does not offer the field.
    """
    tests = tuple(_field_test(kind, part, text) for part in text.split(",")) if text.strip() else ()

    def matches(obj: dict[str, Any]) -> bool:
        return all((read(obj, path) == value) is not negated for path, value, negated in tests)

    return matches


def _field_test(kind: Kind, part: str, text: str) -> tuple[tuple[str, ...], str, bool]:
    match = re.fullmatch(r"\s*([A-Za-z.]+)\s*(==|=|!=)(.*)", part)
    if not match:
        raise bad_request(f"invalid selector: {text!r}; can't understand {part!r}")
    if match[1] not in ("metadata.name", "metadata.namespace", *kind.selectable):
        raise bad_request(f"field label not supported: {match[1]}")
    return tuple(match[1].split(".")), match[3].strip(), match[2] == "!="


def read(obj: dict[str, Any], path: tuple[str, ...]) -> str:
    """Give the field as selectors compare it: text, and empty when it is absent."""
    value: Any = obj
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
