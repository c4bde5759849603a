"""Closures of constants, lists and maps that are written out."""

from collections.abc import Mapping
from typing import Any

from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.scope import Closure, Frame, Maker, Scope
from tidegate.engine.expressions.tree import Constant, ListOf, MapOf
from tidegate.engine.expressions.values import Optional, key_of, kind_of

_LIST_BYTES, _ELEMENT_BYTES = 56, 16
_MAP_BYTES, _ENTRY_BYTES = 96, 128


def _constant(node: Constant, _: Scope) -> Closure:
    value = node.value
    return lambda _: value


def _list_of(node: ListOf, scope: Scope) -> Closure:
    elements = tuple(scope.closure(element) for element in node.elements)
    optional, size, offset = node.optional, _LIST_BYTES + len(node.elements) * _ELEMENT_BYTES, node.offset

    def make_list(frame: Frame) -> list[Any]:
        frame.allocate(size)
        return [element(frame) for element in elements]

    def make_optional_list(frame: Frame) -> list[Any]:
        made = []
        for index, value in enumerate(make_list(frame)):
            if index not in optional:
                made.append(value)
            elif _as_optional(value, offset).present:
                made.append(value.value)
        return made

    return make_optional_list if optional else make_list


def _as_optional(value: Any, offset: int) -> Optional:
    if type(value) is Optional:
        return value
    raise Fault(f"after a question mark an optional is expected, not a value of type {kind_of(value)}", offset)


def _map_of(node: MapOf, scope: Scope) -> Closure:
    entries = tuple((scope.closure(entry.key), scope.closure(entry.value), entry.optional) for entry in node.entries)
    size, offset = _MAP_BYTES + len(entries) * _ENTRY_BYTES, node.offset

    def make_map(frame: Frame) -> dict[Any, Any]:
        frame.allocate(size)
        made: dict[Any, Any] = {}
        for make_key, make_value, is_optional in entries:
            key, value = _new_key(make_key(frame), made, offset), make_value(frame)
            if not is_optional:
                made[key] = value
            elif _as_optional(value, offset).present:
                made[key] = value.value
        return made

    return make_map


def _new_key(value: Any, made: Mapping[Any, Any], offset: int) -> Any:
    if type(value) is float:
        raise Fault("a double cannot be the key of a map", offset)
    key = key_of(value)
    if key in made:
        raise Fault(f"the map has the key {value!r} twice", offset)
    return key


MAKERS: Mapping[type, Maker] = {Constant: _constant, ListOf: _list_of, MapOf: _map_of}
"""What makes the closure of each of these nodes."""
