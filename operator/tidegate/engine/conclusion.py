"""Policy: a run ends when every task is final; how it ends is read off the letters."""

from dataclasses import dataclass
from typing import Any

from tidegate.engine import ledger as letters
from tidegate.engine import outputs
from tidegate.engine.draft import Draft
from tidegate.engine.templating import render
from tidegate.errors import ExpressionError


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; `outputs` are the Flow's."""

    succeeded: bool
    reason: str
    message: str
    outputs: dict[str, Any]


def conclude(draft: Draft) -> Outcome | None:
    """Give the run's outcome once nothing can change any more."""
    if not draft.ledger.is_final:
        return None
    values, problem = _outputs(draft)
    failed = [node.name for node in draft.graph.nodes if draft.letter(node.slot) == letters.FAILED]
    if letters.CANCELLED in draft.ledger.slots:
        return Outcome(False, "Cancelled", f"the run was {draft.facts.desired.lower()}", values)
    if failed:
        return Outcome(False, "TaskFailed", _failure(draft, failed), values)
    if problem:
        return Outcome(False, "OutputFailed", problem, values)
    done = draft.ledger.slots.count(letters.SUCCEEDED)
    skipped = len(draft.ledger.slots) - done
    tail = f", {skipped} skipped" if skipped else ""
    return Outcome(True, "Completed", f"{done} {'task' if done == 1 else 'tasks'} succeeded{tail}", values)


def _failure(draft: Draft, failed: list[str]) -> str:
    record = draft.record(draft.graph.slots[failed[0]])
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"{failed[0]} failed: {record.reason}{': ' + record.message if record.message else ''}{more}"


def _outputs(draft: Draft) -> tuple[dict[str, Any], str]:
    """Evaluate the Flow's outputs; one that fails is left out, and the first problem is told."""
    values: dict[str, Any] = {}
    problem = ""
    context = draft.context()
    for name, value in draft.graph.outputs.items():
        try:
            rendered = render(value, context)
        except ExpressionError as error:
            problem = problem or f'output "{name}": {error}'
            continue
        if outputs.size_of({**values, name: rendered}) > outputs.MAX_INLINE:
            problem = (
                problem or f'output "{name}": all outputs of a run fit {outputs.MAX_INLINE:,} bytes; this is too much'
            )
            continue
        values[name] = rendered
    return values, problem
