"""The one sentence that says what a run waits for, by the state of the tasks that tell most."""

from collections.abc import Callable, Mapping

from tidegate.api.conditions import timestamp
from tidegate.engine import itemtelling
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.records import MAX_ROWS

_TOLD = 3
"""Fan-outs that are told of in one sentence."""


def _names(draft: Draft, slots: list[int]) -> str:
    """Name three of them, and count the others of the same letter, also those without a row."""
    letter = draft.letter(slots[0])
    everyone = draft.ledger.slots[: len(draft.graph.nodes)].count(letter)
    count = max(len(slots), everyone) if len(draft.graph.nodes) > MAX_ROWS else len(slots)
    names = [draft.graph.nodes[slot].name for slot in slots]
    return ", ".join(names[:3]) + (f" and {count - 3} more" if count > 3 else "")


def _starting(draft: Draft, slots: list[int]) -> str:
    troubled = [slot for slot in slots if _trouble(draft, slot)[0]]
    if not troubled:
        return f"{_names(draft, slots)} {'is' if len(slots) == 1 else 'are'} starting"
    reason, message = _trouble(draft, troubled[0])
    same = [slot for slot in troubled if _trouble(draft, slot)[0] == reason]
    verb = "waits" if len(same) == 1 else "wait"
    return f"{_names(draft, same)} {verb}: {reason}{': ' if message else ''}{message}"


def _trouble(draft: Draft, slot: int) -> tuple[str, str]:
    if draft.letter(slot) == letters.FANNED:
        return itemtelling.trouble_of(draft, draft.graph.nodes[slot])
    return draft.record(slot).reason, draft.record(slot).message


def _queued(draft: Draft, slots: list[int]) -> str:
    message = draft.record(slots[0]).message or "the Job is suspended"
    return f"{_names(draft, slots)} {'is' if len(slots) == 1 else 'are'} queued: {message}"


def _stopping(draft: Draft, slots: list[int]) -> str:
    record = draft.record(slots[0])
    is_late = draft.letter(slots[0]) == letters.OVERDUE and record.reason
    cause = f"{record.reason}: {record.message}" if is_late else draft.wish.message if draft.wish.stops else ""
    return f"{_names(draft, slots)} {'is' if len(slots) == 1 else 'are'} being stopped{': ' if cause else ''}{cause}"


def _retrying(draft: Draft, slots: list[int]) -> str:
    record, due = draft.record(slots[0]), draft.ledger.extra_of(slots[0]).due
    when = f" at {timestamp(due)}" if due else " now"
    cause = f"{record.reason}: {record.message}" if record.message else record.reason
    return f"{draft.graph.nodes[slots[0]].name} is tried again{when}, after {cause}"


def _running(draft: Draft, slots: list[int]) -> str:
    fanned = [slot for slot in slots if draft.letter(slot) == letters.FANNED]
    others = [slot for slot in slots if slot not in fanned]
    told = [itemtelling.sentence(draft, draft.graph.nodes[slot]) for slot in fanned[:_TOLD]]
    held_up = [slot for slot in others if draft.record(slot).reason]
    if held_up:
        told.append(_held_up(draft, held_up))
        others = [slot for slot in others if slot not in held_up]
    if others:
        told.append(f"{_names(draft, others)} {'is' if len(others) == 1 else 'are'} running")
    return "; ".join(told)


def _held_up(draft: Draft, slots: list[int]) -> str:
    """Tell of attempts that are at work and yet wait: a child run for a decision, the next attempt for a lost node."""
    record = draft.record(slots[0])
    same = [slot for slot in slots if draft.record(slot).reason == record.reason]
    verb = "waits" if len(same) == 1 else "wait"
    return f"{_names(draft, same)} {verb}: {record.reason}{': ' if record.message else ''}{record.message}"


def _waiting(draft: Draft, slots: list[int]) -> str:
    told = [record.message for slot in slots if (record := draft.record(slot)).message]
    if told:
        due = draft.ledger.extra_of(slots[0]).due if draft.letter(slots[0]) == letters.RETRYING else 0
        again = f"; it runs again at {timestamp(due)}" if due else ""
        return f"{_names(draft, slots)} {'waits' if len(slots) == 1 else 'wait'}: {told[0]}{again}"
    due = min(draft.ledger.extra_of(slot).due for slot in slots)
    return f"{_names(draft, slots)} {'waits' if len(slots) == 1 else 'wait'} until {timestamp(due)}"


def _ready(draft: Draft, slots: list[int]) -> str:
    return f"{_names(draft, slots)} {'waits' if len(slots) == 1 else 'wait'} for a place within parallelism"


SENTENCES: Mapping[str, Callable[[Draft, list[int]], str]] = {
    "Stopping": _stopping,
    "Starting": _starting,
    "Queued": _queued,
    "Retrying": _retrying,
    "Running": _running,
    "Waiting": _waiting,
    "Ready": _ready,
}
"""By the state that people know, the most telling first."""
