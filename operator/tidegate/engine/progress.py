"""Policy: tasks whose needs are met start, wait, compute or are skipped; in the Flow's order, within parallelism."""

from collections.abc import Mapping
from typing import Any

from tidegate.engine import ledger as letters
from tidegate.engine import outputs
from tidegate.engine.actions import StartJob
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node
from tidegate.engine.inputs import render_inputs
from tidegate.engine.records import Record
from tidegate.engine.templating import render, render_text
from tidegate.errors import ExpressionError

_WAITS = frozenset({letters.PENDING, letters.HELD})


def advance(draft: Draft) -> None:
    """Move on every task that is not final and has no Job, each after its needs."""
    free = draft.graph.spec.parallelism - draft.live_pods()
    for slot in draft.graph.order:
        letter = draft.letter(slot)
        if letter in _WAITS:
            free -= _consider(draft, draft.graph.nodes[slot], free)
        elif letter == letters.WAITING:
            _wait_on(draft, slot)
        elif letter == letters.RETRYING:
            free -= _retry(draft, draft.graph.nodes[slot], free)


def _consider(draft: Draft, node: Node, free: int) -> int:
    """Decide on a task that has not begun; give how many pods that started."""
    needs = [draft.letter(need) for need in node.needs]
    if letters.FAILED in needs or letters.BLOCKED in needs:
        _block(draft, node)
        return 0
    if not all(letter in letters.FINAL for letter in needs):
        return 0
    if letters.SKIPPED in needs or letters.CANCELLED in needs:
        skipped = next(need for need in node.needs if draft.letter(need) != letters.SUCCEEDED)
        message = f"{draft.graph.nodes[skipped].name} was skipped"
        draft.finish(node.slot, letters.SKIPPED, "UpstreamSkipped", message)
        return 0
    return _begin(draft, node, free)


def _block(draft: Draft, node: Node) -> None:
    culprit = next(need for need in node.needs if draft.letter(need) in (letters.FAILED, letters.BLOCKED))
    name = draft.graph.nodes[culprit].name
    how = "failed" if draft.letter(culprit) == letters.FAILED else "could not run"
    draft.finish(node.slot, letters.BLOCKED, "UpstreamFailed", f"{name} {how}")


def _begin(draft: Draft, node: Node, free: int) -> int:
    try:
        if node.when is not None and draft.letter(node.slot) == letters.PENDING and not _holds(draft, node):
            draft.finish(node.slot, letters.SKIPPED, "WhenFalse", f"{node.task.when} is false")
            return 0
        return _start(draft, node, free) if node.task.is_pod else _run_inline(draft, node)
    except ExpressionError as error:
        draft.finish(node.slot, letters.FAILED, error.reason, str(error))
        return 0


def _holds(draft: Draft, node: Node) -> bool:
    assert node.when is not None  # noqa: S101  the caller looked
    value = node.when.evaluate(draft.context())
    if not isinstance(value, bool):
        raise ExpressionError(f"when gave {type(value).__name__}; expected true or false: {node.task.when}")
    return value


def _start(draft: Draft, node: Node, free: int) -> int:
    if free <= 0:
        _hold(draft, node)
        return 0
    inputs = render_inputs(draft.graph, node, draft.context())
    draft.ledger.attempts[node.slot] += 1
    draft.move(node.slot, letters.INTENT)
    draft.records[node.slot] = Record()
    draft.actions.append(StartJob(draft.attempt(node.slot), node.name, inputs, fresh=True))
    return 1


def _hold(draft: Draft, node: Node) -> None:
    if draft.letter(node.slot) == letters.PENDING:
        draft.move(node.slot, letters.HELD)
    draft.tell(node.slot, "Parallelism", f"{draft.graph.spec.parallelism} pods of the run are live")


def _run_inline(draft: Draft, node: Node) -> int:
    """Run a body that costs no pod."""
    context = draft.context()
    if node.task.set is not None:
        _compute(draft, node, context)
    elif node.task.fail is not None:
        draft.finish(node.slot, letters.FAILED, "Fail", render_text(node.inputs["message"], context))
    elif node.task.wait is not None:
        draft.move(node.slot, letters.WAITING)
        draft.ledger.extra_of(node.slot).due = int(draft.now) + node.task.wait.seconds
        draft.records[node.slot] = Record(started=draft.now)
        _wait_on(draft, node.slot)
    return 0


def _compute(draft: Draft, node: Node, context: Mapping[str, Any]) -> None:
    value = render(dict(node.inputs["set"]), context)
    size = outputs.size_of(value)
    if size >= outputs.MAX_MESSAGE:
        message = f"the outputs have {size:,} bytes as JSON; at most {outputs.MAX_MESSAGE - 1:,} are allowed"
        draft.finish(node.slot, letters.FAILED, "OutputTooLarge", message)
        return
    try:
        draft.succeed(node.slot, outputs.check(value, node.task.outputs or ()))
    except outputs.OutputError as error:
        draft.finish(node.slot, letters.FAILED, error.reason, error.message)


def _wait_on(draft: Draft, slot: int) -> None:
    due = draft.ledger.extra_of(slot).due
    if draft.now >= due:
        draft.succeed(slot, {})
    else:
        draft.wake(due)


def _retry(draft: Draft, node: Node, free: int) -> int:
    """Start the next attempt when its delay is over and no pod of the last one lives."""
    due = draft.ledger.extra_of(node.slot).due
    if draft.now < due:
        draft.wake(due)
        return 0
    if draft.facts.has_live_pod(draft.attempt(node.slot)) or free <= 0:
        return 0
    draft.ledger.extra_of(node.slot).due = 0
    try:
        return _start(draft, node, free)
    except ExpressionError as error:
        draft.finish(node.slot, letters.FAILED, error.reason, str(error))
        return 0
