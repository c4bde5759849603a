"""The syntax tree of a checked expression, with the macros of CEL as nodes of their own.

`offset` is a node's place in the text in code points, counted from zero: for operators the operator, for a selection
its dot. Nothing here knows where trees come from or what they evaluate to.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: Any
    offset: int


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, a type's name, or part of a namespace; a leading dot asks for the outermost scope."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`."""

    operand: "Node"
    field: str
    offset: int


@dataclass(frozen=True, slots=True)
class Has:
    """`has(operand.field)`."""

    operand: "Node"
    field: str
    offset: int


@dataclass(frozen=True, slots=True)
class Index:
    """`operand[key]`; with `optional` also `operand[?key]` and `operand.?key`."""

    operand: "Node"
    key: "Node"
    optional: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator; the receiver of `receiver.function()` is the first argument."""

    function: str
    arguments: tuple["Node", ...]
    is_method: bool
    offset: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, ?b]`; `optional` has the positions of the elements with a question mark."""

    elements: tuple["Node", ...]
    optional: frozenset[int]
    offset: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a map."""

    key: "Node"
    value: "Node"
    optional: bool


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{key: value, ?key: value}`."""

    entries: tuple[Entry, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Message:
    """`google.protobuf.Struct{...}`: a protobuf message, which nobody needs here."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Quantifier:
    """`items.all(variable, condition)` or `items.exists(variable, condition)`: `stops_at` is False or True."""

    variable: str
    items: "Node"
    condition: "Node"
    stops_at: bool
    offset: int


@dataclass(frozen=True, slots=True)
class ExistsOne:
    """`items.exists_one(variable, condition)`."""

    variable: str
    items: "Node"
    condition: "Node"
    offset: int


@dataclass(frozen=True, slots=True)
class Collect:
    """`items.map(variable, element)`, `items.filter(variable, condition)`, or both at once."""

    variable: str
    items: "Node"
    condition: "Node | None"
    element: "Node"
    offset: int


@dataclass(frozen=True, slots=True)
class Bind:
    """`cel.bind(variable, value, body)`."""

    variable: str
    value: "Node"
    body: "Node"
    offset: int


Node: TypeAlias = (
    Constant | Name | Select | Has | Index | Call | ListOf | MapOf | Message | Quantifier | ExistsOne | Collect | Bind
)


def _no_children(_: Any) -> tuple[Node, ...]:
    return ()


def _of_collect(node: Collect) -> tuple[Node, ...]:
    return (node.items, node.element) if node.condition is None else (node.items, node.condition, node.element)


_CHILDREN: Mapping[type, Callable[[Any], tuple[Node, ...]]] = {
    Select: lambda node: (node.operand,),
    Has: lambda node: (node.operand,),
    Index: lambda node: (node.operand, node.key),
    Call: lambda node: node.arguments,
    ListOf: lambda node: node.elements,
    MapOf: lambda node: tuple(part for entry in node.entries for part in (entry.key, entry.value)),
    Quantifier: lambda node: (node.items, node.condition),
    ExistsOne: lambda node: (node.items, node.condition),
    Collect: _of_collect,
    Bind: lambda node: (node.value, node.body),
}


def children(node: Node) -> tuple[Node, ...]:
    """Give the nodes right below a node, in the order of evaluation; of a macro the list comes first."""
    return _CHILDREN.get(type(node), _no_children)(node)


def walk(node: Node) -> Iterator[Node]:
    """Give a node and everything below it."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(children(current))
