"""The extension `sets`: lists compared as sets, by CEL's equality."""

from typing import Any

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.functions.lists import contains
from tidegate.engine.expressions.functions.table import Table


def _contains(meter: Meter, items: list[Any], wanted: list[Any]) -> bool:
    return all(contains(meter, element, items) for element in wanted)


def _equivalent(meter: Meter, left: list[Any], right: list[Any]) -> bool:
    return _contains(meter, left, right) and _contains(meter, right, left)


def _intersects(meter: Meter, left: list[Any], right: list[Any]) -> bool:
    return any(contains(meter, element, right) for element in left)


TABLE: Table = {
    ("sets.contains", list, list): _contains,
    ("sets.equivalent", list, list): _equivalent,
    ("sets.intersects", list, list): _intersects,
}
