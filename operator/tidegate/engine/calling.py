"""The body `flow`: another Flow runs as a child run; its end is the task's, and the parent's stop is its own."""

from tidegate.engine import blocks, deadlines, failfast, outputs, places
from tidegate.engine import ledger as letters
from tidegate.engine.actions import ConfirmChild, StartChild, StopChild
from tidegate.engine.draft import Draft
from tidegate.engine.facts import ChildFact, Confirmed
from tidegate.engine.failing import fail_attempt
from tidegate.engine.graph import Node
from tidegate.engine.inputs import Call
from tidegate.engine.ledger import LIVE
from tidegate.engine.listing import context_of
from tidegate.engine.naming import digest
from tidegate.engine.part import Part
from tidegate.engine.records import Record
from tidegate.engine.retry import Failure
from tidegate.engine.templating import render
from tidegate.engine.wishes import STRICTNESS, Stop
from tidegate.errors import ExpressionError

MAX_DEPTH = 10
"""A run that nobody called has depth 0; one of this depth still runs, but calls no other."""

PARENT_STOPPED = "ParentStopped"

_PENDING = letters.letters_of(b"P")


def is_too_deep(draft: Draft, node: Node) -> bool:
    """Whether the task would call a Flow from a run that may call no more."""
    return node.task.flow is not None and draft.run.depth >= MAX_DEPTH


def refuse(draft: Draft, node: Node) -> None:
    """End a task that would call too deep."""
    message = f"this run is {draft.run.depth} calls deep, and no deeper one is started: does a flow call itself?"
    draft.finish(node.slot, letters.FAILED, "TooDeep", message)


def begin(draft: Draft, node: Node) -> None:
    """Name the child run; it takes no place among this run's pods.

    Raises:
        ExpressionError: a param fails on the data.
    """
    _name(draft, node.slot, _call(draft, node.slot))


def start_items(draft: Draft) -> None:
    """Name child runs of fan-outs, in order, as many as may be live at a time."""
    for task in draft.graph.calls:
        node = draft.graph.nodes[task]
        if draft.letter(task) == letters.FANNED and not failfast.forbids(draft, node):
            _start_items_of(draft, node)


def _start_items_of(draft: Draft, node: Node) -> None:
    block = blocks.block_of(draft.ledger, node.name)
    assert block is not None  # noqa: S101  the task's letter says so
    live = sum(draft.ledger.slots.count(letter, block.first, block.first + block.count) for letter in LIVE)
    free = places.parallelism(draft, node) - live
    for slot in blocks.at(draft.ledger, block, _PENDING):
        if free <= 0:
            return
        try:
            _name(draft, slot, _call(draft, slot))
            free -= 1
        except ExpressionError as error:
            draft.finish(slot, letters.FAILED, error.reason, str(error))
            draft.settled.add(node.slot)


def observe(draft: Draft, slot: int) -> None:
    """Look at a child run that is named. Nothing is concluded from its absence in a cache."""
    child = draft.facts.children.get(draft.attempt(slot))
    if child is not None:
        _observe_child(draft, slot, child)
    elif draft.letter(slot) == letters.INTENT:
        _see_to_it(draft, slot)
    else:
        draft.actions.append(_confirm(draft, slot))
    if draft.letter(slot) in (letters.INTENT, letters.OBSERVED):
        see(draft, slot)
        deadlines.watch_child(draft, slot, child)


def see(draft: Draft, slot: int) -> None:
    """Take in, of an item, whether its child run is at work."""
    child = draft.facts.children.get(draft.attempt(slot))
    if not draft.is_task(slot):
        works = child is not None and child.started is not None and child.finished is None
        draft.see_part(slot, Part(running=int(works)))


def stop(draft: Draft, slot: int) -> None:
    """Tell the child run to stop as its parent does, unless it was told already and has not ended yet."""
    attempt, node, wish = draft.attempt(slot), draft.node(slot), draft.wish
    child = draft.facts.children.get(attempt)
    state = "Terminated" if wish.terminates else "Cancelled"
    is_told = child is not None and bool(child.stop) and STRICTNESS[child.stop] >= STRICTNESS[state]
    if child is None or child.finished is not None or not is_told:
        why = wish.message if wish.stops else draft.record(slot).message
        wanted = Stop(state, PARENT_STOPPED, f"its parent run {draft.run.name} stopped it: {why}")
        draft.actions.append(StopChild(attempt, node.name, _flow_of(node), wanted))


def _name(draft: Draft, slot: int, call: Call) -> None:
    draft.ledger.attempts[slot] += 1
    if draft.ledger.extra_of(slot).due:
        draft.ledger.note(slot, due=0)
    draft.move(slot, letters.INTENT)
    draft.records[slot] = Record(started=draft.now)
    draft.actions.append(StartChild(draft.attempt(slot), draft.node(slot).name, call, fresh=True))


def _call(draft: Draft, slot: int) -> Call:
    """Evaluate what the child run takes.

    Raises:
        ExpressionError: a param fails on the data.
    """
    node = draft.node(slot)
    assert node.task.flow is not None  # noqa: S101  only such tasks come here
    item = "" if draft.is_task(slot) else str(slot - blocks.block_at(draft.ledger, slot).first)
    return Call(
        flow=node.task.flow.name,
        params=render(dict(node.inputs["params"]), context_of(draft, slot)),
        detached=_is_detached(draft, slot),
        depth=draft.run.depth + 1,
        root=digest(draft.run.work, node.name, item, length=32),
    )


def _is_detached(draft: Draft, slot: int) -> bool:
    flow = draft.node(slot).task.flow
    return flow is not None and not flow.wait


def _flow_of(node: Node) -> str:
    assert node.task.flow is not None  # noqa: S101  only such tasks come here
    return node.task.flow.name


def _confirm(draft: Draft, slot: int) -> ConfirmChild:
    node = draft.node(slot)
    return ConfirmChild(draft.attempt(slot), node.name, _flow_of(node))


def _see_to_it(draft: Draft, slot: int) -> None:
    """A child run that is named but was not seen: it was refused, is under way, or was lost with a crash."""
    attempt = draft.attempt(slot)
    refusal = draft.facts.rejections.get(attempt)
    if refusal is not None and refusal.final:
        fail_attempt(draft, slot, Failure(refusal.reason, refusal.message, final=True))
        return
    try:
        draft.actions.append(StartChild(attempt, draft.node(slot).name, _call(draft, slot), fresh=False))
    except ExpressionError as error:
        draft.finish(slot, letters.FAILED, error.reason, str(error))
        return
    if refusal is not None:
        deadlines.start_counting(draft, slot)
        draft.tell(slot, refusal.reason, refusal.message)


def _observe_child(draft: Draft, slot: int, child: ChildFact) -> None:
    if draft.letter(slot) == letters.INTENT:
        draft.move(slot, letters.OBSERVED)
    if child.tombstone:
        _deleted(draft, slot)
    elif _is_detached(draft, slot):
        draft.succeed(slot, {"run": child.name})
    elif child.finished is not None:
        _ended(draft, slot, child, child.finished)
    else:
        is_silent = child.reason in ("", "Running")
        draft.tell(slot, "" if is_silent else child.reason, "" if is_silent else child.message)


def _ended(draft: Draft, slot: int, child: ChildFact, at: float) -> None:
    if not child.succeeded:
        message = f"{child.name} ended {child.reason}{': ' + child.message if child.message else ''}"
        fail_attempt(draft, slot, Failure("ChildFailed", message, final=True), at=at)
        return
    try:
        draft.succeed(slot, outputs.check(child.outputs, draft.node(slot).task.outputs or ()), at=at)
    except outputs.OutputError as error:
        fail_attempt(draft, slot, Failure(error.reason, error.message, final=True), at=at)


def _deleted(draft: Draft, slot: int) -> None:
    """A tombstone stands where the child run was: somebody deleted it. It is over when no pod of it is left."""
    if draft.facts.is_confirmed(draft.attempt(slot), Confirmed.PODS_GONE):
        fail_attempt(draft, slot, Failure("ChildDeleted", "somebody deleted its child run", final=True))
        return
    draft.tell(slot, "ChildDeleted", "its child run was deleted; its pods have not ended yet")
    draft.actions.append(_confirm(draft, slot))
