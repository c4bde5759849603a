"""Makes closures of a tree; here those of calls, each kind of node has a file of its own.

Faults get the place of the node in which they arise.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.engine.expressions import fields, forms, literals, loops
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions import FUNCTIONS
from tidegate.engine.expressions.functions.table import Implementation
from tidegate.engine.expressions.scope import Closure, Frame, Maker, Scope
from tidegate.engine.expressions.tree import Call, Node


def closures(tree: Node) -> tuple[Closure, int]:
    """Give what evaluates a checked tree, and the number of variables that its frame must have."""
    scope = Scope(_MAKERS)
    closure = scope.closure(tree)
    return closure, scope.tally.variables


def _call(node: Call, scope: Scope) -> Closure:
    form = forms.FORMS.get(node.function)
    if form is not None:
        return form(node, scope)
    arguments = tuple(scope.closure(argument) for argument in node.arguments)
    function = FUNCTIONS[node.function]
    general = function.by_count.get(len(arguments))
    if general is not None:
        return _call_of_any(general, arguments, node.offset)
    if len(arguments) == 1:
        return _call_of_one(node, arguments[0])
    if len(arguments) == 2:
        return _call_of_two(node, *arguments)
    return _call_of_many(node, arguments)


def _placed(fault: Fault, offset: int) -> Fault:
    if fault.offset is None:
        fault.offset = offset
    return fault


def _call_of_any(implementation: Implementation, arguments: tuple[Closure, ...], offset: int) -> Closure:
    def call(frame: Frame) -> Any:
        values = [argument(frame) for argument in arguments]
        try:
            return implementation(frame, *values)
        except Fault as fault:
            raise _placed(fault, offset) from None

    return call


def _call_of_one(node: Call, argument: Closure) -> Closure:
    function, offset = FUNCTIONS[node.function], node.offset
    overloads = function.by_types

    def call(frame: Frame) -> Any:
        value = argument(frame)
        implementation = overloads.get((type(value),))
        try:
            return (implementation or function.find((value,)))(frame, value)
        except Fault as fault:
            raise _placed(fault, offset) from None

    return call


def _call_of_two(node: Call, first: Closure, second: Closure) -> Closure:
    function, offset = FUNCTIONS[node.function], node.offset
    overloads = function.by_types

    def call(frame: Frame) -> Any:
        left, right = first(frame), second(frame)
        implementation = overloads.get((type(left), type(right)))
        try:
            return (implementation or function.find((left, right)))(frame, left, right)
        except Fault as fault:
            raise _placed(fault, offset) from None

    return call


def _call_of_many(node: Call, arguments: tuple[Closure, ...]) -> Closure:
    function, offset = FUNCTIONS[node.function], node.offset

    def call(frame: Frame) -> Any:
        values = tuple(argument(frame) for argument in arguments)
        try:
            return function.find(values)(frame, *values)
        except Fault as fault:
            raise _placed(fault, offset) from None

    return call


_MAKERS: Mapping[type, Maker] = {Call: _call, **fields.MAKERS, **literals.MAKERS, **loops.MAKERS}
