"""The body `wait`: lets time pass, or waits for an object, without a pod. Until when is fixed once, in the ledger."""

import math

from tidegate.api.bodies import Wait
from tidegate.engine import ledger as letters
from tidegate.engine import objects
from tidegate.engine.draft import Draft
from tidegate.engine.expressions import parse_timestamp
from tidegate.engine.graph import Node
from tidegate.engine.templating import render_text


def begin(draft: Draft, node: Node) -> None:
    """Fix the second at which the wait is over, or is given up."""
    wait, now = _wait_of(node), int(draft.now)
    ends = []
    if wait.timeout_seconds is not None:
        ends.append(now + wait.timeout_seconds)
    if wait.seconds is not None:
        ends.append(now + wait.seconds)
    if wait.time is not None:
        try:
            ends.append(_time_of(draft, node))
        except ValueError as error:
            draft.finish(node.slot, letters.FAILED, "InvalidTime", f"wait.time: {error}")
            return
    draft.ledger.note(node.slot, due=min(ends, default=0))
    look(draft, node)


def look(draft: Draft, node: Node) -> None:
    """End the wait when its time has come, or its object is as it should be."""
    due = draft.ledger.extra_of(node.slot).due
    if node.task.wait is not None and node.task.wait.for_ is not None:
        objects.look(draft, node)
    if draft.letter(node.slot) != letters.WAITING or not due:
        return
    if draft.now < due:
        draft.wake(due)
    elif _gives_up(draft, node, due):
        record = draft.record(node.slot)
        last = f"; at last {record.reason}: {record.message}" if record.reason else ""
        draft.finish(node.slot, letters.FAILED, "TimedOut", f"waited {_wait_of(node).timeout_seconds} s in vain{last}")
    else:
        draft.succeed(node.slot, {})


def _gives_up(draft: Draft, node: Node, due: int) -> bool:
    """Whether what is due is the time-out: the rest of the wait is the same whenever it is computed."""
    wait = _wait_of(node)
    if wait.seconds is not None:
        return wait.timeout_seconds is not None and wait.timeout_seconds < wait.seconds
    return wait.time is None or due < _time_of(draft, node)


def _time_of(draft: Draft, node: Node) -> int:
    """Give the first whole second at which `wait.time` has passed.

    Raises:
        ValueError: it is no time.
        ExpressionError: it fails on the data.
    """
    return math.ceil(parse_timestamp(render_text(node.inputs["time"], draft.context(node))).timestamp())


def _wait_of(node: Node) -> Wait:
    assert node.task.wait is not None  # noqa: S101  the caller looked
    return node.task.wait
