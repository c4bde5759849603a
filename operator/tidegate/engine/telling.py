"""What people read of a run: a state for each task, counts, and one sentence that says why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.api.conditions import timestamp
from tidegate.engine import asking, itemtelling
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.facts import JobState
from tidegate.engine.records import MAX_ROWS, row
from tidegate.engine.repeating import REPEATING
from tidegate.engine.sentences import SENTENCES
from tidegate.engine.sizes import size_of
from tidegate.engine.views import STATE_NAMES

Made = tuple[Any, dict[str, Any], int]
"""What a row was made of, the row, and its bytes."""

_COUNTED = {
    letters.PENDING: "pending",
    letters.HELD: "pending",
    letters.INTENT: "running",
    letters.OBSERVED: "running",
    letters.STOPPING: "running",
    letters.OVERDUE: "running",
    letters.FANNED: "running",
    letters.RETRYING: "running",
    letters.WAITING: "waiting",
    letters.SUCCEEDED: "succeeded",
    letters.CACHED: "succeeded",
    letters.FAILED: "failed",
    letters.SKIPPED: "skipped",
    letters.BLOCKED: "skipped",
    letters.CANCELLED: "cancelled",
}
_BY_INTEREST = tuple(letters.letters_of(group) for group in (b"F", b"IOXYRLW", b"H", b"P", b"SCKUZ"))
STATES = {
    letters.PENDING: "Pending",
    letters.HELD: "Ready",
    letters.INTENT: "Starting",
    letters.OBSERVED: "Running",
    letters.WAITING: "Waiting",
    letters.RETRYING: "Retrying",
    letters.STOPPING: "Stopping",
    letters.OVERDUE: "Stopping",
    letters.FANNED: "Running",
    **STATE_NAMES,
}
"""The state people know, by letter; an observed attempt is told more closely."""


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
    if letter == letters.FANNED:
        return itemtelling.state_of(draft, draft.graph.nodes[slot])
    if letter == letters.RETRYING and draft.record(slot).reason == REPEATING:
        return "Waiting"
    if letter != letters.OBSERVED:
        return STATES[letter]
    attempt = draft.attempt(slot)
    job, child = draft.facts.jobs.get(attempt), draft.facts.children.get(attempt)
    if child is not None:
        return "Starting" if child.started is None else "Running"
    if job is not None and job.state is JobState.SUSPENDED:
        return "Queued"
    return "Running" if any(pod.running for pod in draft.facts.pods_of(attempt)) else "Starting"


@dataclass(frozen=True, slots=True)
class Telling:
    """What people read. `reason` is that of the condition; `made` are the rows by slot, with what they were made of.

    `size` are the bytes of all rows as compact JSON.
    """

    rows: list[dict[str, Any]]
    size: int
    why: str
    reason: str
    made: Mapping[int, Made]


def tell(draft: Draft, before: Mapping[int, Made]) -> Telling:
    """Tell of a run; a row of `before` is taken as it is when nothing of it changed."""
    shown = _shown(draft)
    made = {slot: _row(draft, slot, before.get(slot)) for slot in shown}
    rows = [row for _, row, _ in made.values()]
    size = sum(size for _, _, size in made.values()) + max(2, 1 + len(rows))  # brackets and commas
    reason, sentence = _why(draft, shown)
    return Telling(rows, size, sentence, reason, made)


def _shown(draft: Draft) -> list[int]:
    """Give the tasks that get a row: all of a small run in the Flow's order, else failed and live ones first."""
    count = len(draft.graph.nodes)
    if count <= MAX_ROWS:
        return list(range(count))
    shown: list[int] = []
    for pattern in _BY_INTEREST:
        for slot in draft.ledger.at(pattern):
            if slot >= count:
                break
            shown.append(slot)
            if len(shown) == MAX_ROWS:
                return shown
    return shown


def _row(draft: Draft, slot: int, before: Made | None) -> Made:
    job, child = draft.facts.jobs.get(draft.attempt(slot)), draft.facts.children.get(draft.attempt(slot))
    letter, state, record = draft.letter(slot), state_of(draft, slot), draft.record(slot)
    attempt, due = draft.ledger.attempts[slot], draft.ledger.extra_of(slot).due
    node = draft.graph.nodes[slot]
    items = itemtelling.key_of(draft, node) if node.task.for_each is not None else None
    key = (letter, state, record, attempt, job.name if job else "", child.name if child else "", due, items)
    if before is not None and before[0] == key:
        return before
    told = row(
        node.name,
        state,
        record,
        attempt=attempt,
        job=job.name if job else "",
        child=child.name if child else "",
        nextAttemptTime=timestamp(due) if due and letter == letters.RETRYING else "",
        items=itemtelling.numbers(draft, node) if items is not None else {},
    )
    return key, told, size_of(told)


def _why(draft: Draft, shown: list[int]) -> tuple[str, str]:
    """Say what the run waits for: the condition's reason, and one sentence."""
    if draft.retry_at is not None:
        return "Retrying", f"the whole run is tried again at {timestamp(draft.retry_at)}"
    groups: dict[str, list[int]] = {}
    for slot in shown:
        if not draft.is_final(slot):
            groups.setdefault(state_of(draft, slot), []).append(slot)
    state = next((state for state in SENTENCES if state in groups), "")
    reason, sentence = "Running", SENTENCES[state](draft, groups[state]) if state else ""
    if state == "Running" and "Ready" in groups:
        sentence = f"{sentence}; {SENTENCES['Ready'](draft, groups['Ready'])}"
    asked = asking.awaited(draft)
    if asked:
        tail = f"; {sentence}" if sentence and state != "Waiting" else ""
        reason, sentence = asking.AWAITING, f"{asking.sentence(draft, asked)}{tail}"
    if draft.wish.pauses:
        tail = f"; {sentence}" if sentence else ""
        return "Paused", f"the run is paused: nothing new starts until spec.desiredState is Running{tail}"
    return reason, sentence
