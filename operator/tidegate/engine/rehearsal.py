"""A run played through on paper: the production `decide`, answered by assumed outcomes instead of a cluster."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tidegate.engine import ledger as letters
from tidegate.engine import objects
from tidegate.engine import state as states
from tidegate.engine.actions import LookAt, Share, StartChild, StartJob, StopJob
from tidegate.engine.conclusion import Outcome
from tidegate.engine.expressions import compile_expression
from tidegate.engine.facts import (
    ApprovalFact,
    Attempt,
    ChildFact,
    Confirmed,
    Facts,
    JobFact,
    JobState,
    ObjectFact,
    PodFact,
)
from tidegate.engine.graph import Graph
from tidegate.engine.intervals import span, text_of
from tidegate.engine.plan import Plan, decide
from tidegate.engine.records import Record
from tidegate.engine.run import Run
from tidegate.engine.telling import STATES

SECONDS = 60
"""How long each attempt is assumed to take: the shortest unit in which people think of a flow."""

_MAX_STEPS = 100_000
_TRUE = compile_expression("true", {"object": "dyn"})


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed of tasks, by name: those that fail (with each attempt), and what they write.

    Approvals are given, with their outputs as params, unless they are among `failed` (rejected) or `undecided`; what
    `wait.for` waits for is as it should be after a while, unless the task is among `undecided`.
    """

    failed: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What would become of one task. `began` are the seconds from the run's beginning, None when it never ran."""

    task: str
    state: str
    attempts: int
    began: float | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a run would go: its tasks in the Flow's order, and its end; None when it would wait for somebody."""

    tasks: tuple[Told, ...]
    outcome: Outcome | None
    seconds: float
    why: str


def rehearse(graph: Graph, run: Run, assumed: Assumed, desired: str = "Running") -> Rehearsal:
    """Play a run through; each attempt takes `SECONDS`."""
    stage = _Stage(_with_objects(graph), run, assumed, run.created, desired)
    for _ in range(_MAX_STEPS):
        plan = stage.step()
        if plan.outcome is not None or not stage.has_more(plan):
            return stage.told(plan)
    raise RuntimeError(f"a rehearsal of {len(graph.nodes)} tasks did not end within {_MAX_STEPS:,} steps")


def _with_objects(graph: Graph) -> Graph:
    """Give the graph with every `wait.for.when` as true: whether the object is so, is assumed and not computed."""
    nodes = (replace(n, inputs={**n.inputs, "when": _TRUE}) if "when" in n.inputs else n for n in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


@dataclass(slots=True)
class _Stage:
    graph: Graph
    run: Run
    assumed: Assumed
    now: float
    desired: str
    state: states.State | None = None
    jobs: dict[Attempt, JobFact] = field(default_factory=dict)
    pods: dict[Attempt, tuple[PodFact, ...]] = field(default_factory=dict)
    children: dict[Attempt, ChildFact] = field(default_factory=dict)
    objects: dict[int, ObjectFact] = field(default_factory=dict)
    confirmed: dict[Attempt, frozenset[Confirmed]] = field(default_factory=dict)
    began: dict[int, float] = field(default_factory=dict)
    news: set[int] = field(default_factory=set)

    def step(self) -> Plan:
        """Decide once on what has happened since."""
        facts = Facts(
            self.desired,
            self.jobs,
            self.pods,
            self.confirmed,
            alive=set(),
            changed=frozenset(self.news),
            approvals=self._decisions(),
            children=self.children,
            objects=self.objects,
        )
        self.news.clear()
        state = self.state or states.fresh(self.graph)
        plan = decide(self.graph, self.run, state, facts, self.now, first=self.state is None)
        self.state = plan.state
        return plan

    def _decisions(self) -> dict[str, tuple[ApprovalFact, ...]]:
        """Give a decision for each approval that waits for one."""
        waiting = [self.graph.nodes[slot] for slot in self.graph.inline if self._waits(slot)]
        return {node.name: (self._decision(node.name),) for node in waiting if node.name not in self.assumed.undecided}

    def _waits(self, slot: int) -> bool:
        is_waiting = self.state is not None and self.state.ledger.slots[slot] == letters.WAITING
        return is_waiting and self.graph.nodes[slot].task.approval is not None

    def _decision(self, task: str) -> ApprovalFact:
        params = self.assumed.outputs.get(task, {})
        return ApprovalFact(task, task, 0, task not in self.assumed.failed, "somebody", "", params)

    def has_more(self, plan: Plan) -> bool:
        """Let happen what the plan says, or let time pass; say whether anything can still change."""
        acted = [self._answer(action) for action in plan.actions]
        if any(acted) or self._decisions():
            self.now += SECONDS
        elif plan.wake_at is not None and plan.wake_at > self.now:
            self.now = plan.wake_at
        else:
            return plan.deciding
        return True

    def _answer(self, action: object) -> bool:
        match action:
            case StartJob(attempt=attempt, task=task, share=share):
                self.began.setdefault(self.graph.slots[task], self.now - self.run.created)
                self._end(attempt, task, share)
            case StartChild(attempt=attempt, task=task):
                self.began.setdefault(self.graph.slots[task], self.now - self.run.created)
                self._end_child(attempt, task)
            case LookAt(attempt=attempt) if attempt[0] not in self.objects:
                self.objects[attempt[0]] = self._object(attempt[0], objects.told(action))
            case StopJob(attempt=attempt):
                self.confirmed[attempt] = frozenset({Confirmed.STOPPED})
            case _:
                return False
        self.news.add(action.attempt[0])
        return True

    def _end(self, attempt: Attempt, task: str, share: Share | None) -> None:
        """Let an attempt end as is assumed of its task."""
        uid, end = f"{attempt[0]}/{attempt[1]}", self.now + SECONDS
        fails = task in self.assumed.failed
        told: dict[str, Any] = (
            {"exit_code": 1, "reason": "Error"} if fails else {"exit_code": 0, "output": self._output(task)}
        )
        pod = PodFact(task, uid, uid, attempt, alive=False, clean=not fails, started=self.now, finished=end)
        state = JobState.FAILED if fails else JobState.COMPLETE
        count = share.count if share is not None else 1
        done, failed = ("", text_of(span(0, count))) if fails else (text_of(span(0, count)), "")
        self.jobs[attempt] = JobFact(task, uid, attempt, state, self.now, end, completed=done, failed=failed)
        self.pods[attempt] = tuple(replace(pod, index=index, **told) for index in range(count))

    def _end_child(self, attempt: Attempt, task: str) -> None:
        """Let a child run end as is assumed of its task."""
        fails, end = task in self.assumed.failed, self.now + SECONDS
        reason, outputs = "TaskFailed" if fails else "Completed", self.assumed.outputs.get(task, {})
        child = ChildFact("its child run", f"{attempt}", attempt, self.now, started=self.now, finished=end)
        self.children[attempt] = replace(child, succeeded=not fails, reason=reason, outputs=outputs)

    def _object(self, slot: int, name: str) -> ObjectFact:
        """Give the object that a task waits for, as is assumed of it."""
        wait = self.graph.nodes[slot].task.wait
        assert wait is not None and wait.for_ is not None  # noqa: S101, PT018  only such tasks look at objects
        if self.graph.nodes[slot].name in self.assumed.undecided:
            return ObjectFact(None, objects.NOT_YET, f"{name} is assumed not to become as it should be")
        return ObjectFact({"status": {"conditions": [{"type": wait.for_.condition, "status": "True"}]}})

    def _output(self, task: str) -> str | None:
        written = self.assumed.outputs.get(task)
        return json.dumps(dict(written)) if written is not None else None

    def told(self, plan: Plan) -> Rehearsal:
        """Tell of all tasks, also of those that have no row in the status of a large run."""
        names = [STATES[letter] for letter in plan.state.ledger.slots]
        tasks = []
        for node in self.graph.nodes:
            record = plan.state.records.get(node.slot, Record())
            attempts = plan.state.ledger.attempts[node.slot]
            began = self.began.get(node.slot)
            tasks.append(Told(node.name, names[node.slot], attempts, began, record.reason, record.message))
        return Rehearsal(tuple(tasks), plan.outcome, self.now - self.run.created, str(plan.status.get("why", "")))
