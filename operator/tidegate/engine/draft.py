"""The draft of one step: what `decide` changes while its policies look at it one after another."""

from collections.abc import Mapping
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
from tidegate.engine.tally import Tally
from tidegate.engine.views import STATE_NAMES, TasksView
from tidegate.engine.wishes import Stop, Wish, wish_of


@dataclass(frozen=True, slots=True)
class Ended:
    """A task that reached its final state in this step, for metrics."""

    task: str
    state: str
    reason: str


@dataclass(slots=True)
class Draft:
    """The state of a run, being moved on. `outputs` and `records` are keyed by slot.

    `finished` are tasks that became final in this step and whose dependants were not looked at yet; `ready` those that
    may start when there is a place; `looked_for` those that this step looks up in the cache; `starts` the instants at
    which attempts that do not run yet are given up.
    """

    graph: Graph
    run: Run
    facts: Facts
    now: float
    ledger: Ledger
    records: dict[int, Record]
    outputs: dict[int, dict[str, Any]]
    tally: Tally
    stop: Stop | None = None
    run_attempt: int = 1
    retry_at: float | None = None
    starts: dict[int, float] = field(default_factory=dict)
    fresh_outputs: set[int] = field(default_factory=set)
    lost_outputs: set[int] = field(default_factory=set)
    finished: list[int] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    looked_for: set[int] = field(default_factory=set)
    actions: list[Action] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    disruptions: list[str] = field(default_factory=list)
    wake_at: float | None = None
    result_so_far: tuple[bool, str] | None = None
    _common: dict[str, Any] | None = None

    @property
    def wish(self) -> Wish:
        """What is wanted of the run."""
        return wish_of(self.facts.desired, self.stop)

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
        return self.records.get(slot, _NOTHING)

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
            self.ledger.note(slot, due=0)
        self.ledger.unseen.pop(slot, None)
        self.starts.pop(slot, None)
        self.tally.count(self.graph, slot, letter)
        self.finished.append(slot)
        name = self.graph.nodes[slot].name
        self.ended.append(Ended(name, STATE_NAMES[letter], reason))
        if letter == letters.FAILED:
            text = f"task {name} failed: {reason}{': ' + before.message if before.message else ''}"
            self.happenings.append(Happening(True, "TaskFailed", text))

    def succeed(
        self, slot: int, outputs: Mapping[str, Any], at: float | None = None, *, letter: int = letters.SUCCEEDED
    ) -> None:
        """End the task as succeeded, with its outputs."""
        if outputs:
            self.outputs[slot] = dict(outputs)
            self.fresh_outputs.add(slot)
        self.finish(slot, letter, at=at)

    def wake(self, instant: float) -> None:
        """Ask to be called again at an instant at which time alone changes the answer."""
        if self.wake_at is None or instant < self.wake_at:
            self.wake_at = instant

    def context(self, node: Node | None = None) -> dict[str, Any]:
        """Give what expressions see now: of a task, of one in `finally`, or (without a node) of the whole run."""
        if self._common is None:
            run = {**self.run.context(), "attempt": self.run_attempt}
            self._common = {"params": params_context(self.graph.spec.params, self.run.params), "run": run}
        hidden = self.ledger.unseen.get(node.slot) if node is not None else None
        context = {**self._common, "tasks": TasksView(self.graph, self.ledger, self.outputs, hidden or frozenset())}
        if (node is None or node.in_finally) and self.result_so_far is not None:
            failed, reason = self.result_so_far
            context["run"] = {**self._common["run"], "failed": failed, "reason": reason}
        return context

    def live_pods(self) -> int:
        """Count the pods that take a place in `parallelism`: named ones, and those not yet gone after their end."""
        slots = self.ledger.slots
        named = sum(slots.count(letter) for letter in letters.LIVE)
        lingering = sum(
            1 for slot, _ in self.facts.live_attempts() if slot < len(slots) and slots[slot] not in letters.LIVE
        )
        return named + lingering


_NOTHING = Record()
