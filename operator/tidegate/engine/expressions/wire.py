"""Reads the tree that the CEL library hands out: a serialized `cel.expr.CheckedExpr`, or `ParsedExpr` when unchecked.

The protobuf package is not needed for the dozen messages of https://github.com/google/cel-spec (syntax.proto,
checked.proto): a message is read into pairs of field number and value. Comprehensions, into which the library has
expanded the macros by then, are recognised again by their shape, because the macros are what is evaluated.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

from tidegate.engine.expressions.tree import (
    Bind,
    Call,
    Collect,
    Constant,
    Entry,
    ExistsOne,
    Has,
    Index,
    ListOf,
    MapOf,
    Message,
    Name,
    Node,
    Quantifier,
    Select,
)
from tidegate.engine.expressions.values import UInt

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_INDEXING = {"_[_]": False, "_[?_]": True, "_?._": True}
_UNUSED = b"#unused"


class UnknownShape(ValueError):
    """The library produced a tree that this version does not know: a bug here, never the user's mistake."""


def read_tree(serialized: bytes) -> Node:
    """Give the syntax tree of what `Expression.serialize()` returned.

    Raises:
        UnknownShape: the bytes hold something this module was not written for.
    """
    envelope = dict(_pairs(serialized))
    is_checked = envelope[1].endswith(b"CheckedExpr")
    document = dict(_pairs(envelope[2]))
    source = document.get(5 if is_checked else 3, b"")
    return _Reader(_positions(source)).node(document[4 if is_checked else 2])


def _pairs(data: bytes) -> list[tuple[int, Any]]:
    """Give field numbers and values of one message, in the order of the bytes."""
    found: list[tuple[int, Any]] = []
    at, end = 0, len(data)
    while at < end:
        tag = data[at]  # one byte: no field of these messages has a number above 15
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _FIXED64:
            found.append((number, data[at + 1 : at + 9]))
            at += 9
            continue
        value = data[at + 1]
        at += 2
        if value > 127:
            value, at = _varint(data, at - 1)
        if wire_type == _BYTES:
            found.append((number, data[at : at + value]))
            at += value
        elif wire_type == _VARINT:
            found.append((number, value))
        else:
            raise UnknownShape(f"wire type {wire_type}")
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Give the number of seven bits a byte that starts at `at`, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _positions(source: bytes) -> dict[int, int]:
    """Give the offset of each node's id from SourceInfo."""
    entries = (dict(_pairs(value)) for number, value in _pairs(source) if number == 4)
    return {entry.get(1, 0): entry.get(2, 0) for entry in entries}


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_CONSTANTS: Mapping[int, Callable[[Any], Any]] = {
    1: lambda _: None,
    2: bool,
    3: _signed,
    4: UInt,
    5: lambda data: struct.unpack("<d", data)[0],
    6: lambda data: data.decode(),
    7: bytes,
}


class _Reader:
    """Turns messages of kind Expr into nodes; knows the offsets of one expression."""

    def __init__(self, offsets: Mapping[int, int]) -> None:
        self.offsets = offsets
        self.kinds: Mapping[int, Callable[[bytes, int], Node]] = {
            3: self.constant,
            4: self.name,
            5: self.select,
            6: self.call,
            7: self.list_of,
            8: self.map_of,
            9: self.comprehension,
        }

    def node(self, data: bytes) -> Node:
        identity = 0
        for number, value in _pairs(data):
            if number == 2:
                identity = value
            elif number in self.kinds:
                return self.kinds[number](value, self.offsets.get(identity, 0))
        raise UnknownShape("an expression without a kind")

    def constant(self, data: bytes, offset: int) -> Constant:
        ((number, value),) = _pairs(data)
        return Constant(_CONSTANTS[number](value), offset)

    def name(self, data: bytes, offset: int) -> Name:
        return Name(dict(_pairs(data))[1].decode(), offset)

    def select(self, data: bytes, offset: int) -> Select | Has:
        parts = dict(_pairs(data))
        kind = Has if parts.get(3) else Select
        return kind(self.node(parts[1]), parts[2].decode(), offset)

    def call(self, data: bytes, offset: int) -> Call | Index:
        function, receiver, arguments = "", None, []
        for number, value in _pairs(data):
            if number == 1:
                receiver = self.node(value)
            elif number == 2:
                function = value.decode()
            elif number == 3:
                arguments.append(self.node(value))
        if function in _INDEXING:
            return Index(arguments[0], arguments[1], _INDEXING[function], offset)
        if receiver is not None:
            arguments.insert(0, receiver)
        return Call(function, tuple(arguments), receiver is not None, offset)

    def list_of(self, data: bytes, offset: int) -> ListOf:
        pairs = _pairs(data)
        optional = frozenset(index for number, packed in pairs if number == 2 for index in _packed(packed))
        return ListOf(tuple(self.node(value) for number, value in pairs if number == 1), optional, offset)

    def map_of(self, data: bytes, offset: int) -> MapOf | Message:
        pairs = _pairs(data)
        names = [value.decode() for number, value in pairs if number == 1]
        if names:
            return Message(names[0], offset)
        return MapOf(tuple(self.entry(value) for number, value in pairs if number == 2), offset)

    def entry(self, data: bytes) -> Entry:
        parts = dict(_pairs(data))
        return Entry(self.node(parts[3]), self.node(parts[4]), bool(parts.get(5)))

    def comprehension(self, data: bytes, offset: int) -> Node:
        parts = dict(_pairs(data))
        if parts[1] == _UNUSED:
            return Bind(parts[3].decode(), self.node(parts[4]), self.node(parts[7]), offset)
        variable, items = parts[1].decode(), self.node(parts[2])
        match self.node(parts[6]):
            case Call("_&&_", (_, condition)):
                return Quantifier(variable, items, condition, False, offset)
            case Call("_||_", (_, condition)):
                return Quantifier(variable, items, condition, True, offset)
            case Call("_+_", (_, ListOf((element,)))):
                return Collect(variable, items, None, element, offset)
            case Call("_?_:_", (condition, Call("_+_", (_, ListOf((element,)))), _)):
                return Collect(variable, items, condition, element, offset)
            case Call("_?_:_", (condition, Call("_+_", (_, Constant(1))), _)):
                return ExistsOne(variable, items, condition, offset)
            case _:
                raise UnknownShape("a comprehension that is none of CEL's macros")


def _packed(data: int | bytes) -> list[int]:
    """Give the numbers of a repeated field, packed or not."""
    if isinstance(data, int):
        return [data]
    numbers, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        numbers.append(number)
    return numbers
