"""Policy: with `failFast` nothing new starts after a failure; what lives goes on to its end."""

from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node

_NOT_LIVE = letters.letters_of(b"PHR")


def forbids(draft: Draft, node: Node) -> bool:
    """Whether the task may not start because another failed."""
    return draft.graph.spec.fail_fast and not node.in_finally and draft.tally.failures > 0


def skip_the_rest(draft: Draft) -> None:
    """End what has not started, and what would have been tried again."""
    if not draft.graph.spec.fail_fast or not draft.tally.failures:
        return
    for slot in draft.ledger.at(_NOT_LIVE):
        if draft.node(slot).in_finally:
            continue
        if not draft.is_task(slot):
            draft.settled.add(draft.node(slot).slot)
        if draft.letter(slot) != letters.RETRYING:
            draft.finish(slot, letters.SKIPPED, "FailFast", "nothing new starts after a failure")
        elif not draft.facts.has_live_pod(draft.attempt(slot)):
            record = draft.record(slot)
            draft.finish(slot, letters.FAILED, record.reason or "FailFast", record.message)
