"""The draft of one step: what `decide` changes while its policies look at it one after another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.engine import blocks
from tidegate.engine import ledger as letters
from tidegate.engine.actions import Action, Happening
from tidegate.engine.facts import Attempt, Facts
from tidegate.engine.graph import Graph, Node
from tidegate.engine.ledger import FINAL, Ledger
from tidegate.engine.params import context as params_context
from tidegate.engine.part import Items, Part
from tidegate.engine.records import Record, told_of
from tidegate.engine.run import Run
from tidegate.engine.stored import Stored
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

    `moved` are slots that got another letter in this step; `finished` are tasks that became final in this step and
    whose dependants were not looked at yet; `ready` those that may start when there is a place; `looked_for` those that
    this step looks up in the cache; `settled` fan-outs of which items ended without having run; `starts` the instants
    at which attempts that do not run yet are given up. `stores` must be stored before status names it. Of fan-outs, by
    the task's slot: `lists` are their items, `ended_items` what became of those whose slots are final; `parts` has what
    was last seen of live parts, and `known` and `running`, while the step lasts, what follows from both. `spare` are
    the bytes that the tasks leave in the ledger.
    """

    graph: Graph
    run: Run
    facts: Facts
    now: float
    ledger: Ledger
    records: dict[int, Record]
    outputs: dict[int, Any]
    tally: Tally
    spare: int
    refs: Mapping[str, frozenset[int]] = field(default_factory=dict)
    stop: Stop | None = None
    run_attempt: int = 1
    retry_at: float | None = None
    starts: dict[int, float] = field(default_factory=dict)
    lists: dict[int, list[Any]] = field(default_factory=dict)
    ended_items: dict[int, Items] = field(default_factory=dict)
    parts: dict[int, Part] = field(default_factory=dict)
    known: dict[int, Items] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    stores: list[Stored] = field(default_factory=list)
    fresh_outputs: set[int] = field(default_factory=set)
    lost_outputs: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)
    finished: list[int] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    looked_for: set[int] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)
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

    def has(self, slot: int) -> bool:
        """Whether the ledger has such a slot."""
        return slot < len(self.ledger.slots)

    def is_task(self, slot: int) -> bool:
        """Whether the slot is that of a task, not of a part of a fan-out."""
        return slot < len(self.graph.nodes)

    def is_chunk(self, slot: int) -> bool:
        """Whether the slot is that of a chunk of items."""
        return not self.is_task(slot) and blocks.is_indexed(self.node(slot))

    def node(self, slot: int) -> Node:
        """Give the task that the slot works for."""
        return blocks.node_of(self.graph, self.ledger, slot)

    def size(self, slot: int) -> int:
        """Give how many items a slot of a fan-out works on."""
        return len(blocks.items_in(blocks.block_at(self.ledger, slot), slot))

    def label(self, slot: int) -> str:
        """Give the name by which people know the slot."""
        return blocks.label(self.graph, self.ledger, slot)

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
        """Give the slot another letter; only an attempt that is named can be given up because it does not start."""
        self.ledger.slots[slot] = letter
        self.moved.add(slot)
        if letter not in (letters.INTENT, letters.OBSERVED):
            self.starts.pop(slot, None)

    def finish(self, slot: int, letter: int, reason: str = "", message: str = "", at: float | None = None) -> None:
        """End the task for good."""
        self.move(slot, letter)
        before = self.record(slot).told(reason, message)
        self.records[slot] = Record(before.reason, before.message, before.started, at if at is not None else self.now)
        self.ledger.unseen.pop(slot, None)
        if self.is_task(slot):
            self._task_ended(slot, letter, reason)
        else:
            self._part_ended(slot, letter)

    def lose_outputs(self, slot: int) -> None:
        """Forget what the slot gave in an earlier attempt of the whole run."""
        if self.outputs.pop(slot, None) is not None:
            self.lost_outputs.add(slot)
            self.fresh_outputs.discard(slot)

    def _task_ended(self, slot: int, letter: int, reason: str) -> None:
        self.ledger.extra.pop(slot, None)
        self.tally.count(self.graph, slot, letter)
        self.finished.append(slot)
        name, message = self.graph.nodes[slot].name, self.record(slot).message
        self.ended.append(Ended(name, STATE_NAMES[letter], reason))
        if letter == letters.FAILED:
            text = f"task {name} failed: {reason}{': ' + message if message else ''}"
            self.happenings.append(Happening(True, "TaskFailed", text))

    def _part_ended(self, slot: int, letter: int) -> None:
        """Take in that an item, or a chunk of items, became final; its task is looked at later in the step."""
        self.see_part(slot, None)
        self.ledger.extra.pop(slot, None)
        if letter == letters.FAILED:
            record, message = self.record(slot), self.record(slot).message
            if not self.is_chunk(slot):
                message = told_of(slot - blocks.block_at(self.ledger, slot).first, record.reason, message)
            self.tell_failure(slot, record.reason, message)

    def tell_failure(self, slot: int, reason: str, message: str) -> None:
        """Keep of the first item that failed, why; and tell of it."""
        node = self.node(slot)
        if not self.record(node.slot).reason:
            self.tell(node.slot, reason, message)
            self.happenings.append(Happening(True, "ItemFailed", f"task {node.name}, {message}"))

    def store_again(self) -> None:
        """Have all outputs that are kept by task stored anew: what was stored may tell of an earlier attempt."""
        self.refs = {}
        self.fresh_outputs |= {slot for slot in self.outputs if self._is_kept_by_name(slot)}

    def _is_kept_by_name(self, slot: int) -> bool:
        if self.is_task(slot):
            return self.graph.nodes[slot].task.for_each is None
        return not self.is_chunk(slot)

    def see_part(self, slot: int, part: Part | None) -> None:
        """Take in how far a live part of a fan-out is; None when it lives no more."""
        node = self.node(slot)
        self.known.pop(node.slot, None)
        self.running.pop(node.name, None)
        if part is None:
            self.parts.pop(slot, None)
        else:
            self.parts[slot] = part

    def take_items(self, slot: int, succeeded: int, failed: int) -> None:
        """Count the items of a chunk that ended."""
        node = self.node(slot)
        self.known.pop(node.slot, None)
        before = self.ended_items.get(node.slot)
        if before is not None:
            self.ended_items[node.slot] = Items(before.succeeded | succeeded, before.failed | failed)

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


_NOTHING = Record()
