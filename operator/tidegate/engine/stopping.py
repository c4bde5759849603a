"""Policy: a cancelled or terminated run starts nothing more and holds the name of every Job it had named."""

from collections.abc import Set as AbstractSet

from tidegate.engine import calling, chunks
from tidegate.engine import ledger as letters
from tidegate.engine.actions import StartChild, StartJob, StopJob
from tidegate.engine.draft import Draft
from tidegate.engine.facts import Confirmed
from tidegate.engine.failing import fail_attempt
from tidegate.engine.retry import Failure

_OPEN = letters.letters_of(b"PHIOWR")
_STOPPING = letters.letters_of(b"XY")


def stop(draft: Draft) -> None:
    """Stop what lives when that is wanted, and see through what is already being stopped."""
    wish = draft.wish
    if wish.stops and (draft.tally.open_tasks or wish.terminates):
        for slot in draft.ledger.at(_OPEN):
            if wish.terminates or not draft.node(slot).in_finally:
                stop_slot(draft, slot, wish.reason, wish.message)
    stopping = list(draft.ledger.at(_STOPPING))
    if stopping:
        _start_none_of(draft, frozenset(stopping))
    for slot in stopping:
        _see_through(draft, slot)


def _start_none_of(draft: Draft, stopping: AbstractSet[int]) -> None:
    """Take back that what was named, but not seen yet, is to be started: that was asked for before it was stopped."""
    draft.actions[:] = [
        action
        for action in draft.actions
        if not (isinstance(action, StartJob | StartChild) and action.attempt[0] in stopping)
    ]


def stop_slot(draft: Draft, slot: int, reason: str, message: str) -> None:
    """Stop a task or an item; one between two attempts may still have a pod that dies slowly."""
    letter = draft.letter(slot)
    if letter in (letters.INTENT, letters.OBSERVED) or draft.facts.has_live_pod(draft.attempt(slot)):
        draft.move(slot, letters.STOPPING)
        draft.tell(slot, reason, f"stopped: {message}")
    else:
        began = "stopped" if draft.ledger.attempts[slot] or letter == letters.WAITING else "never ran"
        draft.finish(slot, letters.CANCELLED, reason, f"{began}: {message}")


def _see_through(draft: Draft, slot: int) -> None:
    """The slot moves on only when a tombstone holds the Job's name (or its child run ended) and no pod of it lives."""
    attempt, is_call = draft.attempt(slot), draft.node(slot).task.flow is not None
    if not draft.is_task(slot):
        (calling if is_call else chunks).see(draft, slot)
    if is_call and not draft.facts.is_confirmed(attempt, Confirmed.STOPPED):
        calling.stop(draft, slot)
        return
    if not draft.facts.is_confirmed(attempt, Confirmed.STOPPED) or draft.facts.has_live_pod(attempt):
        draft.actions.append(StopJob(attempt, draft.node(slot).name))
        return
    record = draft.record(slot)
    if draft.letter(slot) == letters.OVERDUE and not draft.wish.stops:
        message = record.message or "its container did not run in time"
        fail_attempt(draft, slot, Failure(record.reason or "StartDeadlineExceeded", message))
    elif draft.is_chunk(slot):
        chunks.stop(draft, slot)
    else:
        draft.finish(slot, letters.CANCELLED, record.reason or draft.wish.reason, record.message)
