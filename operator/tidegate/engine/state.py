"""The state of a run between two steps, and its form in status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.api.conditions import instant_of
from tidegate.engine import blocks, joining, spilling
from tidegate.engine.graph import Graph
from tidegate.engine.ledger import Ledger
from tidegate.engine.part import Items, Part
from tidegate.engine.records import Record, parse_rows
from tidegate.engine.tally import Tally
from tidegate.engine.wishes import Stop


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept between two steps only to be fast; all of it follows from the rest of the state.

    `retain_at` is when retention must look at all Jobs again; `starts` are the instants at which attempts that do not
    run yet are given up; `rows` are those of the last status, by slot, with what they were made of.
    Of fan-outs: `lists` are their items and `ended_items` what became of them, by the task's slot, `chunks` what was
    seen of live chunks. `spare` are the bytes that the tasks leave in the ledger.
    """

    tally: Tally
    spare: int
    retain_at: float | None = None
    starts: Mapping[int, float] = field(default_factory=dict)
    rows: Mapping[int, tuple[Any, dict[str, Any], int]] = field(default_factory=dict)
    lists: Mapping[int, list[Any]] = field(default_factory=dict)
    ended_items: Mapping[int, Items] = field(default_factory=dict)
    parts: Mapping[int, Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """All that is remembered of a run. `outputs` has every task's, also of fan-outs every slot's.

    Those `inline` are in status, those of `refs` in ConfigMaps, by name; those of chunks are named by the ledger.
    `admitted` is when the run was given its place within its Flow's limit, `key` the concurrency key; `run_attempt`
    counts the attempts of the whole run, and `retry_at` is when the next is due.
    """

    ledger: Ledger
    records: Mapping[int, Record] = field(default_factory=dict)
    outputs: Mapping[int, Any] = field(default_factory=dict)
    inline: frozenset[int] = frozenset()
    refs: Mapping[str, frozenset[int]] = field(default_factory=dict)
    admitted: float | None = None
    key: str | None = None
    stop: Stop | None = None
    run_attempt: int = 1
    retry_at: float | None = None
    started: float | None = None
    completed: float | None = None
    conditions: tuple[Mapping[str, Any], ...] = ()
    run_outputs: Mapping[str, Any] | None = None
    memory: Memory | None = field(default=None, compare=False)


def fresh(graph: Graph, *, admitted: float | None = None, key: str | None = None) -> State:
    """Give the state of a run of which nothing has started."""
    return State(Ledger.fresh(len(graph.nodes)), admitted=admitted, key=key)


def names_in(status: Mapping[str, Any]) -> list[str]:
    """Give the names of all ConfigMaps whose data `parse` needs; none for a run that has not started."""
    results = [name for row in (status.get("ledger") or {}).get("blocks") or () for name in row.get("results") or ()]
    return [*(status.get("outputRefs") or ()), *results]


def parse(status: Mapping[str, Any], graph: Graph, stored: Mapping[str, Mapping[str, str]]) -> State:
    """Read a run's status; `stored` has the data of the ConfigMaps of `names_in`, by name.

    Raises:
        ValueError: the ledger does not belong to the graph.
    """
    ledger = Ledger.parse(status["ledger"])
    expected = len(graph.nodes) + sum(block.count for block in ledger.blocks)
    if len(ledger.slots) != expected:
        raise ValueError(f"the ledger has {len(ledger.slots)} slots, the revision and its fan-outs {expected}")
    inline = _by_slot(graph, ledger, status.get("outputs") or {})
    spilled = {name: _by_slot(graph, ledger, spilling.read(stored[name])) for name in status.get("outputRefs") or ()}
    outputs: dict[int, Any] = {}
    for part in (*spilled.values(), inline):
        outputs |= part
    return State(
        ledger=ledger,
        records=parse_rows(status.get("tasks") or (), graph.slots),
        outputs=joining.restored(graph, ledger, outputs, stored),
        inline=frozenset(inline),
        refs={name: frozenset(part) for name, part in spilled.items()},
        admitted=instant_of(status.get("admittedTime")),
        key=status["frozen"].get("key"),
        stop=Stop.parse(status.get("stop")),
        run_attempt=status.get("attempt") or 1,
        retry_at=instant_of(status.get("nextAttemptTime")),
        started=instant_of(status.get("startTime")),
        completed=instant_of(status.get("completionTime")),
        conditions=tuple(status.get("conditions") or ()),
        run_outputs=status.get("runOutputs"),
    )


def _by_slot(graph: Graph, ledger: Ledger, named: Mapping[str, Any]) -> dict[int, Any]:
    slots = {name: blocks.slot_named(graph, ledger, name) for name in named}
    return {slot: named[name] for name, slot in slots.items() if slot is not None}
