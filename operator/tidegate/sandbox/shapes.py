"""The shape of what arrives: a text where an object belongs is told to its writer, not met as a crash later."""

from typing import Any

from tidegate.sandbox.job_rules import COUNTS
from tidegate.sandbox.kinds import JOBS, PODS, Kind
from tidegate.sandbox.sentences import bad_request
from tidegate.sandbox.tree import Object

Shape = tuple[str, type]
"""(path, what is expected there if anything is)"""

_METADATA: tuple[Shape, ...] = (
    ("metadata", dict),
    ("metadata.name", str),
    ("metadata.generateName", str),
    ("metadata.namespace", str),
    ("metadata.labels", dict),
    ("metadata.annotations", dict),
    ("metadata.finalizers", list),
    ("metadata.ownerReferences", list),
)
_POD: tuple[Shape, ...] = (
    ("spec", dict),
    ("spec.containers", list),
    ("spec.initContainers", list),
    ("spec.activeDeadlineSeconds", int),
    ("spec.terminationGracePeriodSeconds", int),
)
_TEMPLATE: tuple[Shape, ...] = (
    ("metadata", dict),
    ("metadata.labels", dict),
    ("metadata.annotations", dict),
    *_POD,
)
_JOB: tuple[Shape, ...] = (
    ("spec", dict),
    *((f"spec.{name}", int) for name in COUNTS),
    ("spec.completionMode", str),
    ("spec.podReplacementPolicy", str),
    ("spec.suspend", bool),
    ("spec.podFailurePolicy", dict),
    ("spec.podFailurePolicy.rules", list),
    ("spec.template", dict),
    *((f"spec.template.{path}", shape) for path, shape in _TEMPLATE),
)
_RULE: tuple[Shape, ...] = (
    ("action", str),
    ("onExitCodes", dict),
    ("onExitCodes.operator", str),
    ("onExitCodes.containerName", str),
    ("onExitCodes.values", list),
    ("onPodConditions", list),
)
_PATTERN: tuple[Shape, ...] = (("type", str), ("status", str))
_SHAPES = {JOBS.key: _METADATA + _JOB, PODS.key: _METADATA + _POD}
_SPLIT = {
    path: (above, name)
    for shapes in (*_SHAPES.values(), _RULE, _PATTERN)
    for path, _ in shapes
    for above, _, name in (path.rpartition("."),)
}
"""Each path as the path above it, which comes before it among the shapes, and a name."""
_OF_OBJECTS = (".containers", ".initContainers", ".ownerReferences")
_OF_SHAPES = {".rules": _RULE, "onPodConditions": _PATTERN}
_WORDS = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "a whole number",
    bool: "a boolean",
    float: "a number",
}


def check(kind: Kind, obj: Object) -> None:
    """Raise Rejected (400) when something that the model reads has another shape."""
    _check(kind, obj, _SHAPES.get(kind.key, _METADATA), "")


def _check(kind: Kind, obj: Object, shapes: tuple[Shape, ...], place: str) -> None:
    parents: dict[str, Any] = {"": obj}
    for path, shape in shapes:
        above, name = _SPLIT[path]
        parent = parents.get(above)
        value: Any = None if parent is None else parent.get(name)
        if value is None:
            continue
        if type(value) is not shape:
            raise _misfit(kind, place + path, shape, value)
        if shape is dict:
            parents[path] = value
        elif shape is list:
            _check_list(kind, place, path, value)


def _check_list(kind: Kind, place: str, path: str, value: Any) -> None:
    if path.endswith(_OF_OBJECTS):
        _check_entries(kind, place + path, value, dict)
    elif path.endswith(".values"):
        _check_entries(kind, place + path, value, int)
    elif path.endswith(tuple(_OF_SHAPES)):
        _check_objects(kind, place + path, value)


def _check_objects(kind: Kind, place: str, entries: Any) -> None:
    _check_entries(kind, place, entries, dict)
    shapes = next(shapes for end, shapes in _OF_SHAPES.items() if place.endswith(end))
    for index, entry in enumerate(entries):
        _check(kind, entry, shapes, f"{place}[{index}].")


def _check_entries(kind: Kind, place: str, entries: Any, shape: type) -> None:
    for index, entry in enumerate(entries):
        if type(entry) is not shape:
            raise _misfit(kind, f"{place}[{index}]", shape, entry)


def _misfit(kind: Kind, path: str, shape: type, value: Any) -> Exception:
    found = _WORDS.get(type(value), "null")
    where = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
    return bad_request(f"{where}: {path}: found {found}, expected {_WORDS[shape]}")
