"""Label and field selectors as the API takes them, turned into predicates over objects."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from tidegate.errors import api_error
from tidegate.sandbox.documents import at
from tidegate.sandbox.kinds import Kind, Object

Predicate = Callable[[Object], bool]

_TERM = re.compile(
    r"\s*(?:"
    r"(?P<absent>!\s*)?(?P<name>[A-Za-z0-9][-A-Za-z0-9_./]*)\s*"
    r"(?:(?P<op>==|=|!=)\s*(?P<value>[-A-Za-z0-9_.]*)|(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?"
    r")\s*(?:,|$)"
)
_FIELD = re.compile(r"\s*(?P<path>[A-Za-z0-9_.]+)\s*(?P<op>==|=|!=)\s*(?P<value>(?:\\.|[^,\\])*)(?:,|$)")


class Requirement(NamedTuple):
    """One term of a label selector; `values` is empty for mere existence."""

    name: str
    values: frozenset[str]
    negated: bool

    def holds(self, labels: dict[str, str]) -> bool:
        """Say whether the labels satisfy the term; as in Kubernetes `a!=b` and `notin` hold where `a` is absent."""
        if not self.values:
            return (self.name in labels) is not self.negated
        return (labels.get(self.name) in self.values) is not self.negated


@lru_cache(maxsize=4096)
def parse_labels(text: str) -> tuple[Requirement, ...]:
    """Parse `a=b,c!=d,e in (f,g),h,!i`; raises Rejected (400)."""
    found, position = [], 0
    while position < len(text.rstrip()):
        match = _TERM.match(text, position)
        if match is None:
            raise api_error(
                400, "BadRequest", f'unable to parse requirement: unexpected "{text[position:]}" in "{text}"'
            )
        found.append(_requirement(match))
        position = match.end()
    return tuple(found)


def _requirement(match: re.Match[str]) -> Requirement:
    name = match["name"]
    if match["set"]:
        values = frozenset(value.strip() for value in match["values"].split(","))
        return Requirement(name, values, negated=match["set"] == "notin")
    if match["op"]:
        return Requirement(name, frozenset({match["value"]}), negated=match["op"] == "!=")
    return Requirement(name, frozenset(), negated=match["absent"] is not None)


def labels_of(obj: Object) -> dict[str, str]:
    """Give the labels, none being an empty dict."""
    return obj["metadata"].get("labels") or {}


def predicate(kind: Kind, labels: str, fields: str) -> Predicate | None:
    """Build the test for both selectors, None when everything passes; raises Rejected (400)."""
    wanted = parse_labels(labels) if labels else ()
    clauses = _fields(kind.selectable, fields) if fields else ()
    if not wanted and not clauses:
        return None

    def matches(obj: Object) -> bool:
        has = labels_of(obj)
        return all(term.holds(has) for term in wanted) and all(
            (_text(at(obj, path)) == value) is not negated for path, value, negated in clauses
        )

    return matches


def exact_name(fields: str) -> str | None:
    """Give the name when the field selector pins `metadata.name`: then one look-up replaces a scan."""
    match = re.fullmatch(r"metadata\.name==?([^,\\]+)", fields)
    return match[1] if match else None


@lru_cache(maxsize=4096)
def _fields(selectable: tuple[str, ...], text: str) -> tuple[tuple[str, str, bool], ...]:
    clauses, position = [], 0
    while position < len(text):
        match = _FIELD.match(text, position)
        if match is None:
            raise api_error(400, "BadRequest", f'invalid selector: "{text}"; can\'t understand "{text[position:]}"')
        path = match["path"]
        if path not in ("metadata.name", "metadata.namespace", *selectable):
            raise api_error(400, "BadRequest", f"field label not supported: {path}")
        clauses.append((path, re.sub(r"\\(.)", r"\1", match["value"]), match["op"] == "!="))
        position = match.end()
    return tuple(clauses)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
