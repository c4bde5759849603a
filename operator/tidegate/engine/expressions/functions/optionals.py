"""Optional values. `or` and `orValue` evaluate their argument only when needed and are not functions but forms."""

import datetime as dt
from typing import Any

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.table import ANY, Table
from tidegate.engine.expressions.values import NOTHING, Optional, TypeValue, type_of

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _value(_: Meter, optional: Optional) -> Any:
    if optional.present:
        return optional.value
    raise Fault("the optional has no value: use orValue(...)")


def _of_non_zero(_: Meter, value: Any) -> Optional:
    return NOTHING if _is_zero(value) else Optional(value)


def _is_zero(value: Any) -> bool:
    kind = type_of(value)
    if kind is dt.datetime:
        return bool(value == _EPOCH)
    if kind is Optional:
        return not value.present
    return kind is not TypeValue and not value


TABLE: Table = {
    ("optional.none",): lambda _: NOTHING,
    ("optional.of", ANY): lambda _, value: Optional(value),
    ("optional.ofNonZeroValue", ANY): _of_non_zero,
    ("hasValue", Optional): lambda _, optional: optional.present,
    ("value", Optional): _value,
}
