"""The state of a run between two steps, and its form in status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.api.conditions import instant_of
from tidegate.engine.graph import Graph
from tidegate.engine.ledger import Ledger
from tidegate.engine.records import Record, parse_rows


@dataclass(frozen=True, slots=True)
class State:
    """All that is remembered of a run. `outputs` has every task's; those not `inline` lie in the ConfigMaps `refs`."""

    ledger: Ledger
    records: Mapping[int, Record] = field(default_factory=dict)
    outputs: Mapping[int, dict[str, Any]] = field(default_factory=dict)
    inline: frozenset[int] = frozenset()
    refs: tuple[str, ...] = ()
    started: float | None = None
    completed: float | None = None
    conditions: tuple[Mapping[str, Any], ...] = ()
    run_outputs: Mapping[str, Any] | None = None


def fresh(graph: Graph) -> State:
    """Give the state of a run of which nothing has started."""
    return State(Ledger.fresh(len(graph.nodes)))


def parse(status: Mapping[str, Any], graph: Graph, spilled: Mapping[str, Any]) -> State:
    """Read a run's status; `spilled` has the outputs, by task, of the ConfigMaps that `outputRefs` name.

    Raises:
        ValueError: the ledger does not belong to the graph.
    """
    ledger = Ledger.parse(status["ledger"])
    if len(ledger.slots) != len(graph.nodes):
        raise ValueError(f"the ledger has {len(ledger.slots)} slots, the revision {len(graph.nodes)} tasks")
    inline = status.get("outputs") or {}
    return State(
        ledger=ledger,
        records=parse_rows(status.get("tasks") or (), graph.slots),
        outputs={graph.slots[name]: value for name, value in {**spilled, **inline}.items() if name in graph.slots},
        inline=frozenset(graph.slots[name] for name in inline if name in graph.slots),
        refs=tuple(status.get("outputRefs") or ()),
        started=instant_of(status.get("startTime")),
        completed=instant_of(status.get("completionTime")),
        conditions=tuple(status.get("conditions") or ()),
        run_outputs=status.get("runOutputs"),
    )
