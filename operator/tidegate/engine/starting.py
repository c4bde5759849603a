"""Policy: what takes a place in `parallelism` starts in the Flow's order, as places come free."""

import heapq

from tidegate.engine import caching
from tidegate.engine import ledger as letters
from tidegate.engine.actions import StartJob
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node
from tidegate.engine.memory import attempt_inputs
from tidegate.engine.records import Record
from tidegate.errors import ExpressionError

_HELD = letters.letters_of(b"H")
_RETRYING = letters.letters_of(b"R")


def needs_place(node: Node) -> bool:
    """Whether the task runs as pods of this run."""
    return node.task.is_pod


def start_ready(draft: Draft) -> None:
    """Start new tasks, held ones and due attempts, as far as there are places; hold the rest."""
    due = [slot for slot in draft.ledger.at(_RETRYING) if slot < len(draft.graph.nodes) and _is_due(draft, slot)]
    new, draft.ready = caching.settle(draft, sorted({*draft.ready, *due})), []
    free: int | None = None
    for slot in heapq.merge(new, draft.ledger.at(_HELD)):
        if slot >= len(draft.graph.nodes):
            break
        if free is None:
            free = draft.graph.spec.parallelism - draft.live_pods()
        if free <= 0:
            break
        free -= start(draft, draft.graph.nodes[slot])
    for slot in new:
        if draft.letter(slot) == letters.PENDING:
            _hold(draft, slot)


def _hold(draft: Draft, slot: int) -> None:
    limit = draft.graph.spec.parallelism
    draft.move(slot, letters.HELD)
    draft.tell(slot, "Parallelism", f"{limit} {'pod of the run is' if limit == 1 else 'pods of the run are'} live")


def start(draft: Draft, node: Node) -> int:
    """Name the next attempt of a task; give how many places that took."""
    hide_what_is_open(draft, node)
    if caching.is_settled(draft, node):
        return 0
    try:
        inputs = attempt_inputs(draft, node)
    except ExpressionError as error:
        draft.finish(node.slot, letters.FAILED, error.reason, str(error))
        return 0
    caching.complain(draft, node)
    draft.ledger.attempts[node.slot] += 1
    if draft.ledger.extra_of(node.slot).due:
        draft.ledger.note(node.slot, due=0)
    draft.move(node.slot, letters.INTENT)
    draft.records[node.slot] = Record()
    draft.actions.append(StartJob(draft.attempt(node.slot), node.name, inputs, fresh=True))
    return 1


def hide_what_is_open(draft: Draft, node: Node) -> None:
    """Keep which tasks the expressions of this one do not see, so that they give the same again after a crash."""
    unseen = frozenset(slot for slot in node.reads if not draft.is_final(slot))
    if unseen:
        draft.ledger.unseen[node.slot] = unseen
    else:
        draft.ledger.unseen.pop(node.slot, None)


def _is_due(draft: Draft, slot: int) -> bool:
    """Whether the delay is over and no pod of the last attempt lives."""
    due = draft.ledger.extra_of(slot).due
    if draft.now < due:
        draft.wake(due)
        return False
    return not draft.facts.has_live_pod(draft.attempt(slot))
