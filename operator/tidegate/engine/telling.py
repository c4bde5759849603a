"""What people read of a run: a state for each task, counts, and one sentence that says why."""

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.api.conditions import timestamp
from tidegate.engine import ledger as letters
from tidegate.engine.draft import STATE_NAMES, Draft
from tidegate.engine.facts import JobState
from tidegate.engine.records import MAX_ROWS, row

_COUNTED = {
    letters.PENDING: "pending",
    letters.HELD: "pending",
    letters.INTENT: "running",
    letters.OBSERVED: "running",
    letters.STOPPING: "running",
    letters.RETRYING: "running",
    letters.WAITING: "waiting",
    letters.SUCCEEDED: "succeeded",
    letters.FAILED: "failed",
    letters.SKIPPED: "skipped",
    letters.BLOCKED: "skipped",
    letters.CANCELLED: "cancelled",
}
_ORDER = {letters.FAILED: 0, letters.OBSERVED: 1, letters.INTENT: 1, letters.STOPPING: 1, letters.RETRYING: 1}
_STATES = {
    letters.PENDING: "Pending",
    letters.HELD: "Ready",
    letters.INTENT: "Starting",
    letters.WAITING: "Waiting",
    letters.RETRYING: "Retrying",
    letters.STOPPING: "Stopping",
    **STATE_NAMES,
}


def counts(slots: bytes | bytearray) -> dict[str, int]:
    """Count tasks by what became of them."""
    result = dict.fromkeys(("pending", "running", "waiting", "succeeded", "failed", "skipped", "cancelled"), 0)
    for letter, name in _COUNTED.items():
        result[name] += slots.count(letter)
    return {"total": len(slots), **result}


def progress(slots: bytes | bytearray) -> str:
    """Give final tasks of all tasks, such as 3/5."""
    final = sum(slots.count(letter) for letter in letters.FINAL)
    return f"{final}/{len(slots)}"


def state_of(draft: Draft, slot: int) -> str:
    """Give the state people know."""
    letter = draft.letter(slot)
    if letter != letters.OBSERVED:
        return _STATES[letter]
    attempt = draft.attempt(slot)
    job = draft.facts.jobs.get(attempt)
    if job is not None and job.state is JobState.SUSPENDED:
        return "Queued"
    return "Running" if any(pod.running for pod in draft.facts.pods_of(attempt)) else "Starting"


def rows(draft: Draft) -> list[dict[str, Any]]:
    """Give the rows of status: all tasks of a small run in the Flow's order, else failed and live ones first."""
    slots = list(range(len(draft.ledger.slots)))
    if len(slots) > MAX_ROWS:
        slots.sort(key=lambda slot: (_ORDER.get(draft.letter(slot), 2 + draft.is_final(slot)), slot))
    return [_row(draft, slot) for slot in slots[:MAX_ROWS]]


def _row(draft: Draft, slot: int) -> dict[str, Any]:
    job = draft.facts.jobs.get(draft.attempt(slot))
    due = draft.ledger.extra[slot].due if slot in draft.ledger.extra else 0
    return row(
        draft.graph.nodes[slot].name,
        state_of(draft, slot),
        draft.record(slot),
        attempt=draft.ledger.attempts[slot],
        job=job.name if job else "",
        nextAttemptTime=timestamp(due) if due and draft.letter(slot) == letters.RETRYING else "",
    )


def why(draft: Draft) -> str:
    """Say in one sentence what the run waits for."""
    groups: dict[str, list[int]] = {}
    for slot in range(len(draft.ledger.slots)):
        if not draft.is_final(slot):
            groups.setdefault(state_of(draft, slot), []).append(slot)
    for state, tell in _SENTENCES.items():
        if state in groups:
            return tell(draft, groups[state])
    return ""


def _names(draft: Draft, slots: list[int]) -> str:
    names = [draft.graph.nodes[slot].name for slot in slots]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _starting(draft: Draft, slots: list[int]) -> str:
    troubled = [slot for slot in slots if draft.record(slot).reason]
    if not troubled:
        return f"{_names(draft, slots)} {'is' if len(slots) == 1 else 'are'} starting"
    record = draft.record(troubled[0])
    same = [slot for slot in troubled if draft.record(slot).reason == record.reason]
    verb = "waits" if len(same) == 1 else "wait"
    return f"{_names(draft, same)} {verb}: {record.reason}: {record.message}"


def _queued(draft: Draft, slots: list[int]) -> str:
    return f"{_names(draft, slots)} {'is' if len(slots) == 1 else 'are'} queued: the Job is suspended"


def _stopping(draft: Draft, slots: list[int]) -> str:
    return f"{_names(draft, slots)} {'is' if len(slots) == 1 else 'are'} being stopped"


def _retrying(draft: Draft, slots: list[int]) -> str:
    record, due = draft.record(slots[0]), draft.ledger.extra_of(slots[0]).due
    when = f" at {timestamp(due)}" if due else " now"
    cause = f"{record.reason}: {record.message}" if record.message else record.reason
    return f"{draft.graph.nodes[slots[0]].name} is tried again{when}, after {cause}"


def _running(draft: Draft, slots: list[int]) -> str:
    return f"{_names(draft, slots)} {'is' if len(slots) == 1 else 'are'} running"


def _waiting(draft: Draft, slots: list[int]) -> str:
    due = min(draft.ledger.extra_of(slot).due for slot in slots)
    return f"{_names(draft, slots)} {'waits' if len(slots) == 1 else 'wait'} until {timestamp(due)}"


def _ready(draft: Draft, slots: list[int]) -> str:
    return f"{_names(draft, slots)} {'waits' if len(slots) == 1 else 'wait'} for a place within parallelism"


_SENTENCES: Mapping[str, Callable[[Draft, list[int]], str]] = {
    "Stopping": _stopping,
    "Starting": _starting,
    "Queued": _queued,
    "Retrying": _retrying,
    "Running": _running,
    "Waiting": _waiting,
    "Ready": _ready,
}
