"""What people read of a fan-out: its state, which items have ended how, and one sentence."""

import re
from typing import Any

from tidegate.engine import blocks, fanout, intervals
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node
from tidegate.engine.ledger import GOOD, Block

MOST_TEXT = 1024
"""Characters of the intervals of a row, succeeded and failed each."""

_GOOD = re.compile(b"[" + bytes(GOOD) + b"]+")
_FAILED = re.compile(b"F+")
_LIVE = letters.letters_of(b"IO")
_STOPPING = letters.letters_of(b"XY")


def state_of(draft: Draft, node: Node) -> str:
    """Give the state of a fan-out whose parts are not all final."""
    block = blocks.block_of(draft.ledger, node.name)
    if block is None:
        return "Running"
    if next(blocks.at(draft.ledger, block, _STOPPING), None) is not None:
        return "Stopping"
    if running(draft, block) or _done(draft, node, block):
        return "Running"
    return "Ready" if next(blocks.at(draft.ledger, block, _LIVE), None) is None else "Starting"


def running(draft: Draft, block: Block) -> int:
    """Count the pods that run."""
    if block.task not in draft.running:
        end = block.first + block.count
        live = (part.running for slot, part in draft.parts.items() if block.first <= slot < end)
        draft.running[block.task] = sum(live)
    return draft.running[block.task]


def trouble_of(draft: Draft, node: Node) -> tuple[str, str]:
    """Give why items do not run yet: reason and message of the first that says so."""
    block = blocks.block_of(draft.ledger, node.name)
    if block is None:
        return "", ""
    records = (draft.record(slot) for slot in blocks.at(draft.ledger, block, _LIVE))
    return next(((record.reason, record.message) for record in records if record.reason), ("", ""))


def sentence(draft: Draft, node: Node) -> str:
    """Tell how far a fan-out is."""
    block = blocks.block_of(draft.ledger, node.name)
    if block is None:
        return f"{node.name} is running"
    failed = fanout.failed_items(draft, node, block)
    told = f"{node.name}: {_done(draft, node, block):,} of {block.total:,} items done"
    told += f", {failed:,} failed" if failed else ""
    reason, message = trouble_of(draft, node) if not running(draft, block) else ("", "")
    return f"{told}, waits: {reason}: {message}" if reason else told


def key_of(draft: Draft, node: Node) -> Any:
    """Give what the numbers of a row are made of; while it is the same, they are."""
    block = blocks.block_of(draft.ledger, node.name)
    if block is None:
        return None
    if blocks.is_indexed(node):
        return fanout.known_items(draft, node), running(draft, block)
    return bytes(draft.ledger.slots[block.first : block.first + block.count]), running(draft, block)


def numbers(draft: Draft, node: Node) -> dict[str, Any]:
    """Give the numbers of a row; what is not there is left out."""
    block = blocks.block_of(draft.ledger, node.name)
    if block is None:
        return {}
    if blocks.is_indexed(node):
        known = fanout.known_items(draft, node)
        texts = {"succeeded": known.succeeded & ~known.failed, "failed": known.failed}
    else:
        slots = bytes(draft.ledger.slots[block.first : block.first + block.count])
        texts = {"succeeded": _mask(_GOOD, slots), "failed": _mask(_FAILED, slots)}
    told = {name: intervals.text_of(mask, MOST_TEXT) for name, mask in texts.items() if mask}
    count = running(draft, block)
    return {"total": block.total, **told, **({"running": count} if count else {})}


def _done(draft: Draft, node: Node, block: Block) -> int:
    if blocks.is_indexed(node):
        return fanout.known_items(draft, node).done
    slots = draft.ledger.slots[block.first : block.first + block.count]
    return sum(slots.count(letter) for letter in (*GOOD, letters.FAILED))


def _mask(pattern: re.Pattern[bytes], slots: bytes) -> int:
    return sum(intervals.span(*match.span()) for match in pattern.finditer(slots))
