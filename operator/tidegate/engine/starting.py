"""Policy: what takes a place in `parallelism` starts in the Flow's order, as places come free."""

import heapq
from collections.abc import Iterator

from tidegate.engine import blocks, caching, failfast, places, sharing
from tidegate.engine import ledger as letters
from tidegate.engine.actions import StartJob
from tidegate.engine.draft import Draft
from tidegate.engine.failing import fail_attempt
from tidegate.engine.graph import Node
from tidegate.engine.memory import attempt_inputs
from tidegate.engine.places import Places
from tidegate.engine.records import Record
from tidegate.engine.retry import Failure
from tidegate.errors import ExpressionError

_HELD = letters.letters_of(b"H")
_FANNED = letters.letters_of(b"L")
_WAIT_FOR_PLACES = frozenset(b"HL")
_RETRYING = letters.letters_of(b"R")


def needs_place(node: Node) -> bool:
    """Whether the task itself runs as a pod of this run; of a fan-out only the items do."""
    return node.task.is_pod and not blocks.is_fan_out(node)


def start_ready(draft: Draft) -> None:
    """Start new tasks, held ones, items and due attempts, as far as there are places; hold the rest.

    What ends instead of starting (its result is cached, its expression fails) is in `draft.finished`, and of items
    their task in `draft.settled`.
    """
    due = [slot for slot in draft.ledger.at(_RETRYING) if _is_due(draft, slot)]
    new = caching.settle(draft, sorted({*draft.ready, *filter(draft.is_task, due)}))
    draft.ready = []
    parts = [slot for slot in due if not draft.is_task(slot)]
    if not new and _WAIT_FOR_PLACES.isdisjoint(draft.ledger.slots):
        return
    left: Places | None = None
    for slot in heapq.merge(new, draft.ledger.at(_HELD), draft.ledger.at(_FANNED)):
        letter = draft.letter(slot)
        if letter == letters.FANNED and not _has_waiting_items(draft, slot, parts):
            continue
        left = left or places.left(draft)
        if left.free <= 0:
            break
        if letter == letters.FANNED:
            _start_items(draft, slot, parts, left)
        elif left.admits(letter):
            left.take(letter, start(draft, slot))
    for slot in new:
        if draft.letter(slot) == letters.PENDING:
            _hold(draft, slot)


def _has_waiting_items(draft: Draft, task: int, due: list[int]) -> bool:
    node = draft.graph.nodes[task]
    if not blocks.is_fan_out(node) or node.task.flow is not None or failfast.forbids(draft, node):
        return False
    return next(_waiting_items(draft, node, due), None) is not None


def _waiting_items(draft: Draft, node: Node, due: list[int]) -> Iterator[int]:
    yield from (slot for slot in due if draft.node(slot) is node)
    yield from sharing.pending(draft, node)


def _start_items(draft: Draft, task: int, due: list[int], left: Places) -> None:
    """Start items or chunks; no places are left to others when a chunk must wait for some to leave."""
    node = draft.graph.nodes[task]
    block = blocks.block_of(draft.ledger, node.name)
    assert block is not None  # noqa: S101  the task's letter says so
    own = places.parallelism(draft, node) - places.taken(draft, block)
    for slot in _waiting_items(draft, node, due):
        letter, pods = draft.letter(slot), sharing.pods_for(draft, slot, own, left.free)
        if not left.admits(letter):
            return
        if not pods:
            left.free = 0 if own >= sharing.wanted(draft, slot) else left.free
            return
        used = start(draft, slot, pods)
        own -= used
        left.take(letter, used)
        if draft.is_final(slot):
            draft.settled.add(task)


def _hold(draft: Draft, slot: int) -> None:
    limit = draft.graph.spec.parallelism
    draft.move(slot, letters.HELD)
    draft.tell(slot, "Parallelism", f"{limit} {'pod of the run is' if limit == 1 else 'pods of the run are'} live")


def start(draft: Draft, slot: int, pods: int = 1) -> int:
    """Name the next attempt of a task, an item or a chunk with so many pods; give how many places that took."""
    if draft.is_task(slot):
        hide_what_is_open(draft, draft.graph.nodes[slot])
    if caching.is_settled(draft, slot):
        return 0
    if draft.is_chunk(slot):
        draft.ledger.note(slot, pods=pods)
    action = _job(draft, slot, number=draft.ledger.attempts[slot] + 1, fresh=True)
    if action is None:
        return 0
    caching.complain(draft, slot)
    draft.ledger.attempts[slot] += 1
    if draft.ledger.extra_of(slot).due:
        draft.ledger.note(slot, due=0)
    draft.move(slot, letters.INTENT)
    draft.records[slot] = Record()
    draft.actions.append(action)
    return pods


def see_to_it(draft: Draft, slot: int) -> None:
    """See that a Job exists which is named but was not seen: it may be on its way, or was lost with a crash."""
    action = _job(draft, slot, number=draft.ledger.attempts[slot], fresh=False)
    if action is not None:
        draft.actions.append(action)


def _job(draft: Draft, slot: int, *, number: int, fresh: bool) -> StartJob | None:
    """Give what creates an attempt's Job; None when an expression fails, and with it the task or item."""
    node = draft.node(slot)
    try:
        inputs = attempt_inputs(draft, slot)
    except ExpressionError as error:
        if draft.is_chunk(slot):
            fail_attempt(draft, slot, Failure(error.reason, str(error), final=True))
        else:
            draft.finish(slot, letters.FAILED, error.reason, str(error))
        return None
    return StartJob((slot, number), node.name, inputs, fresh, sharing.share_of(draft, slot))


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
