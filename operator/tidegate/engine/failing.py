"""Policy: what a failed attempt makes of its task: another attempt later, or its end."""

from dataclasses import replace

from tidegate.engine import chunks, memory, retry
from tidegate.engine import ledger as letters
from tidegate.engine.actions import Happening
from tidegate.engine.draft import Draft
from tidegate.engine.retry import Failure
from tidegate.errors import ExpressionError


def fail_attempt(draft: Draft, slot: int, failure: Failure, at: float | None = None) -> None:
    """Charge the failure to its budget: another attempt later, or the end of the task, or of the item."""
    if draft.is_chunk(slot):
        chunks.fail(draft, slot, failure)
        return
    node, attempt = draft.node(slot), draft.ledger.attempts[slot]
    if failure.disruption:
        draft.disruptions.append(failure.reason)
    failure = _asked(draft, slot, _with_more_memory(draft, slot, failure))
    budgets, again = retry.budgets_after(node.retry, draft.ledger.extra_of(slot), failure)
    draft.ledger.note(slot, due=0, **budgets)
    if not again:
        draft.finish(slot, letters.FAILED, failure.reason, failure.message, at=at)
        return
    failures = draft.ledger.extra_of(slot).failures
    wait = retry.delay(node.retry, failures, failure, draft.run, slot, attempt)
    draft.ledger.note(slot, due=int(draft.now) + wait if wait else 0)
    draft.move(slot, letters.RETRYING)
    if not draft.is_task(slot):
        draft.see_part(slot, None)
    draft.tell(slot, failure.reason, failure.message)
    message = f"task {draft.label(slot)}, attempt {attempt}: {failure.reason}: {failure.message}"
    draft.happenings.append(Happening(True, "TaskRetrying", f"{message}; next attempt in {wait} s"))


def _with_more_memory(draft: Draft, slot: int, failure: Failure) -> Failure:
    """See whether more memory can help: `retry.onOOM` says so, the limit is known, and not at its end."""
    limit = memory.next_limit(draft, slot) if failure.oom and not failure.final else None
    if limit is None:
        return failure
    return replace(failure, message=f"{failure.message}; the next attempt gets {limit}", more_memory=limit)


def _asked(draft: Draft, slot: int, failure: Failure) -> Failure:
    """Ask `retry.when` whether repeating can help; an expression that fails on the data ends the task."""
    node = draft.node(slot)
    if node.retry_when is None or failure.is_free or failure.final:
        return failure
    context = {
        "exitCode": failure.exit_code if failure.exit_code is not None else -1,
        "reason": failure.reason,
        "message": failure.message,
        "attempt": draft.ledger.attempts[slot],
    }
    try:
        if node.retry_when.evaluate(context) is True:
            return failure
    except ExpressionError as error:
        return Failure(error.reason, f"retry.when, after {failure.reason}: {error}", final=True)
    return Failure(failure.reason, failure.message, final=True, exit_code=failure.exit_code)
