"""How large a run's status may become: a FlowRun stays below 128 KiB whatever happens to it, and people can read it.

Everything here is an upper bound that holds at every later moment, so that what could not be kept is refused before
its first Job. Nothing here knows what a run does now.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.engine import blocks, rules
from tidegate.engine import ledger as letters
from tidegate.engine.findings import Finding
from tidegate.engine.graph import Graph, Node
from tidegate.engine.ledger import Block, Ledger
from tidegate.engine.outputs import MAX_MESSAGE
from tidegate.engine.sizes import size_of, within
from tidegate.engine.stored import MAX_BYTES

FLOWRUN = 128 * 1024
MOST_STATUS = 48_000
"""Bytes of status without its ledger; params are among them."""
OWN = 6_000
"""Bytes of a FlowRun that are neither status nor params: names, labels, owners, who manages which field."""
MOST_KEY = 253
"""Bytes of a concurrency key: it stands in the status of the run, and beside each live run in that of the Flow."""

ROW = 38
"""Bytes of the budgets of a slot that is live or tried again."""
_TASK, _PART = 6, 4
"""Bytes of a slot: its letter and the number of its attempt; tasks may repeat thousands of times."""
_DUE, _BLOCK, _NAME, _NUMBER, _DIGEST = 24, 180, 64, 5, 12
_ROOM_IN_MAP = MAX_BYTES - 64 * 1024
_FEW = 20
"""Slots that must be able to be live at a time, at least."""


def most_ledger(params: Mapping[str, Any]) -> int:
    """Give the bytes that the ledger of a run may take."""
    return FLOWRUN - OWN - MOST_STATUS - size_of(params)


def spare(graph: Graph, params: Mapping[str, Any]) -> int:
    """Give the bytes that the tasks themselves leave in a run's ledger; the same for its whole life."""
    return most_ledger(params) - of_graph(graph)


def of_parts(graph: Graph, ledger: Ledger) -> int:
    """Give the bytes that the fan-outs in a ledger may grow to, but for budgets of slots that are live."""
    parts = len(ledger.slots) - len(graph.nodes)
    return parts * _PART + sum(_of_block(graph, ledger, block) for block in ledger.blocks)


def of_graph(graph: Graph) -> int:
    """Give the bytes that the ledger of a run takes before it knows any list, at most."""
    early = _maybe_early(graph)
    return sum(_TASK + _of_node(graph, node, is_early=node.slot in early) for node in graph.nodes)


def of_new(graph: Graph, block: Block) -> int:
    """Give the bytes that a fan-out adds."""
    return block.count * _PART + _of_live(graph, block)


def problem_of(graph: Graph, params: Mapping[str, Any]) -> str:
    """Say why no run with these params could be kept; empty when it can."""
    needed, most = of_graph(graph) + _FEW * ROW, most_ledger(params)
    if needed <= most:
        return ""
    taken = size_of(params)
    rest = f", {taken:,} bytes being taken by its params" if taken > 100 else ""
    return (
        f"the record of a run would take up to {needed:,} bytes of its status, and has {most:,}{rest}: divide the Flow "
        "into several that call each other, with fewer tasks that wait or that read others before these have ended"
    )


def check(graph: Graph) -> list[Finding]:
    """Find that no run of a Flow could be kept, whatever its params."""
    problem = problem_of(graph, {})
    return [Finding(("spec", "tasks"), problem)] if problem else []


def problem_of_key(key: str) -> str:
    """Say why a concurrency key cannot be kept; empty when it can."""
    size = size_of(key) - 2
    if size <= MOST_KEY:
        return ""
    start = within(key, 40)
    return (
        f'concurrency.key gave {size:,} bytes, "{start}"; at most {MOST_KEY} are allowed: a name or a number is enough'
    )


def has_room_for(graph: Graph, ledger: Ledger, block: Block, params: Mapping[str, Any]) -> bool:
    """Whether a fan-out may begin."""
    return of_parts(graph, ledger) + of_new(graph, block) + _FEW * ROW <= spare(graph, params)


def _of_block(graph: Graph, ledger: Ledger, block: Block) -> int:
    if ledger.slots[graph.slots[block.task]] == letters.FANNED and block.total:
        return _of_live(graph, block)
    return _BLOCK + _NAME * (len(block.items) + len(block.results)) + len(block.failed)


def _of_live(graph: Graph, block: Block) -> int:
    """Give what a live block may grow to: the names of its outputs, its failures, its child runs that are held up."""
    node = graph.nodes[graph.slots[block.task]]
    if node.task.flow is not None:
        return _BLOCK + block.count * _DUE
    if not blocks.is_indexed(node):
        return _BLOCK + _NAME * len(block.items)
    maps = -(-block.size * (MAX_MESSAGE + 8) // _ROOM_IN_MAP)
    return _BLOCK + _NAME * block.count * (1 + maps) + block.total // 4 + 32


def _of_node(graph: Graph, node: Node, *, is_early: bool) -> int:
    task, size = node.task, 0
    if task.flow is not None or task.wait is not None:
        size += _DUE
    if task.approval is not None:
        size += _DUE * (task.approval.timeout_seconds is not None)
        size += _DIGEST * (2 + (graph.spec.retry.limit if graph.spec.retry else 0))
    return size + (_NUMBER * (2 + len(node.reads)) if is_early and node.reads else 0)


def _maybe_early(graph: Graph) -> set[int]:
    """Give the tasks that may begin before all they name have ended: what they did not see is recorded."""
    early: set[int] = set()
    for slot in graph.order:
        node = graph.nodes[slot]
        if node.task.run_when in rules.EARLY or not early.isdisjoint(node.needs):
            early.add(slot)
    return early
