"""The body `wait`: lets time pass, without a pod."""

from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node


def begin(draft: Draft, node: Node) -> None:
    """Fix when the wait is over."""
    wait = node.task.wait
    assert wait is not None  # noqa: S101  the caller looked
    draft.ledger.note(node.slot, due=int(draft.now) + (wait.seconds or 0))
    look(draft, node)


def look(draft: Draft, node: Node) -> None:
    """End the wait when its time has come."""
    due = draft.ledger.extra_of(node.slot).due
    if draft.now >= due:
        draft.succeed(node.slot, {})
    else:
        draft.wake(due)
