"""What a rerun takes over from the run it does again: everything that went well, and whose needs did, too.

A skip that was decided on needs which are taken over is taken over as well: it would be decided the same again.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tidegate.engine import blocks, joining, spilling
from tidegate.engine import ledger as letters
from tidegate.engine import state as states
from tidegate.engine.findings import nearest
from tidegate.engine.graph import Graph, Node
from tidegate.engine.joining import Gathered
from tidegate.engine.ledger import FINAL, GOOD, Block, Ledger
from tidegate.engine.records import Record
from tidegate.engine.run import Run
from tidegate.engine.state import State
from tidegate.engine.stored import Stored, compact, stored

REASON = "Reused"
KEY = "reuse.json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a run is to be done again: `tasks` are where the mode From begins."""

    of: str
    mode: str = "Failed"
    tasks: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Wanted":
        """Read `spec.rerun`."""
        return cls(data["of"], data.get("mode") or "Failed", tuple(data.get("tasks") or ()))


def shape_of(wanted: Wanted) -> str:
    """Say what is wrong with what is wanted, whatever the run was; empty when it is right."""
    if wanted.mode != "From":
        return f"mode {wanted.mode} takes no tasks; mode From begins at tasks" if wanted.tasks else ""
    return "" if wanted.tasks else "mode From needs tasks: where it begins"


def problem_of(graph: Graph, wanted: Wanted) -> str:
    """Say what is wrong with what is wanted of a run of this graph; empty when it is right."""
    problem = shape_of(wanted)
    if problem:
        return problem
    for name in wanted.tasks:
        if name not in graph.slots:
            return f'run {wanted.of} has no task "{name}"{nearest(name, graph.slots)}'
        if graph.nodes[graph.slots[name]].in_finally:
            return f'"{name}" is a task of finally: those run in every rerun'
    return ""


def kept(graph: Graph, state: State, wanted: Wanted) -> list[int]:
    """Give the tasks that are taken over, in order; never those of `finally`."""
    done_again = again(graph, state, wanted)
    return [slot for slot in range(len(graph.nodes)) if slot not in done_again]


def again(graph: Graph, state: State, wanted: Wanted) -> dict[int, str]:
    """Give the tasks that are not taken over, and why."""
    begin = {graph.slots[name] for name in wanted.tasks}
    found: dict[int, str] = {}
    for slot in graph.order:
        node = graph.nodes[slot]
        why = _why_again(graph, state, wanted, node) or ("the rerun begins at it" if slot in begin else "")
        first = next((need for need in node.needs if need in found), None)
        if not why and first is not None:
            why = f"it needs {graph.nodes[first].name}, which is done again"
        if why:
            found[slot] = why
    return found


def taken_over(graph: Graph, run: Run, old: State, keep: Collection[int]) -> tuple[Stored, ...]:
    """Give all that must be stored for a new run to begin where these tasks have ended; the first is its beginning."""
    ledger, stores = Ledger.fresh(len(graph.nodes)), list[Stored]()
    outputs: dict[int, Any] = {}
    for slot in keep:
        ledger.slots[slot] = letters.SUCCEEDED if old.ledger.slots[slot] in GOOD else letters.SKIPPED
        node = graph.nodes[slot]
        if node.task.for_each is None:
            outputs |= {slot: old.outputs[slot]} if slot in old.outputs else {}
        else:
            given, more = _fan_out(run, ledger, old, node)
            outputs |= given
            stores += more
    refs, spilled = spilling.store(run, "reused", sorted(outputs), outputs, partial(blocks.label, graph, ledger))
    beginning = {"ledger": ledger.dump(), "outputRefs": list(refs)}
    return (stored(run, "reuse", {KEY: compact(beginning)}), *stores, *spilled)


def names_in(reuse: Mapping[str, str]) -> list[str]:
    """Give the names of the further ConfigMaps that `beginning` needs, from the data of the first."""
    return states.names_in(json.loads(reuse[KEY]))


def beginning(graph: Graph, of: str, reuse: Mapping[str, str], data: Mapping[str, Mapping[str, str]]) -> State:
    """Give the state in which a run begins that takes over what run `of` did.

    Raises:
        ValueError: that does not belong to the graph.
    """
    state = states.parse({"frozen": {}, **json.loads(reuse[KEY])}, graph, data)
    taken = [slot for slot in range(len(graph.nodes)) if state.ledger.slots[slot] in FINAL]
    return replace(state, records={slot: Record(REASON, f"as in run {of}") for slot in taken})


def _why_again(graph: Graph, state: State, wanted: Wanted, node: Node) -> str:
    """Say why a task is done again whatever becomes of its needs; empty when it ended well, or was rightly skipped."""
    letter = state.ledger.slots[node.slot]
    if node.in_finally:
        return "tasks of finally run in every rerun"
    if wanted.mode == "All":
        return "everything is done again"
    if letter in GOOD:
        return ""
    if letter == letters.SKIPPED:  # with failFast a failure elsewhere may have been the reason
        return "it was skipped, and with failFast perhaps for a failure elsewhere" if graph.spec.fail_fast else ""
    return {letters.FAILED: "it failed", letters.BLOCKED: "it could not run"}.get(letter, "it was cancelled")


def _fan_out(run: Run, ledger: Ledger, old: State, node: Node) -> tuple[dict[int, Any], list[Stored]]:
    """Take over the block of a fan-out, behind what is there; give outputs by slot, and what chunks have stored."""
    block = blocks.block_of(old.ledger, node.name)
    if block is None:  # skipped, or an empty list
        return {}, []
    first, slots = len(ledger.slots), blocks.slots_of(block)
    ledger.slots += old.ledger.slots[block.first : block.first + block.count]
    ledger.attempts += [0] * block.count
    moved = {first + place: old.outputs[slot] for place, slot in enumerate(slots) if slot in old.outputs}
    stores = _chunks(run, ledger, moved) if blocks.is_indexed(node) else []
    results = tuple(content.name for content in stores)
    copied = Block(node.name, first, block.count, block.total, block.size, (), results, block.failed)
    ledger.blocks = (*ledger.blocks, copied)
    return ({} if blocks.is_indexed(node) else moved), stores


def _chunks(run: Run, ledger: Ledger, moved: Mapping[int, Sequence[Any]]) -> list[Stored]:
    found = (joining.store(run, slot, ledger.slots[slot], Gathered(list(items))) for slot, items in moved.items())
    return [content for contents in found for content in contents]
