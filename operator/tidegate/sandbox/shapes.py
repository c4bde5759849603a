"""The shape of what arrives: a text where an object belongs is told to its writer, not met as a crash later."""

from typing import Any

from tidegate.sandbox.kinds import JOBS, PODS, Kind
from tidegate.sandbox.rules import COUNTS
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
    ("spec.suspend", bool),
    ("spec.podFailurePolicy", dict),
    ("spec.podFailurePolicy.rules", list),
    ("spec.template", dict),
    *((f"spec.template.{path}", shape) for path, shape in _TEMPLATE),
)
_SHAPES = {JOBS.key: _METADATA + _JOB, PODS.key: _METADATA + _POD}
_SPLIT = {path: tuple(path.split(".")) for shapes in _SHAPES.values() for path, _ in shapes}
_OF_OBJECTS = (".containers", ".initContainers", ".rules", ".ownerReferences")
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
    for path, shape in _SHAPES.get(kind.key, _METADATA):
        value: Any = _at(obj, _SPLIT[path])
        if value is not None and type(value) is not shape:
            raise _misfit(kind, path, shape, value)
        if value and path.endswith(_OF_OBJECTS):
            _check_entries(kind, path, value)


def _check_entries(kind: Kind, path: str, entries: Any) -> None:
    for index, entry in enumerate(entries):
        if type(entry) is not dict:
            raise _misfit(kind, f"{path}[{index}]", dict, entry)


def _at(obj: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        obj = obj.get(name) if obj is not None else None
    return obj


def _misfit(kind: Kind, path: str, shape: type, value: Any) -> Exception:
    found = _WORDS.get(type(value), "null")
    where = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
    return bad_request(f"{where}: {path}: found {found}, expected {_WORDS[shape]}")
