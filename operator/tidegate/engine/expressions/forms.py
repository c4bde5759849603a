"""Operators that do not evaluate all of their operands: logic, conditions, and what replaces an absent value.

`&&` and `||` give an answer when one side decides it, even if the other fails: CEL defines them as commutative.
Equality is here too, for its shortcut.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.engine.expressions.budget import FAULT_STEPS
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.table import no_overload
from tidegate.engine.expressions.scope import Closure, Frame, Maker, Scope
from tidegate.engine.expressions.tree import Call
from tidegate.engine.expressions.values import Optional, equal, kind_of

_QUICK = frozenset({int, bool, float})


def _logic(*, decides: bool) -> Maker:
    """Make `||` (decided by True) or `&&` (decided by False)."""
    sign = "||" if decides else "&&"

    def make(node: Call, scope: Scope) -> Closure:
        first, second, offset = scope.closure(node.arguments[0]), scope.closure(node.arguments[1]), node.offset

        def logic(frame: Frame) -> Any:
            try:
                left = first(frame)
            except Fault:
                frame.charge(FAULT_STEPS)
                if second(frame) is decides:
                    return decides
                raise
            if left is decides:
                return decides
            right = second(frame)
            if right is decides:
                return decides
            if type(left) is bool and type(right) is bool:
                return right
            raise Fault(f'"{sign}" takes two bools, not ({kind_of(left)}, {kind_of(right)})', offset)

        return logic

    return make


def _conditional(node: Call, scope: Scope) -> Closure:
    condition, accepted, rejected = (scope.closure(argument) for argument in node.arguments)
    offset = node.offset

    def choose(frame: Frame) -> Any:
        verdict = condition(frame)
        if verdict is True:
            return accepted(frame)
        if verdict is False:
            return rejected(frame)
        raise Fault(f"before ? a bool is expected, not a value of type {kind_of(verdict)}", offset)

    return choose


def _or_value(node: Call, scope: Scope) -> Closure:
    optional, replacement = scope.closure(node.arguments[0]), scope.closure(node.arguments[1])
    offset = node.offset

    def or_value(frame: Frame) -> Any:
        found = _expect_optional("orValue", optional(frame), offset)
        return found.value if found.present else replacement(frame)

    return or_value


def _or(node: Call, scope: Scope) -> Closure:
    optional, replacement = scope.closure(node.arguments[0]), scope.closure(node.arguments[1])
    offset = node.offset

    def or_other(frame: Frame) -> Optional:
        found = _expect_optional("or", optional(frame), offset)
        return found if found.present else _expect_optional("or", replacement(frame), offset)

    return or_other


def _expect_optional(name: str, value: Any, offset: int) -> Optional:
    if type(value) is Optional:
        return value
    fault = no_overload(name, value)
    fault.offset = offset
    raise fault


def _equality(*, wanted: bool) -> Maker:
    """Make `==` or `!=`."""

    def make(node: Call, scope: Scope) -> Closure:
        first, second = scope.closure(node.arguments[0]), scope.closure(node.arguments[1])

        def compare(frame: Frame) -> bool:
            left, right = first(frame), second(frame)
            if type(left) is type(right) and type(left) in _QUICK:
                return (left == right) is wanted
            return equal(frame, left, right) is wanted

        return compare

    return make


FORMS: Mapping[str, Maker] = {
    "_&&_": _logic(decides=False),
    "_||_": _logic(decides=True),
    "_?_:_": _conditional,
    "orValue": _or_value,
    "or": _or,
    "_==_": _equality(wanted=True),
    "_!=_": _equality(wanted=False),
}
"""What makes the closure of each of these calls."""
