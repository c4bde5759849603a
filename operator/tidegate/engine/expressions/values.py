"""CEL's values as Python objects, and what is the same for all of them: kinds, keys and equality.

int, double, string, bytes, bool, null, list and map are Python's own, a timestamp is an aware datetime, a duration a
timedelta (so both are exact to the microsecond). What Python has no word for is here. This module knows nothing of
functions or of the syntax.
"""

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
UINT_MAX = (1 << 64) - 1


class UInt(int):
    """CEL's unsigned integer; equal to an int of the same value, but a type of its own."""

    __slots__ = ()


class Optional:
    """A value that may be absent; `NOTHING` is the absent one."""

    __slots__ = ("present", "value")

    def __init__(self, value: Any, *, present: bool = True) -> None:
        self.value, self.present = value, present


NOTHING = Optional(None, present=False)


class TypeValue:
    """A type as a value, as in `type(x) == int`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypeValue) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


class BoolKey(enum.Enum):
    """How a bool is kept as the key of a map: for a dict True and 1 would be one key, in CEL they are two."""

    FALSE = False
    TRUE = True


KINDS: Mapping[type, str] = {
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null",
    list: "list",
    dict: "map",
    dt.datetime: "timestamp",
    dt.timedelta: "duration",
    Optional: "optional",
    TypeValue: "type",
}
"""CEL's name for each Python type that values have."""

NUMBERS = frozenset({int, UInt, float})
_BASES: tuple[tuple[type, type], ...] = (
    (Mapping, dict),
    (str, str),
    (bool, bool),
    (int, int),
    (float, float),
    (list, list),
    (tuple, list),
    (dt.datetime, dt.datetime),
    (dt.timedelta, dt.timedelta),
)


def type_of(value: Any) -> type:
    """Give the type in `KINDS` as which a value counts: a lazy Mapping is a dict, a StrEnum a str."""
    kind = type(value)
    if kind in KINDS:
        return kind
    for base, counts_as in _BASES:
        if isinstance(value, base):
            return counts_as
    raise Fault(f"a value of Python's type {kind.__name__} cannot be used in an expression")


def kind_of(value: Any) -> str:
    """Give the name of a value's type for messages."""
    return KINDS[type_of(value)]


def kinds_of(values: Iterable[Any]) -> str:
    """Give `(int, string)` for the values of a call."""
    return f"({', '.join(kind_of(value) for value in values)})"


def key_of(value: Any) -> Any:
    """Give the form in which a value looks up a dict's keys.

    Raises:
        Fault: the value's type cannot be a key.
    """
    kind = type(value)
    if kind in (str, int, UInt):
        return value
    if kind is bool:
        return BoolKey(value)
    if kind is float and value.is_integer():
        return int(value)
    return value if kind is float else _no_key(value)


def _no_key(value: Any) -> Any:
    if type_of(value) in (str, int):
        return value
    raise Fault(f"a {kind_of(value)} cannot be the key of a map")


def keys_of(mapping: Mapping[Any, Any]) -> Iterable[Any]:
    """Give the keys of a map as CEL values."""
    return [value_of_key(key) for key in mapping]


def value_of_key(key: Any) -> Any:
    """Give the value that a dict's key stands for: the reverse of `key_of`."""
    return key.value if type(key) is BoolKey else key


def equal(meter: Meter, left: Any, right: Any) -> bool:
    """Compare two values as CEL does: numbers by value across types, lists and maps deeply, never an error."""
    kind = type(left)
    if kind is not type(right):
        return _equal_across_types(meter, left, right)
    if kind in (str, bytes):
        meter.charge_text(len(left))
        return bool(left == right)
    if kind is list:
        return _equal_lists(meter, left, right)
    if kind is dict:
        return _equal_maps(meter, left, right)
    if kind is Optional:
        return left.present is right.present and equal(meter, left.value, right.value)
    return bool(left == right)


def _equal_across_types(meter: Meter, left: Any, right: Any) -> bool:
    kind, other = type_of(left), type_of(right)
    if kind in NUMBERS and other in NUMBERS:
        return bool(left == right)
    if kind is not other:
        return False
    if kind is dict:
        return _equal_maps(meter, left, right)
    if kind is list:
        return _equal_lists(meter, left, right)
    return bool(left == right)


def _equal_lists(meter: Meter, left: list[Any], right: list[Any]) -> bool:
    if len(left) != len(right):
        return False
    for one, other in zip(left, right, strict=True):
        meter.charge(3)
        if not equal(meter, one, other):
            return False
    return True


def _equal_maps(meter: Meter, left: Mapping[Any, Any], right: Mapping[Any, Any]) -> bool:
    if len(left) != len(right):
        return False
    for key, one in left.items():
        meter.charge(4)
        if key not in right or not equal(meter, one, right[key]):
            return False
    return True
