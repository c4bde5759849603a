"""Policy: what a successful attempt makes of its task: its end, or with `repeat` perhaps another run later."""

from collections.abc import Mapping
from typing import Any

from tidegate.engine import caching, repeating
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.errors import ExpressionError


def succeed_attempt(draft: Draft, slot: int, outputs: Mapping[str, Any], at: float | None = None) -> None:
    """Take an attempt's outputs: they are the task's, unless `repeat.until` wants another run."""
    try:
        enough = repeating.is_enough(draft, slot, outputs)
    except ExpressionError as error:
        draft.finish(slot, letters.FAILED, error.reason, f"repeat.until: {error}", at=at)
        return
    if enough:
        caching.keep(draft, slot, outputs, at)
        draft.succeed(slot, outputs, at=at)
    else:
        repeating.run_again(draft, slot, at)
