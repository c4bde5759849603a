"""Policy: a task with `repeat` runs again until its outputs are enough."""

from collections.abc import Mapping
from typing import Any

from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.errors import ExpressionError

REPEATING = "Repeating"
"""Reason of a task between two of its runs."""


def is_enough(draft: Draft, slot: int, outputs: Mapping[str, Any]) -> bool:
    """Whether a task that gave these outputs is done: it does not repeat, or its `repeat.until` holds.

    Raises:
        ExpressionError: when `until` cannot be evaluated, or gives neither true nor false.
    """
    until = draft.node(slot).until
    if until is None:
        return True
    value = until.evaluate({**draft.context(draft.node(slot)), "outputs": dict(outputs)})
    if not isinstance(value, bool):
        raise ExpressionError(f"it gave {type(value).__name__}; expected true or false")
    return value


def run_again(draft: Draft, slot: int, at: float | None) -> None:
    """Fix when the next run begins; each run has its own budgets, but keeps the memory it has come to."""
    repeat = draft.node(slot).task.repeat
    assert repeat is not None  # noqa: S101  only such a task has `until`
    runs = draft.ledger.extra_of(slot).repeats + 1
    if runs >= repeat.limit:
        draft.ledger.note(slot, repeats=runs)
        message = f"until does not hold after {runs} {'run' if runs == 1 else 'runs'}, the limit: {repeat.until}"
        draft.finish(slot, letters.FAILED, "RepeatLimit", message, at=at)
        return
    due = int(draft.now) + repeat.every_seconds if repeat.every_seconds else 0
    draft.ledger.note(slot, repeats=runs, failures=0, disruptions=0, due=due)
    draft.move(slot, letters.RETRYING)
    draft.tell(slot, REPEATING, f"run {runs} of at most {repeat.limit} ended; until does not hold yet")
