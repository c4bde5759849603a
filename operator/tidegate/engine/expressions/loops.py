"""Closures of CEL's macros: `all`, `exists`, `exists_one`, `map`, `filter` and `cel.bind`.

Each turn of a loop charges the weight of its body before it runs, so nested loops cost what they do.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.engine.expressions.budget import FAULT_STEPS
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.scope import Closure, Frame, Maker, Scope
from tidegate.engine.expressions.tree import Bind, Collect, ExistsOne, Quantifier
from tidegate.engine.expressions.values import keys_of, kind_of, type_of

_ELEMENT_BYTES = 64
"""Of an element and its place in a list: most elements of a new list are new values themselves."""

_TURN_STEPS = 2


class _Failed:
    """What a variable of `cel.bind` holds when its value could not be made: an error only for who reads it."""

    __slots__ = ("fault",)

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def variable(slot: int) -> Closure:
    """Make what reads a bound variable."""

    def read(frame: Frame) -> Any:
        value = frame.variables[slot]
        if type(value) is _Failed:
            raise value.fault.with_traceback(None)
        return value

    return read


def _items(frame: Frame, value: Any, offset: int) -> Iterable[Any]:
    """Give what a loop goes through: the elements of a list, the keys of a map."""
    kind = type_of(value)
    if kind is list:
        return value  # type: ignore[no-any-return]
    if kind is dict:
        frame.allocate(8 * len(value))
        return keys_of(value)
    raise Fault(f"only a list or a map can be gone through, not a value of type {kind_of(value)}", offset)


def _not_bool(value: Any, offset: int) -> Fault:
    return Fault(f"the condition must give a bool, not a value of type {kind_of(value)}", offset)


def _quantifier(node: Quantifier, scope: Scope) -> Closure:
    items, offset, stops_at = scope.closure(node.items), node.offset, node.stops_at
    inner, slot = scope.with_variable(node.variable)
    condition, weight = inner.weighed(node.condition)
    steps = weight + _TURN_STEPS

    def quantify(frame: Frame) -> Any:
        failure: Fault | None = None
        for item in _items(frame, items(frame), offset):
            frame.charge(steps)
            frame.variables[slot] = item
            try:
                verdict = condition(frame)
            except Fault as fault:
                frame.charge(FAULT_STEPS)
                failure = failure or fault
                continue
            if verdict is stops_at:
                return stops_at
            if type(verdict) is not bool:
                failure = failure or _not_bool(verdict, offset)
        if failure is not None:
            raise failure
        return not stops_at

    return quantify


def _exists_one(node: ExistsOne, scope: Scope) -> Closure:
    items, offset = scope.closure(node.items), node.offset
    inner, slot = scope.with_variable(node.variable)
    condition, weight = inner.weighed(node.condition)
    steps = weight + _TURN_STEPS

    def exists_one(frame: Frame) -> bool:
        count = 0
        for item in _items(frame, items(frame), offset):
            frame.charge(steps)
            frame.variables[slot] = item
            verdict = condition(frame)
            if type(verdict) is not bool:
                raise _not_bool(verdict, offset)
            count += verdict
        return count == 1

    return exists_one


def _collect(node: Collect, scope: Scope) -> Closure:
    items, offset = scope.closure(node.items), node.offset
    inner, slot = scope.with_variable(node.variable)
    condition, guard_weight = (None, 0) if node.condition is None else inner.weighed(node.condition)
    element, weight = inner.weighed(node.element)
    steps = guard_weight + weight + _TURN_STEPS

    def collect(frame: Frame) -> list[Any]:
        collected: list[Any] = []
        for item in _items(frame, items(frame), offset):
            frame.charge(steps)
            frame.variables[slot] = item
            if condition is not None:
                verdict = condition(frame)
                if verdict is False:
                    continue
                if verdict is not True:
                    raise _not_bool(verdict, offset)
            frame.allocate(_ELEMENT_BYTES)
            collected.append(element(frame))
        return collected

    return collect


def _bind(node: Bind, scope: Scope) -> Closure:
    value = scope.closure(node.value)
    inner, slot = scope.with_variable(node.variable)
    body = inner.closure(node.body)

    def bind(frame: Frame) -> Any:
        try:
            frame.variables[slot] = value(frame)
        except Fault as fault:
            frame.charge(FAULT_STEPS)
            frame.variables[slot] = _Failed(fault)
        return body(frame)

    return bind


MAKERS: Mapping[type, Maker] = {
    Quantifier: _quantifier,
    ExistsOne: _exists_one,
    Collect: _collect,
    Bind: _bind,
}
"""What makes the closure of each macro."""
