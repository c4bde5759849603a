"""Lists and maps: the standard functions and the extension `lists` but `range`, which makes lists out of nothing."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.table import ANY, Table, no_overload
from tidegate.engine.expressions.values import (
    NOTHING,
    NUMBERS,
    Optional,
    UInt,
    equal,
    key_of,
    kind_of,
    type_of,
)

ELEMENT_BYTES = 16
"""What a list takes for an element that exists already, with room to grow."""

_SORTABLE = frozenset({bool, int, UInt, float, str, bytes, dt.datetime, dt.timedelta})


def made(meter: Meter, length: int) -> None:
    """Charge for a new list of existing elements."""
    meter.charge(length // 8)
    meter.allocate(length * ELEMENT_BYTES)


def _plus(meter: Meter, left: list[Any], right: list[Any]) -> list[Any]:
    made(meter, len(left) + len(right))
    return [*left, *right]


def contains(meter: Meter, value: Any, container: Any) -> bool:
    """Tell whether a list has an equal element, or a map the key."""
    kind = type_of(container)
    if kind is dict:
        return key_of(value) in container
    if kind is not list:
        raise no_overload("@in", value, container)
    for element in container:
        meter.charge(2)
        if equal(meter, element, value):
            return True
    return False


def _slice(meter: Meter, items: list[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(items):
        raise Fault(f'"slice" from {start} to {end} is outside a list of {len(items)} elements')
    made(meter, end - start)
    return list(items[start:end])


def _flatten(meter: Meter, items: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise Fault(f'"flatten" takes a depth of at least 0, not {depth}')
    flat = items
    while depth > 0 and any(type_of(item) is list for item in flat):
        meter.charge(len(flat))
        made(meter, sum(len(item) if type_of(item) is list else 1 for item in flat))
        flat = [part for item in flat for part in (item if type_of(item) is list else (item,))]
        depth -= 1
    meter.charge(len(flat))
    return flat


def _reverse(meter: Meter, items: list[Any]) -> list[Any]:
    made(meter, len(items))
    return list(items[::-1])


def _distinct(meter: Meter, items: list[Any]) -> list[Any]:
    """Keep the first of equal elements; only lists, maps and optionals are compared one by one."""
    kept: list[Any] = []
    seen: set[tuple[str, Any]] = set()
    compared: list[Any] = []
    for item in items:
        meter.charge(6)
        kind = type_of(item)
        if kind in _SORTABLE and item == item:  # noqa: PLR0124 - NaN is the value that differs from itself
            mark = ("number" if kind in NUMBERS else kind.__name__, item)
            is_new = mark not in seen
            seen.add(mark)
            meter.allocate(200)
        else:
            is_new = not any(equal(meter, item, other) for other in compared)
            compared.append(item)
        if is_new:
            meter.allocate(2 * ELEMENT_BYTES)
            kept.append(item)
    return kept


def _sort(meter: Meter, items: list[Any]) -> list[Any]:
    return _sorted_by(meter, items, items)


def _sorted_by(meter: Meter, items: list[Any], keys: list[Any]) -> list[Any]:
    """Order the items by their keys, equal ones as they were."""
    kinds = {type_of(key) for key in keys}
    if not kinds:
        return []
    kind = kinds.pop()
    if kinds or kind not in _SORTABLE:
        names = sorted({kind_of(key) for key in keys})
        raise Fault(f"only numbers, texts, bytes, bools or times of one type can be ordered, not {', '.join(names)}")
    made(meter, 4 * len(items))
    width = sum(map(len, keys)) // 64 if kind in (str, bytes) else 0
    meter.charge((len(items) + width) * len(items).bit_length())
    order = sorted(range(len(items)), key=keys.__getitem__)
    return [items[index] for index in order]


def _first(_: Meter, items: list[Any]) -> Optional:
    return Optional(items[0]) if items else NOTHING


def _last(_: Meter, items: list[Any]) -> Optional:
    return Optional(items[-1]) if items else NOTHING


def _size(_: Meter, items: list[Any] | Mapping[Any, Any]) -> int:
    return len(items)


TABLE: Table = {
    ("size", list): _size,
    ("size", dict): _size,
    ("_+_", list, list): _plus,
    ("@in", ANY, ANY): contains,
    ("slice", list, int, int): _slice,
    ("flatten", list): _flatten,
    ("flatten", list, int): _flatten,
    ("reverse", list): _reverse,
    ("distinct", list): _distinct,
    ("sort", list): _sort,
    ("@sortByAssociatedKeys", list, list): _sorted_by,
    ("first", list): _first,
    ("last", list): _last,
}
