"""The list of a fan-out as expressions see it: evaluated once, and after a restart once more, to the same."""

from typing import Any

from tidegate.engine import blocks, items
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node
from tidegate.engine.templating import render
from tidegate.errors import ExpressionError


def list_of(draft: Draft, node: Node) -> list[Any]:
    """Give a fan-out's items.

    Raises:
        ExpressionError: the expression fails on the data.
        ItemsError: what it gives cannot be taken.
    """
    if node.slot not in draft.lists:
        assert node.task.for_each is not None  # noqa: S101  only fan-outs are asked for
        value = render(node.inputs["items"], draft.context(node))
        draft.lists[node.slot] = items.check(value, node.task.for_each, are_runs=node.task.flow is not None)
    return draft.lists[node.slot]


def context_of(draft: Draft, slot: int) -> dict[str, Any]:
    """Give what the expressions of a task, an item or a chunk see; those of an item also see it.

    Raises:
        ExpressionError: the list fails on the data.
    """
    node = draft.node(slot)
    context = draft.context(node)
    if draft.is_task(slot) or draft.is_chunk(slot):
        return context
    index = slot - blocks.block_at(draft.ledger, slot).first
    try:
        return {**context, "item": list_of(draft, node)[index], "index": index}
    except items.ItemsError as error:
        raise ExpressionError(f"forEach.items: {error.message}") from None
