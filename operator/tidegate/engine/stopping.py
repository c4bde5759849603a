"""Policy: a cancelled or terminated run starts nothing more and holds the name of every Job it had named."""

from tidegate.engine import ledger as letters
from tidegate.engine.actions import StopJob
from tidegate.engine.draft import Draft
from tidegate.engine.facts import Confirmed

STOPPED = frozenset({"Cancelled", "Terminated"})


def stop(draft: Draft) -> None:
    """Stop what lives when the user wants it, and see through what is already being stopped."""
    if draft.facts.desired in STOPPED:
        for slot, letter in enumerate(draft.ledger.slots):
            if letter in (letters.INTENT, letters.OBSERVED):
                draft.move(slot, letters.STOPPING)
                draft.tell(slot, "Cancelled", f"stopped: the run is {draft.facts.desired}")
            elif letter not in letters.FINAL and letter != letters.STOPPING:
                _cancel(draft, slot)
    for slot, letter in enumerate(draft.ledger.slots):
        if letter == letters.STOPPING:
            _see_through(draft, slot)


def _cancel(draft: Draft, slot: int) -> None:
    """End a task that has no Job now; one between two attempts may still have a pod that dies slowly."""
    if draft.facts.has_live_pod(draft.attempt(slot)):
        draft.move(slot, letters.STOPPING)
    else:
        draft.finish(slot, letters.CANCELLED, "Cancelled", f"never ran: the run is {draft.facts.desired}")


def _see_through(draft: Draft, slot: int) -> None:
    """The slot is final only when a tombstone holds the Job's name and no pod of it lives."""
    attempt = draft.attempt(slot)
    if draft.facts.is_confirmed(attempt, Confirmed.STOPPED) and not draft.facts.has_live_pod(attempt):
        draft.finish(slot, letters.CANCELLED, "Cancelled", f"stopped: the run is {draft.facts.desired}")
    else:
        draft.actions.append(StopJob(attempt, draft.graph.nodes[slot].name))
