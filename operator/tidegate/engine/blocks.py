"""The slots of fan-outs: behind those of the tasks each has a block, with a slot a chunk of its items, or an item."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tidegate.engine.graph import Graph, Node
from tidegate.engine.intervals import unpacked
from tidegate.engine.ledger import FAILED, Block, Ledger
from tidegate.engine.sharedpods import shares_pods

_NAMED = re.compile(r"(.+)\[(\d+)\]")


def block_at(ledger: Ledger, slot: int) -> Block:
    """Give the block that a slot behind the tasks' belongs to."""
    return ledger.blocks[bisect_right(ledger.blocks, slot, key=lambda block: block.first) - 1]


def block_of(ledger: Ledger, task: str) -> Block | None:
    """Give the block of a task; None when it has none, or one of an earlier attempt of the whole run."""
    return next((block for block in reversed(ledger.blocks) if block.task == task and block.total), None)


def node_of(graph: Graph, ledger: Ledger, slot: int) -> Node:
    """Give the task that a slot works for."""
    if slot < len(graph.nodes):
        return graph.nodes[slot]
    return graph.nodes[graph.slots[block_at(ledger, slot).task]]


def is_indexed(node: Node) -> bool:
    """Whether the task's items share Indexed Jobs."""
    return shares_pods(node.task)


def is_fan_out(node: Node) -> bool:
    """Whether the task runs once for each of its items."""
    return node.task.for_each is not None


def items_in(block: Block, slot: int) -> range:
    """Give the numbers of the items that a slot of the block works on."""
    first = (slot - block.first) * block.size
    return range(first, min(first + block.size, block.total))


def slots_of(block: Block) -> range:
    """Give the slots of a block."""
    return range(block.first, block.first + block.count)


def failed_in(ledger: Ledger, task: str) -> int:
    """Count the items of a fan-out that failed, of slots that are final."""
    block = block_of(ledger, task)
    if block is None:
        return 0
    if block.failed:
        return unpacked(block.failed).bit_count()
    return ledger.slots.count(FAILED, block.first, block.first + block.count) if block.size == 1 else 0


def at(ledger: Ledger, block: Block, pattern: re.Pattern[bytes]) -> Iterator[int]:
    """Give the slots of a block whose letter is in a pattern of `letters_of`; the ledger may change meanwhile."""
    part = bytes(ledger.slots[block.first : block.first + block.count])
    return (block.first + match.start() for match in pattern.finditer(part))


def retire(ledger: Ledger, task: str) -> range:
    """Let go of what an earlier attempt of the whole run left of a fan-out; give its slots, which stay taken."""
    old = block_of(ledger, task)
    if old is None:
        return range(0)
    change(ledger, old, total=0, items=(), results=(), failed="")
    return slots_of(old)


def change(ledger: Ledger, block: Block, **changes: Any) -> Block:
    """Put a changed block in the place of one of the ledger's."""
    changed = replace(block, **changes)
    ledger.blocks = tuple(changed if one.first == block.first else one for one in ledger.blocks)
    return changed


def label(graph: Graph, ledger: Ledger, slot: int) -> str:
    """Give the name by which people know a slot: `load`, or of fan-outs `load[7]`, `load[0-499]`."""
    if slot < len(graph.nodes):
        return graph.nodes[slot].name
    block = block_at(ledger, slot)
    items = items_in(block, slot)
    if not items:
        return f"{block.task}[of an earlier attempt]"
    return f"{block.task}[{items[0]}]" if len(items) == 1 else f"{block.task}[{items[0]}-{items[-1]}]"


def slot_named(graph: Graph, ledger: Ledger, name: str) -> int | None:
    """Give the slot of a task, or of an item by its `label`; None when there is none."""
    if name in graph.slots:
        return graph.slots[name]
    match = _NAMED.fullmatch(name)
    block = block_of(ledger, match[1]) if match else None
    if match is None or block is None or block.size > 1 or int(match[2]) >= block.count:
        return None
    return block.first + int(match[2])
