"""The draft of one step: what `decide` changes while its policies look at it one after another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.engine import ledger as letters
from tidegate.engine.actions import Action, Happening
from tidegate.engine.facts import Attempt, Facts
from tidegate.engine.graph import Graph, Node
from tidegate.engine.ledger import FINAL, Ledger
from tidegate.engine.params import context as params_context
from tidegate.engine.records import Record
from tidegate.engine.run import Run

STATE_NAMES = {
    letters.SUCCEEDED: "Succeeded",
    letters.FAILED: "Failed",
    letters.SKIPPED: "Skipped",
    letters.BLOCKED: "Skipped",
    letters.CANCELLED: "Cancelled",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A task that reached its final state in this step, for metrics."""

    task: str
    state: str
    reason: str


@dataclass(slots=True)
class Draft:
    """The state of a run, being moved on. `outputs` and `records` are keyed by slot."""

    graph: Graph
    run: Run
    facts: Facts
    now: float
    ledger: Ledger
    records: dict[int, Record]
    outputs: dict[int, dict[str, Any]]
    actions: list[Action] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    disruptions: list[str] = field(default_factory=list)
    wake_at: float | None = None

    def letter(self, slot: int) -> int:
        """Give the slot's letter."""
        return self.ledger.slots[slot]

    def is_final(self, slot: int) -> bool:
        """Whether the slot's letter can never change again."""
        return self.ledger.slots[slot] in FINAL

    def attempt(self, slot: int) -> Attempt:
        """Give the identity of the slot's current attempt."""
        return slot, self.ledger.attempts[slot]

    def record(self, slot: int) -> Record:
        """Give what is told of the slot."""
        return self.records.get(slot, Record())

    def tell(self, slot: int, reason: str, message: str) -> None:
        """Say why the slot is where it is."""
        self.records[slot] = self.record(slot).told(reason, message)

    def move(self, slot: int, letter: int) -> None:
        """Give the slot another letter."""
        self.ledger.slots[slot] = letter

    def finish(self, slot: int, letter: int, reason: str = "", message: str = "", at: float | None = None) -> None:
        """End the task for good."""
        self.move(slot, letter)
        before = self.record(slot).told(reason, message)
        self.records[slot] = Record(before.reason, before.message, before.started, at if at is not None else self.now)
        if slot in self.ledger.extra:
            self.ledger.extra[slot].due = 0
        name = self.graph.nodes[slot].name
        self.ended.append(Ended(name, STATE_NAMES[letter], reason))
        if letter == letters.FAILED:
            text = f"task {name} failed: {reason}{': ' + before.message if before.message else ''}"
            self.happenings.append(Happening(True, "TaskFailed", text))

    def succeed(self, slot: int, outputs: Mapping[str, Any], at: float | None = None) -> None:
        """End the task as succeeded, with its outputs."""
        if outputs:
            self.outputs[slot] = dict(outputs)
        self.finish(slot, letters.SUCCEEDED, at=at)

    def wake(self, instant: float) -> None:
        """Ask to be called again at an instant at which time alone changes the answer."""
        if self.wake_at is None or instant < self.wake_at:
            self.wake_at = instant

    def context(self) -> dict[str, Any]:
        """Give what expressions see now."""
        return {
            "params": params_context(self.graph.spec.params, self.run.params),
            "run": self.run.context(),
            "tasks": TasksView(self),
        }

    def live_pods(self) -> int:
        """Count the pods that take a place in `parallelism`: named ones, and those not yet gone after their end."""
        named = sum(1 for letter in self.ledger.slots if letter in letters.LIVE)
        lingering = sum(
            1
            for attempt in self.facts.pods
            if attempt[0] < len(self.ledger.slots)
            and self.ledger.slots[attempt[0]] not in letters.LIVE
            and self.facts.has_live_pod(attempt)
        )
        return named + lingering


class TasksView(Mapping[str, Any]):
    """`tasks` as expressions see it: made when asked for, so that it costs nothing for the tasks nobody names."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self._view(self._draft.graph.nodes[self._draft.graph.slots[name]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._draft.graph.slots)

    def __len__(self) -> int:
        return len(self._draft.graph.nodes)

    def _view(self, node: Node) -> dict[str, Any]:
        """Give a final task with its outputs; any other reads as Pending, so that a value never changes later."""
        draft, slot = self._draft, node.slot
        if not draft.is_final(slot):
            return {"state": "Pending", "attempts": 0}
        view: dict[str, Any] = {"state": STATE_NAMES[draft.letter(slot)], "attempts": draft.ledger.attempts[slot]}
        if draft.letter(slot) == letters.SUCCEEDED:
            view["outputs"] = draft.outputs.get(slot, {})
        return view
