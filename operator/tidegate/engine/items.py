"""The items of a fan-out: what makes a list of them, their texts, and how they are cut into ConfigMaps that fit."""

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from tidegate.api.policies import ForEach, Strategy
from tidegate.engine.records import shortened
from tidegate.engine.run import Run
from tidegate.engine.stored import MAX_BYTES, Stored, compact, stored

MOST_ITEMS = 10_000
MOST_JOBS = 1_000
"""Items that have a Job or child run each."""

INDEX = ".index"
"""Ends the key of the file with an item's number; the key of its text is the place in the chunk alone."""

_KEYS = 32
"""Bytes of an item's two keys and its number, at most."""


class ItemsError(Exception):
    """The items cannot be taken; `reason` is the task's."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason, self.message = reason, message
        super().__init__(message)


def check(value: Any, for_each: ForEach, *, are_runs: bool = False) -> list[Any]:
    """Give the items, when they are a list that is not too long; `are_runs` when each becomes a child run.

    Raises:
        ItemsError: they are not (`ItemsInvalid`, `TooManyItems`).
    """
    if not isinstance(value, list):
        raise ItemsError("ItemsInvalid", f"forEach.items gave {_told(value)}; expected a list")
    if len(value) > MOST_ITEMS:
        raise ItemsError("TooManyItems", f"forEach.items gave {len(value):,} items; at most {MOST_ITEMS:,} are allowed")
    if are_runs and len(value) > MOST_JOBS:
        raise ItemsError("TooManyItems", f"forEach.items gave {len(value):,} items; a flow is run for {MOST_JOBS:,}")
    if for_each.strategy is Strategy.JOBS and len(value) > MOST_JOBS:
        message = f"forEach.items gave {len(value):,} items; strategy Jobs takes at most {MOST_JOBS:,}"
        raise ItemsError("TooManyItems", f"{message}: use strategy Indexed")
    return value


def texts_of(items: Sequence[Any]) -> list[str]:
    """Give what each item's file holds: a string as it is, else compact JSON.

    Raises:
        ItemsError: one is larger than a ConfigMap (`ItemTooLarge`), or no text (`ItemsInvalid`).
    """
    texts = [item if isinstance(item, str) else compact(item) for item in items]
    for number, text in enumerate(texts):
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            message = f"item {number} has half a surrogate pair, which no file can hold"
            raise ItemsError("ItemsInvalid", message) from None
        if size + _KEYS > MAX_BYTES:
            message = f"item {number} has {size:,} bytes; at most {MAX_BYTES - _KEYS:,} fit a ConfigMap"
            raise ItemsError("ItemTooLarge", f"{message}: give the address of the data instead")
    return texts


def chunk_size(texts: Sequence[str], most: int) -> int:
    """Give the largest size up to `most` of chunks that all fit a ConfigMap each."""
    ends = [0, *accumulate(len(text.encode()) + _KEYS for text in texts)]
    size = min(most, len(texts))
    while True:
        starts = range(0, len(texts), size)
        worst = max(ends[min(start + size, len(texts))] - ends[start] for start in starts)
        if worst <= MAX_BYTES:
            return size
        size = max(1, min(size - 1, size * MAX_BYTES // worst))


def even_size(texts: Sequence[str]) -> int:
    """Give a size of chunks that fit, which their number and that of the items tell again: see `chunk_holding`."""
    size = len(texts)
    while True:
        size = chunk_size(texts, size)
        even = chunk_holding(len(texts), -(-len(texts) // size))
        if chunk_size(texts, even) == even:
            return even
        size -= 1


def chunk_holding(total: int, count: int) -> int:
    """Give the size of each of so many chunks that hold so many items."""
    return -(-total // count)


def configmaps(run: Run, texts: Sequence[str], size: int) -> list[Stored]:
    """Give the ConfigMaps of all chunks, in order."""
    return [stored(run, "items", _data(texts[first : first + size], first)) for first in range(0, len(texts), size)]


def _data(texts: Sequence[str], first: int) -> Mapping[str, str]:
    data: dict[str, str] = {}
    for place, text in enumerate(texts):
        data |= {str(place): text, f"{place}{INDEX}": str(first + place)}
    return data


def _told(value: Any) -> str:
    kinds: dict[type, str] = {str: "the string", int: "the number", float: "the number", bool: "the boolean"}
    text = shortened(json.dumps(value, ensure_ascii=False))
    text = text if len(text) <= 80 else f"{text[:77]}..."
    if value is None:
        return text
    return f"{kinds.get(type(value), 'the object')} {text}"
