"""Policy: a whole run that failed is tried again, under its own name, as often as its Flow says."""

from tidegate.api.flow import RetryMode
from tidegate.engine import ledger as letters
from tidegate.engine import results
from tidegate.engine.actions import Happening
from tidegate.engine.draft import Draft
from tidegate.engine.tally import Tally

_ENDED = letters.letters_of(b"SCFKU")
_SKIPPED = frozenset(b"KU")


def tries_again(draft: Draft) -> bool:
    """Whether all tasks have ended, the run failed, and may be tried once more; `finally` waits for the last time."""
    retry = draft.graph.spec.retry
    if retry is None or draft.run_attempt > retry.limit or draft.tally.open_tasks or draft.wish.stops:
        return False
    begun = draft.ledger.slots[draft.graph.first_finally : len(draft.graph.nodes)].strip(b"P")
    return not begun and results.of_tasks(draft).reason == results.TASK_FAILED


def schedule(draft: Draft) -> bool:
    """Fix when the run is tried again; say whether it is."""
    if not tries_again(draft):
        draft.retry_at = None
        return False
    if draft.retry_at is None:
        retry = draft.graph.spec.retry
        assert retry is not None  # noqa: S101  tries_again looked
        draft.retry_at = float(int(draft.now) + retry.delay_seconds)
        message = f"attempt {draft.run_attempt} of the run failed: {results.of_tasks(draft).message}"
        draft.happenings.append(Happening(True, "RunRetrying", message))
    draft.wake(draft.retry_at)
    return True


def begin_again(draft: Draft) -> bool:
    """Open the tasks of the next attempt when it is due; say whether that was done."""
    if draft.retry_at is None or draft.now < draft.retry_at or not tries_again(draft):
        return False
    for slot in _again(draft):
        draft.move(slot, letters.PENDING)
        draft.records.pop(slot, None)
        draft.lose_outputs(slot)
    draft.store_again()
    draft.tally = Tally.rebuilt(draft.graph, draft.ledger)
    draft.run_attempt += 1
    draft.retry_at = draft.result_so_far = None
    return True


def _again(draft: Draft) -> list[int]:
    """Give the tasks that run again: all, or those that failed; what was skipped is judged anew."""
    graph = draft.graph
    assert graph.spec.retry is not None  # noqa: S101  tries_again looked
    ended = [slot for slot in draft.ledger.at(_ENDED) if slot < graph.first_finally]
    if graph.spec.retry.mode is RetryMode.ALL:
        return ended
    return [slot for slot in ended if draft.letter(slot) in _SKIPPED or _counts(draft, slot)]


def _counts(draft: Draft, slot: int) -> bool:
    return draft.letter(slot) == letters.FAILED and not results.is_excused(draft, slot)
