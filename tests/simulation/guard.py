"""What watches the simulated cluster must not disturb it: an oracle that fails says so, and nothing else notices.

A cluster tells of a change in the middle of the request that made it. What a watcher raises would otherwise look to an
operator like an answer of the API server, be tried again, and be forgotten.
"""

import traceback
from collections.abc import Callable
from typing import Any

from tidegate.sandbox.kinds import Kind

Watcher = Callable[[Kind, str, dict[str, Any]], None]


def guarded(watcher: Watcher, violations: list[str]) -> Watcher:
    """Give a watcher that raises nothing: that it failed, and where, becomes a violation of its own."""

    def watch(kind: Kind, change: str, obj: dict[str, Any]) -> None:
        try:
            watcher(kind, change, obj)
        except Exception as error:  # noqa: BLE001 - whatever it is, the oracle is wrong and not the operator
            violations.append(f"the oracle failed: {told(error)}; at {kind.kind} {obj['metadata']['name']} {change}")

    return watch


def told(error: BaseException) -> str:
    """Give the last line of a traceback, and the place that it is about."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
    return f"{traceback.format_exception_only(error)[-1].strip()} ({place}: {frame.line})"
