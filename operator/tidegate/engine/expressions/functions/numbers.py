"""Arithmetic, order and the extension `math`: 64-bit integers that refuse to overflow, IEEE doubles that do not."""

import datetime as dt
import math
import operator
from collections.abc import Callable
from typing import Any

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.table import ANY, Implementation, Table, no_overload
from tidegate.engine.expressions.values import INT_MAX, INT_MIN, NUMBERS, UINT_MAX, UInt

_BITS = UINT_MAX


def int64(value: int) -> int:
    """Give the value if it is an int of CEL."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise Fault("integer overflow: the result does not fit into 64 bits")


def uint64(value: int) -> UInt:
    """Give the value as a uint of CEL."""
    if 0 <= value <= UINT_MAX:
        return UInt(value)
    raise Fault("unsigned integer overflow: the result is negative or does not fit into 64 bits")


def _on_ints(operation: Callable[[int, int], int]) -> Implementation:
    return lambda _, left, right: int64(operation(left, right))


def _on_uints(operation: Callable[[int, int], int]) -> Implementation:
    return lambda _, left, right: uint64(operation(int(left), int(right)))


def _on_doubles(operation: Callable[[float, float], float]) -> Implementation:
    return lambda _, left, right: operation(left, right)


def _quotient(left: int, right: int) -> int:
    """Divide towards zero, as CEL and C do; Python rounds down."""
    if right == 0:
        raise Fault("division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    if right == 0:
        raise Fault("modulus by zero")
    return left - right * _quotient(left, right)


def _int_remainder(_: Meter, left: int, right: int) -> int:
    if left == INT_MIN and right == -1:
        raise Fault("integer overflow: the quotient does not fit into 64 bits")
    return int64(_remainder(left, right))


def _double_quotient(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)
    return left / right


_ORDERED = (bool, str, bytes, dt.datetime, dt.timedelta)


def _order(name: str, order: Callable[[Any, Any], bool]) -> dict[tuple[str, *tuple[type, ...]], Implementation]:
    """Give the overloads of one comparison: any two numbers, or two values of the same ordered type."""

    def of_values(_: Meter, left: Any, right: Any) -> bool:
        return order(left, right)

    def of_text(meter: Meter, left: str | bytes, right: str | bytes) -> bool:
        meter.charge_text(min(len(left), len(right)))
        return order(left, right)

    table: dict[tuple[str, *tuple[type, ...]], Implementation] = {
        (name, left, right): of_values for left in NUMBERS for right in NUMBERS
    }
    return table | {(name, kind, kind): of_text if kind in (str, bytes) else of_values for kind in _ORDERED}


def _greatest(_: Meter, *values: Any) -> Any:
    return max(_numeric("math.greatest", values))


def _least(_: Meter, *values: Any) -> Any:
    return min(_numeric("math.least", values))


def _greatest_of(meter: Meter, values: list[Any]) -> Any:
    meter.charge(len(values))
    return max(_numeric("math.greatest", tuple(values)))


def _least_of(meter: Meter, values: list[Any]) -> Any:
    meter.charge(len(values))
    return min(_numeric("math.least", tuple(values)))


def _numeric(name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise Fault(f'"{name}" needs at least one number, the list is empty')
    for value in values:
        if type(value) not in NUMBERS:
            raise no_overload(name, value)
    return values


def _of_one_or_two(name: str, one: Implementation, of_list: Implementation) -> Table:
    table: dict[tuple[str, *tuple[type, ...]], Implementation] = {(name, kind): one for kind in NUMBERS}
    return table | {(name, list): of_list, (name, ANY, ANY): one}


def _rounded(rounding: Callable[[float], int]) -> Implementation:
    """Wrap a rounding to an int as one to a double that keeps infinities, NaN and the sign of zero."""
    return lambda _, value: math.copysign(rounding(value), value) if math.isfinite(value) else value


def _half_away_from_zero(value: float) -> int:
    whole = math.trunc(value)
    return whole + (1 if value > 0 else -1) if abs(value - whole) >= 0.5 else whole


def _sign(_: Meter, value: float) -> float:
    return value if math.isnan(value) else float((value > 0) - (value < 0))


def double(value: float) -> float:
    """Give the nearest double; an integer from JSON may be too large for one."""
    try:
        return float(value)
    except OverflowError:
        raise Fault("the integer is too large for a double") from None


def _square_root(_: Meter, value: float) -> float:
    return math.sqrt(double(value)) if value >= 0 else math.nan


def _signed(bits: int) -> int:
    """Read 64 bits as a two's complement."""
    bits &= _BITS
    return bits - (1 << 64) if bits >> 63 else bits


def _shift(value: int, places: int, name: str, *, left: bool) -> int:
    if places < 0:
        raise Fault(f'"{name}" cannot shift by {places} places')
    if places > 63:
        return 0
    bits = value & _BITS
    return (bits << places if left else bits >> places) & _BITS


def _shift_left(_: Meter, value: int, places: int) -> int:
    bits = _shift(value, places, "math.bitShiftLeft", left=True)
    return UInt(bits) if type(value) is UInt else _signed(bits)


def _shift_right(_: Meter, value: int, places: int) -> int:
    bits = _shift(value, places, "math.bitShiftRight", left=False)
    return UInt(bits) if type(value) is UInt else _signed(bits)


TABLE: Table = {
    ("_+_", int, int): _on_ints(operator.add),
    ("_-_", int, int): _on_ints(operator.sub),
    ("_*_", int, int): _on_ints(operator.mul),
    ("_/_", int, int): _on_ints(_quotient),
    ("_%_", int, int): _int_remainder,
    ("-_", int): lambda _, value: int64(-value),
    ("_+_", UInt, UInt): _on_uints(operator.add),
    ("_-_", UInt, UInt): _on_uints(operator.sub),
    ("_*_", UInt, UInt): _on_uints(operator.mul),
    ("_/_", UInt, UInt): _on_uints(_quotient),
    ("_%_", UInt, UInt): _on_uints(_remainder),
    ("_+_", float, float): _on_doubles(operator.add),
    ("_-_", float, float): _on_doubles(operator.sub),
    ("_*_", float, float): _on_doubles(operator.mul),
    ("_/_", float, float): _on_doubles(_double_quotient),
    ("-_", float): lambda _, value: -value,
    ("!_", bool): lambda _, value: not value,
    **_order("_<_", operator.lt),
    **_order("_<=_", operator.le),
    **_order("_>_", operator.gt),
    **_order("_>=_", operator.ge),
    **_of_one_or_two("math.@max", _greatest, _greatest_of),
    **_of_one_or_two("math.@min", _least, _least_of),
    ("math.ceil", float): _rounded(math.ceil),
    ("math.floor", float): _rounded(math.floor),
    ("math.trunc", float): _rounded(math.trunc),
    ("math.round", float): _rounded(_half_away_from_zero),
    ("math.isNaN", float): lambda _, value: math.isnan(value),
    ("math.isInf", float): lambda _, value: math.isinf(value),
    ("math.isFinite", float): lambda _, value: math.isfinite(value),
    ("math.abs", int): lambda _, value: int64(abs(value)),
    ("math.abs", UInt): lambda _, value: value,
    ("math.abs", float): lambda _, value: abs(value),
    ("math.sign", int): lambda _, value: (value > 0) - (value < 0),
    ("math.sign", UInt): lambda _, value: UInt(value > 0),
    ("math.sign", float): _sign,
    ("math.sqrt", int): _square_root,
    ("math.sqrt", UInt): _square_root,
    ("math.sqrt", float): _square_root,
    ("math.bitAnd", int, int): _on_ints(operator.and_),
    ("math.bitOr", int, int): _on_ints(operator.or_),
    ("math.bitXor", int, int): _on_ints(operator.xor),
    ("math.bitNot", int): lambda _, value: int64(~value),
    ("math.bitShiftLeft", int, int): _shift_left,
    ("math.bitShiftRight", int, int): _shift_right,
    ("math.bitAnd", UInt, UInt): _on_uints(operator.and_),
    ("math.bitOr", UInt, UInt): _on_uints(operator.or_),
    ("math.bitXor", UInt, UInt): _on_uints(operator.xor),
    ("math.bitNot", UInt): lambda _, value: UInt(_BITS ^ value),
    ("math.bitShiftLeft", UInt, int): _shift_left,
    ("math.bitShiftRight", UInt, int): _shift_right,
}
