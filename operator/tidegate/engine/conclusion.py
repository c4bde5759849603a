"""Policy: a run ends when every task is final; how it ends is read off the letters, and its outputs are evaluated."""

from dataclasses import dataclass
from typing import Any

from tidegate.engine import outputs, results, runretry
from tidegate.engine.draft import Draft
from tidegate.engine.sizes import size_of
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
    if runretry.schedule(draft) or not draft.ledger.is_final:
        return None
    result = results.of_run(draft)
    draft.result_so_far = (result.failed, result.reason)
    values, problem = _outputs(draft)
    if problem and not result.failed:
        return Outcome(False, "OutputFailed", problem, values)
    return Outcome(not result.failed, result.reason, result.message, values)


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
        if size_of({**values, name: rendered}) > outputs.MAX_INLINE:
            problem = (
                problem or f'output "{name}": all outputs of a run fit {outputs.MAX_INLINE:,} bytes; this is too much'
            )
            continue
        values[name] = rendered
    return values, problem
