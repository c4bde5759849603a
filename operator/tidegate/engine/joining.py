"""Outputs of items: stored chunk by chunk, read back, and joined to one list in the order of the items.

An item without an output of its own has null in the list; one that wrote nothing has an empty object.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.engine import blocks
from tidegate.engine import ledger as letters
from tidegate.engine.graph import Graph
from tidegate.engine.ledger import FINAL, GOOD, Block, Ledger
from tidegate.engine.records import shortened
from tidegate.engine.retry import Failure
from tidegate.engine.run import Run
from tidegate.engine.stored import MAX_BYTES, Stored, compact, packed, stored

RESULTS_KEY = "results.json"
MOST_FAILURES = 50
"""Failures of a chunk that are told in full in its results."""

_ROOM = 64 * 1024


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a chunk's items came to: `outputs` one by one, and why some failed, by their place in the chunk."""

    outputs: list[dict[str, Any] | None]
    failures: Mapping[int, Failure] = field(default_factory=dict)


def store(run: Run, slot: int, letter: int, gathered: Gathered) -> list[Stored]:
    """Give what must be stored of a chunk that ends with this letter: nothing, when the letter says it all."""
    if gathered.outputs == _unsaid(letter, len(gathered.outputs)) and not gathered.failures:
        return []
    texts = [compact(output) for output in gathered.outputs]
    pieces = packed((len(text.encode()) + 1 for text in texts), MAX_BYTES - _ROOM)
    failures = {index: _told(failure) for index, failure in [*gathered.failures.items()][:MOST_FAILURES]}
    results = []
    for begin, end in pieces:
        head = compact({"slot": slot, "first": begin, "failures": {} if begin else failures})
        text = f'{head[:-1]},"outputs":[{",".join(texts[begin:end])}]}}'
        results.append(stored(run, "results", {RESULTS_KEY: text}))
    return results


def restored(
    graph: Graph, ledger: Ledger, outputs: Mapping[int, Any], data: Mapping[str, Mapping[str, str]]
) -> dict[int, Any]:
    """Give outputs with those of all chunks and the lists of all fan-outs that have ended.

    Args:
        graph: the run's Flow.
        ledger: its ledger.
        outputs: those of tasks and of items with a Job of their own, by slot.
        data: that of the ConfigMaps which the blocks name as results.
    """
    result = dict(outputs)
    for block in ledger.blocks:
        node = graph.nodes[graph.slots[block.task]]
        if blocks.block_of(ledger, block.task) is not block:
            continue
        if blocks.is_indexed(node):
            result |= _chunks(ledger, block, data)
        if ledger.slots[node.slot] in FINAL:
            result[node.slot] = joined(ledger, block, result, indexed=blocks.is_indexed(node))
    return result


def joined(ledger: Ledger, block: Block, outputs: Mapping[int, Any], *, indexed: bool) -> list[Any]:
    """Give the list of a fan-out's outputs."""
    everything: list[Any] = []
    for slot in blocks.slots_of(block):
        if indexed:
            everything += outputs.get(slot) or _unsaid(ledger.slots[slot], len(blocks.items_in(block, slot)))
        else:
            everything.append(outputs.get(slot, {}) if ledger.slots[slot] in GOOD else None)
    return everything


def _chunks(ledger: Ledger, block: Block, data: Mapping[str, Mapping[str, str]]) -> dict[int, Any]:
    pieces: dict[int, list[tuple[int, list[Any]]]] = defaultdict(list)
    for name in block.results:
        piece = json.loads(data[name][RESULTS_KEY])
        pieces[piece["slot"]].append((piece["first"], piece["outputs"]))
    return {slot: _in_order(pieces[slot]) for slot in pieces if ledger.slots[slot] in FINAL}


def _in_order(pieces: Iterable[tuple[int, list[Any]]]) -> list[Any]:
    return [output for _, outputs in sorted(pieces, key=lambda piece: piece[0]) for output in outputs]


def _unsaid(letter: int, count: int) -> list[Any]:
    """Give the outputs that are stored nowhere."""
    return [{} if letter == letters.SUCCEEDED else None] * count


def _told(failure: Failure) -> dict[str, Any]:
    told: dict[str, Any] = {"reason": failure.reason, "message": shortened(failure.message)}
    return told if failure.exit_code is None else {**told, "exitCode": failure.exit_code}
