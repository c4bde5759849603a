"""Policy: a fan-out begins when its list is known, bears some failures, gives up at too many, and ends with a list."""

from typing import Any

from tidegate.engine import blocks, ceilings, intervals, items, joining
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node
from tidegate.engine.items import ItemsError
from tidegate.engine.ledger import Block
from tidegate.engine.listing import list_of
from tidegate.engine.part import Items
from tidegate.engine.records import Record
from tidegate.engine.stopping import stop_slot
from tidegate.engine.stored import Stored

MOST_SLOTS = 10_000
TOO_MANY_FAILED = "TooManyFailed"

_OPEN = letters.letters_of(b"PIOR")
_NOT_FINAL = letters.letters_of(b"PIORXY")
_LIVE = letters.letters_of(b"IOXY")


def begin(draft: Draft, node: Node) -> None:
    """Evaluate the list, and give its items slots; nothing of them has started yet.

    Raises:
        ExpressionError: the expression fails on the data.
    """
    draft.records[node.slot] = Record(started=draft.now)
    for slot in (node.slot, *blocks.retire(draft.ledger, node.name)):
        draft.lose_outputs(slot)
    draft.lists.pop(node.slot, None)
    draft.known.pop(node.slot, None)
    try:
        found = list_of(draft, node)
        if found:
            _open_block(draft, node, found)
        else:
            draft.succeed(node.slot, {})
    except ItemsError as error:
        draft.finish(node.slot, letters.FAILED, error.reason, error.message)


def look(draft: Draft, node: Node) -> None:
    """Give up a fan-out with too many failures; end one of which all slots are final."""
    block = blocks.block_of(draft.ledger, node.name)
    assert block is not None and node.task.for_each is not None  # noqa: S101, PT018  its letter says so
    if failed_items(draft, node, block) > node.task.for_each.max_failed:
        for slot in blocks.at(draft.ledger, block, _OPEN):
            stop_slot(draft, slot, TOO_MANY_FAILED, "too many other items failed")
    if next(blocks.at(draft.ledger, block, _NOT_FINAL), None) is None:
        _end(draft, node, block, known_items(draft, node))


def failed_items(draft: Draft, node: Node, block: Block) -> int:
    """Count the items that failed so far."""
    if blocks.is_indexed(node):
        return known_items(draft, node).failed.bit_count()
    return draft.ledger.slots.count(letters.FAILED, block.first, block.first + block.count)


def known_items(draft: Draft, node: Node) -> Items:
    """Give which items of a fan-out have ended, and how."""
    block = blocks.block_of(draft.ledger, node.name)
    if block is None:
        return Items()
    if not blocks.is_indexed(node):
        slots = draft.ledger.slots[block.first : block.first + block.count]
        return Items(
            intervals.mask_from(letter in letters.GOOD for letter in slots),
            intervals.mask_from(letter == letters.FAILED for letter in slots),
        )
    if node.slot in draft.known:
        return draft.known[node.slot]
    ended = draft.ended_items.get(node.slot)
    if ended is None:
        ended = draft.ended_items[node.slot] = _ended_items(draft, block)
    succeeded, failed = ended.succeeded, ended.failed
    for slot in blocks.at(draft.ledger, block, _LIVE):
        chunk, first = draft.parts.get(slot), blocks.items_in(block, slot)[0]
        if chunk is not None:
            succeeded, failed = succeeded | chunk.succeeded << first, failed | chunk.failed << first
    draft.known[node.slot] = Items(succeeded, failed)
    return draft.known[node.slot]


def _ended_items(draft: Draft, block: Block) -> Items:
    succeeded = 0
    for slot in blocks.slots_of(block):
        if draft.is_final(slot):
            span = blocks.items_in(block, slot)
            outputs = draft.outputs.get(slot) or [draft.letter(slot) in letters.GOOD or None] * len(span)
            succeeded |= intervals.mask_from(output is not None for output in outputs) << span[0]
    return Items(succeeded, intervals.unpacked(block.failed))


def _open_block(draft: Draft, node: Node, found: list[Any]) -> None:
    is_indexed = blocks.is_indexed(node)
    per_map, stores = _stored(draft, node, found) if node.task.is_pod else (1, [])
    size = per_map if is_indexed else 1
    count = -(-len(found) // size)
    block = Block(node.name, len(draft.ledger.slots), count, len(found), size, tuple(one.name for one in stores))
    _check_room(draft, node, block)
    draft.ledger.slots.extend([letters.PENDING] * count)
    draft.ledger.attempts.extend([0] * count)
    draft.ledger.blocks = (*draft.ledger.blocks, block)
    draft.ended_items[node.slot] = Items()
    draft.stores += stores
    draft.ledger.attempts[node.slot] += 1
    draft.move(node.slot, letters.FANNED)


def _stored(draft: Draft, node: Node, found: list[Any]) -> tuple[int, list[Stored]]:
    """Give the ConfigMaps in which pods find their items, and how many items each holds."""
    texts = items.texts_of(found)
    for_each = node.task.for_each
    assert for_each is not None  # noqa: S101  the caller looked
    size = items.chunk_size(texts, for_each.chunk_size) if blocks.is_indexed(node) else items.even_size(texts)
    return size, items.configmaps(draft.run, texts, size)


def _check_room(draft: Draft, node: Node, block: Block) -> None:
    """Refuse, before anything of it starts, what the run's status could not keep.

    Raises:
        ItemsError: it is too much (`TooManyItems`).
    """
    what = "chunks" if blocks.is_indexed(node) else "items"
    advice = "raise chunkSize" if what == "chunks" else "use strategy Indexed"
    total = len(draft.ledger.slots) + block.count
    if total > MOST_SLOTS:
        message = f"with {block.count:,} {what} the run would have {total:,} tasks, chunks and items; at most"
        raise ItemsError("TooManyItems", f"{message} {MOST_SLOTS:,} are allowed: {advice}")
    if not ceilings.has_room_for(draft.graph, draft.ledger, block, draft.run.params):
        message = f"{block.count:,} {what} and the names of their ConfigMaps do not fit the run's status"
        raise ItemsError("TooManyItems", f"{message}: {advice}, or divide the run")


def _end(draft: Draft, node: Node, block: Block, known: Items) -> None:
    """End the task; its list holds also what succeeded before it failed."""
    for_each = node.task.for_each
    assert for_each is not None  # noqa: S101  the caller looked
    failed, left = known.failed.bit_count(), block.total - known.done
    wish = draft.wish
    draft.lists.pop(node.slot, None)
    draft.outputs[node.slot] = joining.joined(draft.ledger, block, draft.outputs, indexed=blocks.is_indexed(node))
    first = draft.record(node.slot)
    tail = f"; the first: {first.message}" if first.message else ""
    if failed > for_each.max_failed:
        borne = f"{for_each.max_failed:,} {'is' if for_each.max_failed == 1 else 'are'} borne"
        message = f"{failed:,} of {block.total:,} items failed, {borne}{tail}"
        draft.finish(node.slot, letters.FAILED, TOO_MANY_FAILED, message)
    elif left and wish.stops and (wish.terminates or not node.in_finally):
        message = f"stopped: {wish.message}; {known.done:,} of {block.total:,} items had ended"
        draft.finish(node.slot, letters.CANCELLED, wish.reason, message)
    elif left and draft.graph.spec.fail_fast and draft.tally.failures:
        message = f"nothing new starts after a failure; {known.done:,} of {block.total:,} items had ended"
        draft.finish(node.slot, letters.SKIPPED, "FailFast", message)
    elif left:
        message = f"{left:,} of {block.total:,} items did not run{tail}"
        draft.finish(node.slot, letters.FAILED, "ItemsLost", message)
    else:
        message = f"{failed:,} of {block.total:,} items failed, which is borne{tail}" if failed else ""
        draft.finish(node.slot, letters.SUCCEEDED, "ItemsFailed" if failed else "", message)
