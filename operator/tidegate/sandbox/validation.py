"""Objects of custom kinds against the schema of their CRD, as the API server does it: prune, default, check.

Rules that span fields (`x-kubernetes-validations`) are not evaluated here: the injected admission stands for them.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.sandbox.answers import Fault
from tidegate.sandbox.constraints import Check, checks_of, type_name, wrong_type

Schema = Mapping[str, Any]

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
_ANY = {_PRESERVE: True}
_NAME_FIELDS = ("name", "generateName", "namespace", "uid", "resourceVersion", "selfLink")
_TIME_FIELDS = ("creationTimestamp", "deletionTimestamp")

OBJECT_META: Schema = {
    "type": "object",
    "properties": {
        **{name: {"type": "string", "nullable": True} for name in (*_NAME_FIELDS, *_TIME_FIELDS)},
        "generation": {"type": "integer", "nullable": True},
        "deletionGracePeriodSeconds": {"type": "integer", "nullable": True},
        "labels": {**_STRINGS, "nullable": True},
        "annotations": {**_STRINGS, "nullable": True},
        "finalizers": {"type": "array", "items": {"type": "string"}, "nullable": True},
        "ownerReferences": {"type": "array", "items": {"type": "object", **_ANY}, "nullable": True},
        "managedFields": {"type": "array", "items": _ANY, "nullable": True},
    },
}


@dataclass(slots=True)
class Review:
    """What was found in one object: faults, in the order of the schema, and the paths of pruned fields."""

    faults: list[Fault] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


class Place:
    """Where in the object the walk is; becomes text only when there is something to report."""

    __slots__ = ("key", "parent")

    def __init__(self, parent: "Place | None", key: str | int) -> None:
        self.parent, self.key = parent, key

    def __str__(self) -> str:
        before = str(self.parent) if self.parent else ""
        if isinstance(self.key, int):
            return f"{before}[{self.key}]"
        return f"{before}.{self.key}" if before else self.key


class Node:
    """One node of a schema, made ready for quick walks."""

    __slots__ = (
        "checks",
        "defaults",
        "is_set",
        "items",
        "keys",
        "nullable",
        "preserves",
        "properties",
        "required",
        "type",
        "values",
    )

    def __init__(self, schema: Schema) -> None:
        self.type: str = "int-or-string" if schema.get("x-kubernetes-int-or-string") else schema.get("type", "")
        self.nullable: bool = schema.get("nullable", False)
        self.preserves: bool = schema.get(_PRESERVE, False)
        self.checks: tuple[Check, ...] = checks_of(schema)
        self.required: tuple[str, ...] = tuple(schema.get("required", ()))
        self.keys: tuple[str, ...] = tuple(schema.get("x-kubernetes-list-map-keys", ()))
        self.is_set: bool = schema.get("x-kubernetes-list-type") == "set"
        properties = dict(schema.get("properties", {}))
        if schema.get("x-kubernetes-embedded-resource"):
            properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": OBJECT_META}
        self.properties = {name: Node(child) for name, child in properties.items()}
        self.defaults = {name: child["default"] for name, child in properties.items() if "default" in child}
        self.items = Node(schema["items"]) if "items" in schema else None
        values = schema.get("additionalProperties")
        self.values = Node(values) if isinstance(values, Mapping) else None


def root_of(schema: Schema) -> Node:
    """Compile the openAPIV3Schema of a CRD; its root also takes apiVersion, kind and metadata."""
    root = Node({"type": "object", **schema})
    root.properties |= {"apiVersion": Node({"type": "string"}), "kind": Node({"type": "string"})}
    root.properties["metadata"] = Node(OBJECT_META)
    return root


def review(root: Node, obj: dict[str, Any]) -> Review:
    """Prune, default and check an object IN PLACE; it must not be shared with anybody."""
    found = Review()
    _walk_fields(root, obj, None, found)
    return found


def review_field(root: Node, name: str, obj: dict[str, Any]) -> Review:
    """Do the same for one field at the root, such as `status`, when only that is about to be written."""
    found = Review()
    node = root.properties.get(name)
    if node is not None and name in obj:
        _walk(node, obj[name], Place(None, name), found)
    return found


def _walk(node: Node, value: Any, place: Place, found: Review) -> None:
    if value is None and node.nullable:
        return
    if not _has_type(node.type, value):
        expected = "integer,string" if node.type == "int-or-string" else node.type
        found.faults.append(wrong_type(expected, value, str(place)))
        return
    for check in node.checks:
        fault = check(value, "")
        if fault is not None:  # rare: only now is the path worth its text
            found.faults.append(check(value, str(place)) or fault)
    if isinstance(value, dict):
        _walk_fields(node, value, place, found)
    elif isinstance(value, list):
        _walk_items(node, value, place, found)


def _has_type(expected: str, value: Any) -> bool:
    if not expected:
        return True
    found = type_name(value)
    if expected == "int-or-string":
        return found in ("integer", "string")
    return found == expected or (expected == "number" and found == "integer") or _is_integral(expected, value)


def _is_integral(expected: str, value: Any) -> bool:
    return expected == "integer" and isinstance(value, float) and value.is_integer()


def _walk_fields(node: Node, obj: dict[str, Any], place: Place | None, found: Review) -> None:
    for name, default in node.defaults.items():
        if obj.get(name) is None and not (name in obj and node.properties[name].nullable):
            obj[name] = copy.deepcopy(default)
    for name in list(obj):
        child = node.properties.get(name) or node.values
        if obj[name] is None and child is not None and not child.nullable:
            del obj[name]  # as if it had not been there: the API server drops such nulls from objects, not from lists
        elif child is not None:
            _walk(child, obj[name], Place(place, name), found)
        elif not node.preserves:
            found.unknown.append(str(Place(place, name)))
            del obj[name]
    for name in node.required:
        if name not in obj:
            found.faults.append(Fault("FieldValueRequired", str(Place(place, name)), "Required value"))


def _walk_items(node: Node, items: list[Any], place: Place, found: Review) -> None:
    if node.items is None:
        return
    for index, item in enumerate(items):
        _walk(node.items, item, Place(place, index), found)
    if node.keys or node.is_set:
        _find_duplicates(node, items, place, found)


def _find_duplicates(node: Node, items: list[Any], place: Place, found: Review) -> None:
    """Report the items of a list-map or list-set whose key was there before."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        text = json.dumps(_key_of(node, item), separators=(",", ":"))
        if text in seen:
            found.faults.append(Fault("FieldValueDuplicate", str(Place(place, index)), f"Duplicate value: {text}"))
        seen.add(text)


def _key_of(node: Node, item: Any) -> Any:
    if not node.keys:
        return item
    return {key: item[key] for key in node.keys if key in item} if isinstance(item, dict) else None
