"""What expressions see of tasks."""

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.engine import blocks
from tidegate.engine import ledger as letters
from tidegate.engine.graph import Graph, Node
from tidegate.engine.ledger import Ledger

STATE_NAMES = {
    letters.SUCCEEDED: "Succeeded",
    letters.CACHED: "Cached",
    letters.FAILED: "Failed",
    letters.SKIPPED: "Skipped",
    letters.BLOCKED: "Skipped",
    letters.CANCELLED: "Cancelled",
}
_UNKNOWN = {"state": "Pending", "attempts": 0, "succeeded": 0, "failed": 0}


class TasksView(Mapping[str, Any]):
    """`tasks` as expressions see it: made when asked for, so that it costs nothing for the tasks nobody names.

    A task that is not final, or is among `hidden`, reads as Pending without outputs: a value never changes later.
    """

    def __init__(self, graph: Graph, ledger: Ledger, outputs: Mapping[int, Any], hidden: frozenset[int]) -> None:
        self._graph, self._ledger, self._outputs, self._hidden = graph, ledger, outputs, hidden
        self._made: dict[str, dict[str, Any]] = {}

    def __getitem__(self, name: str) -> dict[str, Any]:
        if name not in self._made:
            self._made[name] = self._view(self._graph.nodes[self._graph.slots[name]])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._graph.slots)

    def __len__(self) -> int:
        return len(self._graph.nodes)

    def _view(self, node: Node) -> dict[str, Any]:
        slot, letter = node.slot, self._ledger.slots[node.slot]
        if letter not in letters.FINAL or slot in self._hidden:
            return dict(_UNKNOWN)
        view: dict[str, Any] = {
            "state": STATE_NAMES[letter],
            "attempts": self._ledger.attempts[slot],
            "succeeded": int(letter in letters.GOOD),
            "failed": int(letter == letters.FAILED),
        }
        if node.task.for_each is not None and letter in (*letters.GOOD, letters.FAILED):
            return view | self._of_items(node)
        if letter in letters.GOOD:
            view["outputs"] = self._outputs.get(slot, {})
        return view

    def _of_items(self, node: Node) -> dict[str, Any]:
        """Give what a fan-out has also when it failed: its list, and how many of its items ended how."""
        listed = self._outputs.get(node.slot, [])
        counts = {"succeeded": len(listed) - listed.count(None), "failed": blocks.failed_in(self._ledger, node.name)}
        return {"outputs": listed, **counts}
