"""Policy: what a successful attempt makes of its task: its end, or with `repeat` perhaps another run later."""

from collections.abc import Mapping
from typing import Any

from tidegate.engine import caching
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.expressions import Expression
from tidegate.errors import ExpressionError

REPEATING = "Repeating"
"""Reason of a task between two of its runs."""


def succeed_attempt(draft: Draft, slot: int, outputs: Mapping[str, Any], at: float | None = None) -> None:
    """Take an attempt's outputs: they are the task's, unless `repeat.until` wants another run."""
    until = draft.node(slot).until
    try:
        enough = until is None or _holds(draft, slot, until, outputs)
    except ExpressionError as error:
        draft.finish(slot, letters.FAILED, error.reason, f"repeat.until: {error}", at=at)
        return
    if enough:
        caching.keep(draft, slot, outputs, at)
        draft.succeed(slot, outputs, at=at)
    else:
        _repeat(draft, slot, at)


def _holds(draft: Draft, slot: int, until: Expression, outputs: Mapping[str, Any]) -> bool:
    value = until.evaluate({**draft.context(draft.graph.nodes[slot]), "outputs": dict(outputs)})
    if not isinstance(value, bool):
        raise ExpressionError(f"it gave {type(value).__name__}; expected true or false")
    return value


def _repeat(draft: Draft, slot: int, at: float | None) -> None:
    """Fix when the next run begins; each run has its own budgets, but keeps the memory it has come to."""
    repeat = draft.graph.nodes[slot].task.repeat
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
