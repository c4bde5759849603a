"""What leaves an evaluation: JSON data with nothing of CEL's own in it."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.text import to_json
from tidegate.engine.expressions.values import INT_MAX, UInt, kind_of, type_of

_ADVICE = {
    "bytes": "use base64.encode(...) or string(...)",
    "optional": "end it with .orValue(...)",
    "type": "compare it, as in type(x) == string",
}
_NODE_STEPS = 4
_NODE_BYTES = 32


def plain(meter: Meter, value: Any) -> Any:
    """Give the result of an evaluation as new JSON data; only a timestamp or duration on its own stays what it is.

    Integral doubles become integers, as all numbers that go through the API server do. What is shared inside the
    value is copied, so the copy is charged: a short expression can nest one list in itself a hundred times.

    Raises:
        Fault: the value, or one inside it, has no form in JSON.
    """
    kind = type_of(value)
    if kind in (dt.datetime, dt.timedelta):
        return value
    return _plain(meter, value, kind)


def _plain(meter: Meter, value: Any, kind: type) -> Any:
    meter.charge(_NODE_STEPS)
    meter.allocate(_NODE_BYTES)
    if kind is str:
        meter.charge_text(len(value))
        meter.allocate(value.__sizeof__())
        return value
    if kind is list:
        return [_plain(meter, item, type_of(item)) for item in value]
    if kind is dict:
        return _plain_map(meter, value)
    if kind is float:
        return _plain_double(value)
    if kind in (dt.datetime, dt.timedelta):
        return to_json(value)
    if kind in (bool, int, UInt, type(None)):
        return int(value) if kind is UInt else value
    raise Fault(f"the result has a value of type {kind_of(value)}, which JSON does not: {_ADVICE[kind_of(value)]}")


def _plain_map(meter: Meter, mapping: Mapping[Any, Any]) -> dict[str, Any]:
    copy = {}
    for key, item in mapping.items():
        if not isinstance(key, str):
            raise Fault("the result has a map whose keys are not strings, which JSON does not: use string(...)")
        meter.allocate(100)
        copy[key] = _plain(meter, item, type_of(item))
    return copy


def _plain_double(value: float) -> int | float:
    if not math.isfinite(value):
        raise Fault(f"the result has the number {value}, which JSON does not")
    return int(value) if value.is_integer() and abs(value) <= INT_MAX else value
