"""Bodies that cost no pod: they compute, fail or wait inside of the operator."""

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.engine import approval, blocks, calling, fanout, outputs, waiting
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node
from tidegate.engine.records import Record
from tidegate.engine.sizes import bytes_of
from tidegate.engine.starting import hide_what_is_open
from tidegate.engine.templating import render, render_text
from tidegate.errors import ExpressionError

Step = Callable[[Draft, Node], None]


def holds(draft: Draft, node: Node) -> bool:
    """Say whether the task's `when` holds.

    Raises:
        ExpressionError: it fails on the data, or gives neither true nor false.
    """
    if node.when is None:
        return True
    value = node.when.evaluate(draft.context(node))
    if not isinstance(value, bool):
        raise ExpressionError(f"when gave {type(value).__name__}; expected true or false: {node.task.when}")
    return value


def begin(draft: Draft, node: Node) -> None:
    """Begin a task without a pod of its own; it may end at once.

    Raises:
        ExpressionError: an expression fails on the data.
    """
    hide_what_is_open(draft, node)
    if calling.is_too_deep(draft, node):
        calling.refuse(draft, node)
    elif blocks.is_fan_out(node):
        fanout.begin(draft, node)
    elif node.task.set is not None:
        _compute(draft, node)
    elif node.task.fail is not None:
        message = render_text(node.inputs["message"], draft.context(node))
        draft.finish(node.slot, letters.FAILED, "Fail", message)
    else:
        draft.records[node.slot] = Record(started=draft.now)
        draft.move(node.slot, letters.WAITING)
        _step_of(node, _BEGIN)(draft, node)


def look(draft: Draft, node: Node) -> None:
    """Look whether a task that waits has what it waits for, or whether the parts of a fan-out have ended."""
    try:
        if blocks.is_fan_out(node):
            fanout.look(draft, node)
        else:
            _step_of(node, _LOOK)(draft, node)
    except ExpressionError as error:
        draft.finish(node.slot, letters.FAILED, error.reason, str(error))


def _step_of(node: Node, steps: Mapping[str, Step]) -> Step:
    return next(step for body, step in steps.items() if getattr(node.task, body) is not None)


def _compute(draft: Draft, node: Node) -> None:
    value: Any = render(dict(node.inputs["set"]), draft.context(node))
    size = bytes_of(value)
    if size >= outputs.MAX_MESSAGE:
        message = f"the outputs have {size:,} bytes as JSON; at most {outputs.MAX_MESSAGE - 1:,} are allowed"
        draft.finish(node.slot, letters.FAILED, "OutputTooLarge", message)
        return
    try:
        draft.succeed(node.slot, outputs.check(value, node.task.outputs or ()))
    except outputs.OutputError as error:
        draft.finish(node.slot, letters.FAILED, error.reason, error.message)


_BEGIN: Mapping[str, Step] = {"wait": waiting.begin, "approval": approval.begin, "flow": calling.begin}
_LOOK: Mapping[str, Step] = {"wait": waiting.look, "approval": approval.look}
