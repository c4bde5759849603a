"""Data that are too large for status: immutable, named by their content, stored before the write that names them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.engine.naming import child_name
from tidegate.engine.run import Run

MAX_BYTES = 900 * 1024
"""Of one ConfigMap, its keys included; the API server refuses more than 1 MiB."""

OUTPUTS_KEY = "outputs.json"

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Stored:
    """One ConfigMap."""

    name: str
    data: Mapping[str, str]


def stored(run: Run, purpose: str, data: Mapping[str, str]) -> Stored:
    """Give data under the name that their content has."""
    return Stored(child_name(run.name, run.uid, purpose, json.dumps(data, sort_keys=True)), data)


def compact(value: Any) -> str:
    """Write JSON without a byte too many."""
    return _encoder.encode(value)


def packed(sizes: Iterable[int], most: int = MAX_BYTES) -> Iterator[tuple[int, int]]:
    """Cut a row of things into pieces that fit, in order: where each begins, and where it ends (exclusive).

    One that is too large by itself is a piece of its own.
    """
    begin = end = total = 0
    for end, size in enumerate(sizes):
        if total and total + size > most:
            yield begin, end
            begin, total = end, 0
        total += size
    if total:
        yield begin, end + 1
