"""Policy: tasks whose rule holds start, wait, compute or are skipped; each after its needs, places in the Flow's order.

Only tasks whose needs changed are looked at, unless nothing is known of what changed.
"""

import heapq

from tidegate.engine import calling, failfast, inline, results, rules, runretry, starting
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node
from tidegate.engine.rules import Verdict
from tidegate.errors import ExpressionError

_PENDING = letters.letters_of(b"P")
_WAITING = letters.letters_of(b"WL")


def advance(draft: Draft, *, everything: bool) -> None:
    """Move on every task that is not final and has no Job.

    Args:
        draft: the run.
        everything: look at all pending tasks, not only at those after tasks that ended in this step.
    """
    for slot in draft.ledger.at(_WAITING):
        if slot < len(draft.graph.nodes):
            inline.look(draft, draft.graph.nodes[slot])
    _settle(draft, list(draft.ledger.at(_PENDING)) if everything else [])
    while True:
        _settle(draft, [])  # what could not even start may have been the last that finally waits for
        _settle(draft, _of_finally(draft))
        if draft.wish.pauses:
            break
        _release_held(draft)
        starting.start_ready(draft)
        calling.start_items(draft)
        failfast.skip_the_rest(draft)
        _look_at_settled(draft)
        if not draft.finished:
            break


def _look_at_settled(draft: Draft) -> None:
    """Look again at fan-outs of which items ended at once: it may have been the last of them, or one too many."""
    while draft.settled:
        slot = draft.settled.pop()
        if draft.letter(slot) == letters.FANNED:
            inline.look(draft, draft.graph.nodes[slot])


def _of_finally(draft: Draft) -> list[int]:
    """Give the tasks of `finally` that have not begun, once they may."""
    first = draft.graph.first_finally
    return list(draft.ledger.at(_PENDING, first)) if _opens_finally(draft) else []


def _opens_finally(draft: Draft) -> bool:
    """Whether all tasks have ended, and the run is not tried again: then `finally` may begin, and sees how it went."""
    if draft.tally.open_tasks or draft.graph.first_finally == len(draft.graph.nodes):
        return False
    results.recall(draft)
    return not runretry.tries_again(draft)


def _settle(draft: Draft, slots: list[int]) -> None:
    """Decide on tasks, and on those that need them when they ended at once, each after its needs."""
    nodes = draft.graph.nodes
    queue = [(nodes[slot].position, slot) for slot in slots if slot < len(nodes)]
    heapq.heapify(queue)
    while True:
        for ended in draft.finished:
            for slot in nodes[ended].dependants:
                heapq.heappush(queue, (nodes[slot].position, slot))
        draft.finished.clear()
        if not queue:
            return
        slot = heapq.heappop(queue)[1]
        if draft.letter(slot) == letters.PENDING:
            _consider(draft, nodes[slot])


def _consider(draft: Draft, node: Node) -> None:
    """Decide on a task that has not begun."""
    if node.in_finally and not _opens_finally(draft):
        return
    if draft.wish.stops and not node.in_finally:
        return
    verdict = rules.judge(node.task.run_when, draft.tally.needs_of(draft.graph, node.slot))
    if verdict is Verdict.RUN:
        _begin(draft, node)
    elif verdict is Verdict.BLOCK:
        _block(draft, node)
    elif verdict is Verdict.SKIP:
        _skip(draft, node)


def _block(draft: Draft, node: Node) -> None:
    culprit = next(need for need in node.needs if draft.letter(need) in (letters.FAILED, letters.BLOCKED))
    how = "failed" if draft.letter(culprit) == letters.FAILED else "could not run"
    draft.finish(node.slot, letters.BLOCKED, "UpstreamFailed", f"{draft.graph.nodes[culprit].name} {how}")


def _skip(draft: Draft, node: Node) -> None:
    skipped = [need for need in node.needs if draft.letter(need) in (letters.SKIPPED, letters.CANCELLED)]
    if skipped and node.task.run_when not in rules.EXCUSES:
        name = draft.graph.nodes[skipped[0]].name
        draft.finish(node.slot, letters.SKIPPED, "UpstreamSkipped", f"{name} was skipped")
    else:
        draft.finish(node.slot, letters.SKIPPED, "RuleNotMet", f"{node.task.run_when} of its needs does not hold")


def _begin(draft: Draft, node: Node) -> None:
    try:
        if not inline.holds(draft, node):
            draft.finish(node.slot, letters.SKIPPED, "WhenFalse", f"{node.task.when} is false")
        elif failfast.forbids(draft, node):
            draft.finish(node.slot, letters.SKIPPED, "FailFast", "nothing new starts after a failure")
        elif draft.wish.pauses:
            draft.move(node.slot, letters.HELD)
            draft.tell(node.slot, "Paused", "the run is paused")
        else:
            _go_on(draft, node)
    except ExpressionError as error:
        draft.finish(node.slot, letters.FAILED, error.reason, str(error))


def _go_on(draft: Draft, node: Node) -> None:
    if starting.needs_place(node):
        draft.ready.append(node.slot)
    else:
        inline.begin(draft, node)


def _release_held(draft: Draft) -> None:
    """Let go what a pause held and needs no place; what needs one is taken in the Flow's order as places come free."""
    if letters.HELD not in draft.ledger.slots:
        return
    for slot in draft.graph.inline:
        if draft.letter(slot) != letters.HELD:
            continue
        node = draft.graph.nodes[slot]
        try:
            draft.move(slot, letters.PENDING)
            inline.begin(draft, node)
        except ExpressionError as error:
            draft.finish(slot, letters.FAILED, error.reason, str(error))
