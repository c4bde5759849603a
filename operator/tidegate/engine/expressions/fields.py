"""Closures of names and of what is reached from them: fields, keys, positions, and their optional forms."""

from collections.abc import Mapping
from typing import Any

from tidegate.engine.expressions import loops
from tidegate.engine.expressions.faults import Fault, Missing, MissingKey
from tidegate.engine.expressions.functions.conversions import TYPES
from tidegate.engine.expressions.functions.table import no_overload
from tidegate.engine.expressions.scope import Closure, Frame, Maker, Scope
from tidegate.engine.expressions.tree import Has, Index, Name, Select
from tidegate.engine.expressions.values import NOTHING, Optional, UInt, key_of, kind_of, type_of


def _name(node: Name, scope: Scope) -> Closure:
    if node.name in scope.slots:
        return loops.variable(scope.slots[node.name])
    name, offset = node.name.lstrip("."), node.offset
    if name in TYPES:
        kind = TYPES[name]
        return lambda _: kind

    def look_up(frame: Frame) -> Any:
        try:
            return frame.context[name]
        except KeyError:
            raise Fault(f'there is no value for "{name}" here', offset) from None

    return look_up


def _select(node: Select, scope: Scope) -> Closure:
    operand, field, offset = scope.closure(node.operand), node.field, node.offset

    def select(frame: Frame) -> Any:
        owner = operand(frame)
        if type(owner) is dict:
            try:
                return owner[field]
            except KeyError:
                raise MissingKey(field, owner, offset) from None
        return _field(owner, field, offset)

    return select


def _field(owner: Any, field: str, offset: int) -> Any:
    """Select from what is not simply a dict: a lazy map, or an optional, which stays one."""
    if type(owner) is Optional:
        return _key_of_optional(owner, field, offset)
    if type_of(owner) is not dict:
        raise Fault(f'a value of type {kind_of(owner)} has no field "{field}"', offset)
    try:
        return owner[field]
    except KeyError:
        raise MissingKey(field, owner, offset) from None


def _has(node: Has, scope: Scope) -> Closure:
    operand, field, offset = scope.closure(node.operand), node.field, node.offset

    def has(frame: Frame) -> bool:
        owner = operand(frame)
        if type(owner) is Optional:
            if not owner.present:
                return False
            owner = owner.value
        if type_of(owner) is not dict:
            raise Fault(f'a value of type {kind_of(owner)} has no field "{field}"', offset)
        return field in owner

    return has


def _index(node: Index, scope: Scope) -> Closure:
    operand, key, offset = scope.closure(node.operand), scope.closure(node.key), node.offset
    find = _optional_item if node.optional else _item

    def index(frame: Frame) -> Any:
        owner, wanted = operand(frame), key(frame)
        try:
            return find(owner, wanted, offset)
        except Fault as fault:
            fault.offset = offset if fault.offset is None else fault.offset
            raise

    return index


def _item(owner: Any, key: Any, offset: int) -> Any:
    """Give the element or entry; of an optional an optional."""
    kind = type_of(owner)
    if kind is dict:
        try:
            return owner[key_of(key)]
        except KeyError:
            raise MissingKey(key, owner, offset) from None
    if kind is list:
        return owner[_position(owner, key)]
    if kind is Optional:
        return _key_of_optional(owner, key, offset)
    raise no_overload("_[_]", owner, key)


def _position(items: list[Any], key: Any) -> int:
    kind = type(key)
    if kind is UInt or (kind is float and key.is_integer()):
        key = int(key)
    elif kind is not int:
        raise Fault(f"a list has positions, not a key of type {kind_of(key)}")
    if not 0 <= key < len(items):
        raise _OutOfRange(f"there is no element {key} in a list of {len(items)}")
    return int(key)


class _OutOfRange(Missing):
    """A list is shorter than was asked for: an absent value for the optional index."""


def _optional_item(owner: Any, key: Any, offset: int) -> Optional:
    if type(owner) is Optional:
        return _key_of_optional(owner, key, offset)
    try:
        return Optional(_item(owner, key, offset))
    except (MissingKey, _OutOfRange):
        return NOTHING


def _key_of_optional(owner: Optional, key: Any, offset: int) -> Optional:
    return _optional_item(owner.value, key, offset) if owner.present else NOTHING


MAKERS: Mapping[type, Maker] = {Name: _name, Select: _select, Has: _has, Index: _index}
"""What makes the closure of each of these nodes."""
