"""What each Job of a fan-out works on, and when there is a place for it.

With P the smaller of the items' and the run's parallelism: chunks smaller than P run side by side as far as whole ones
fit, else one at a time with P pods. A Job's parallelism never changes; where other tasks have places for a long time a
chunk begins with fewer pods than P, but with half of them at least.
"""

from collections.abc import Iterator

from tidegate.engine import blocks, fanout, items, places
from tidegate.engine import ledger as letters
from tidegate.engine.actions import Share
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node


def pending(draft: Draft, node: Node) -> Iterator[int]:
    """Give the slots of a fan-out that have not begun, in order; the ledger may change meanwhile."""
    block = blocks.block_of(draft.ledger, node.name)
    slot = -1 if block is None else draft.ledger.slots.find(letters.PENDING, block.first, block.first + block.count)
    while block is not None and slot >= 0:
        yield slot
        slot = draft.ledger.slots.find(letters.PENDING, slot + 1, block.first + block.count)


def pods_for(draft: Draft, slot: int, own: int, free: int) -> int:
    """Give the places that a slot of a fan-out takes if it starts now; 0 when it has to wait.

    Args:
        draft: the run.
        slot: of an item or a chunk.
        own: places left of the fan-out's own parallelism.
        free: places left of the run's.
    """
    most = wanted(draft, slot)
    given = min(most, free)
    return given if own >= most and given > 0 and 2 * given >= most else 0


def wanted(draft: Draft, slot: int) -> int:
    """Give the places that a slot of a fan-out would take if nothing else ran."""
    if not draft.is_chunk(slot):
        return 1
    return min(draft.size(slot), places.parallelism(draft, draft.node(slot)))


def share_of(draft: Draft, slot: int) -> Share | None:
    """Give what the slot's Job works on; None for a task that is no fan-out."""
    if draft.is_task(slot):
        return None
    node, block = draft.node(slot), blocks.block_at(draft.ledger, slot)
    own = blocks.items_in(block, slot)
    if not draft.is_chunk(slot):
        per_map = items.chunk_holding(block.total, len(block.items))
        return Share(block.items[own[0] // per_map], own[0], own[0] % per_map)
    assert node.task.for_each is not None  # noqa: S101  it has chunks
    borne = max(0, node.task.for_each.max_failed - fanout.failed_items(draft, node, block))
    pods = draft.ledger.extra_of(slot).pods
    return Share(block.items[slot - block.first], own[0], 0, len(own), pods, min(borne, len(own)))
