"""A run in a test's hands: give it facts, look at what is decided. Nothing here decides anything itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tidegate.api.flow import FlowSpec
from tidegate.api.flowrun import FlowRunStatus
from tidegate.engine import blocks
from tidegate.engine import state as states
from tidegate.engine.actions import ConfirmChild, ConfirmGone, StartChild, StartJob
from tidegate.engine.facts import (
    ApprovalFact,
    Attempt,
    CacheAnswer,
    ChildFact,
    Confirmed,
    Facts,
    JobFact,
    JobState,
    ObjectFact,
    PodFact,
    Rejection,
)
from tidegate.engine.graph import Graph, compile_flow
from tidegate.engine.plan import Plan, decide
from tidegate.engine.run import Run
from tidegate.engine.state import State

START = 1_764_000_000.0


def graph_of(*tasks: dict[str, Any], **spec: Any) -> Graph:
    """Compile a Flow that must be valid."""
    graph, found = compile_flow(FlowSpec.model_validate({"tasks": list(tasks), **spec}))
    assert graph is not None, found
    return graph


def pod(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    """Give a task with a container."""
    return {"name": name, "image": "busybox", "command": ["true"], "needs": list(needs), **more}


@dataclass
class Story:
    """One run, told step by step."""

    graph: Graph
    params: dict[str, Any] = field(default_factory=dict)
    now: float = START
    desired: str = "Running"
    jobs: dict[Attempt, JobFact] = field(default_factory=dict)
    pods: dict[Attempt, tuple[PodFact, ...]] = field(default_factory=dict)
    confirmed: dict[Attempt, frozenset[Confirmed]] = field(default_factory=dict)
    rejections: dict[Attempt, Rejection] = field(default_factory=dict)
    cached: dict[int, CacheAnswer] | None = None
    queue_words: dict[Attempt, str] = field(default_factory=dict)
    refused_pods: dict[Attempt, str] = field(default_factory=dict)
    objects: dict[int, ObjectFact] = field(default_factory=dict)
    approvals: dict[str, tuple[ApprovalFact, ...]] = field(default_factory=dict)
    children: dict[Attempt, ChildFact] = field(default_factory=dict)
    depth: int = 0
    root: str = ""
    stored: dict[str, Mapping[str, str]] = field(default_factory=dict)
    plan: Plan | None = None
    state: State | None = None
    _seen: Facts = field(default_factory=Facts)
    _asked: set[int] = field(default_factory=set)

    @property
    def run(self) -> Run:
        return Run("ns", "run", "uid-1", "flow", "flow-abc", START, self.params, depth=self.depth, root=self.root)

    def step(self, seconds: float = 0.0) -> Plan:
        """Let time pass and decide; the plan counts as written.

        It is decided twice: looking at everything, and only at what changed since the last step. Both must agree.
        """
        self.now += seconds
        first = self.state is None
        state = self.state or states.fresh(self.graph)
        facts = Facts(self.desired, dict(self.jobs), dict(self.pods), dict(self.confirmed), dict(self.rejections))
        facts = replace(facts, objects=dict(self.objects), approvals=dict(self.approvals), cached=self.cached)
        facts = replace(facts, queue_words=dict(self.queue_words), refused_pods=dict(self.refused_pods))
        facts = replace(facts, children=dict(self.children))
        whole = decide(self.graph, self.run, replace(state, memory=None), facts, self.now, first=first)
        news = replace(facts, changed=self._changed(facts))
        self.plan = decide(self.graph, self.run, state, news, self.now, first=first)
        assert self.plan.status == whole.status
        FlowRunStatus.model_validate(self.plan.status)  # a field that the CRD does not have would be lost
        assert self.plan.deciding == whole.deciding
        assert sorted(map(repr, self.plan.actions)) == sorted(map(repr, whole.actions))
        self._asked = {a.attempt[0] for a in self.plan.actions if isinstance(a, ConfirmGone | ConfirmChild)}
        self._seen, self.state = facts, self.plan.state
        self.stored |= {content.name: content.data for content in self.plan.stores}
        return self.plan

    def _changed(self, facts: Facts) -> frozenset[int]:
        """Give the slots of which something else is seen than at the last step, and those that were asked for."""
        changed = set(self._asked)
        seen = self._seen
        known = [(facts.jobs, seen.jobs), (facts.pods, seen.pods), (facts.queue_words, seen.queue_words)]
        known.append((facts.refused_pods, seen.refused_pods))
        for now, before in (*known, (facts.children, seen.children)):
            attempts = {*now, *before}
            changed |= {attempt[0] for attempt in attempts if now.get(attempt) != before.get(attempt)}
        slots = {*facts.objects, *self._seen.objects}
        changed |= {slot for slot in slots if facts.objects.get(slot) != self._seen.objects.get(slot)}
        return frozenset(changed)

    def reload(self) -> None:
        """Forget everything but status, as a new process does."""
        assert self.plan is not None
        status = {**self.plan.status}
        status = json.loads(json.dumps(status))
        self.state = states.parse(status, self.graph, {name: self.stored[name] for name in states.names_in(status)})
        self.confirmed, self.rejections, self.objects = {}, {}, {}

    @property
    def letters(self) -> str:
        assert self.state is not None
        return self.state.ledger.slots.decode()

    def started(self) -> list[tuple[str, int]]:
        """Give what this step starts anew: task (or part of a fan-out) and attempt."""
        return [(self.label(job.attempt[0]), job.attempt[1]) for job in self.jobs_started() if job.fresh]

    def jobs_started(self) -> list[StartJob]:
        """Give the Jobs that this step sees to."""
        assert self.plan is not None
        return [action for action in self.plan.actions if isinstance(action, StartJob)]

    def children_started(self) -> list[StartChild]:
        """Give the child runs that this step sees to."""
        assert self.plan is not None
        return [action for action in self.plan.actions if isinstance(action, StartChild)]

    def calls(self, task: str, **more: Any) -> None:
        """Let the task's child run be seen: it waits to be let in, unless more is said."""
        attempt = self.at(task)
        before = self.children.get(attempt) or ChildFact(f"child-{task}", f"cuid-{attempt}", attempt, self.now)
        self.children[attempt] = replace(before, **more)

    def child_ends(self, task: str, *, succeeded: bool = True, **more: Any) -> None:
        """Let the task's child run end."""
        self.calls(task, started=self.now, finished=self.now, succeeded=succeeded, **more)

    def label(self, slot: int) -> str:
        """Give the name of a slot: `load`, and of parts of fan-outs `load[3]`, `load[0-499]`."""
        assert self.state is not None
        return blocks.label(self.graph, self.state.ledger, slot)

    def at(self, task: str) -> Attempt:
        assert self.state is not None
        count = len(self.state.ledger.slots)
        slot = blocks.slot_named(self.graph, self.state.ledger, task)
        if slot is None:
            slot = next(slot for slot in range(len(self.graph.nodes), count) if self.label(slot) == task)
        return slot, self.state.ledger.attempts[slot]

    def sees(self, task: str, state: JobState = JobState.ACTIVE, **more: Any) -> None:
        """Let the task's Job be seen."""
        attempt = self.at(task)
        self.jobs[attempt] = JobFact(f"job-{task}", f"juid-{attempt}", attempt, state, self.now, **more)

    def runs(self, task: str, **more: Any) -> None:
        """Let the task's Job and a running pod be seen."""
        self.sees(task)
        attempt = self.at(task)
        seen = PodFact(f"pod-{task}", f"puid-{attempt}", f"juid-{attempt}", attempt, running=True, started=self.now)
        self.pods[attempt] = (replace(seen, **more),)

    def succeeds(self, task: str, output: str | None = None) -> None:
        """Let the containers of the task end well; the Job does not know yet."""
        self.runs(task, running=False, clean=True, exit_code=0, output=output, finished=self.now)

    def fails(self, task: str, state: JobState = JobState.FAILED, **more: Any) -> None:
        """Let the task's pod fail and its Job say so."""
        self.runs(task, running=False, alive=False, finished=self.now, **{"exit_code": 1, "reason": "Error", **more})
        self.sees(task, state, finished=self.now, reason="BackoffLimitExceeded")

    def chunk(self, part: str, state: JobState = JobState.ACTIVE, **more: Any) -> None:
        """Let an Indexed Job be seen; `completed` and `failed` are its intervals."""
        self.sees(part, state, finished=self.now if state is not JobState.ACTIVE else None, **more)

    def item(self, part: str, index: int, **more: Any) -> None:
        """Let a pod of an Indexed Job be seen, in place of an earlier one of that index."""
        attempt = self.at(part)
        others = tuple(pod for pod in self.pods.get(attempt, ()) if pod.index != index)
        name = f"pod-{part}-{index}"
        seen = PodFact(name, name, f"juid-{attempt}", attempt, running=True, started=self.now, index=index)
        self.pods[attempt] = (*others, replace(seen, **more))

    def item_ends(self, part: str, index: int, output: str | None = None) -> None:
        """Let the pod of an item end well."""
        ended = {"running": False, "clean": True, "exit_code": 0, "finished": self.now}
        self.item(part, index, output=output, **ended)

    def item_fails(self, part: str, index: int, **more: Any) -> None:
        """Let the pod of an item fail."""
        ended = {"running": False, "alive": False, "exit_code": 1, "reason": "Error", "finished": self.now}
        self.item(part, index, **{**ended, **more})

    def row(self, task: str) -> dict[str, Any]:
        assert self.plan is not None
        return next(row for row in self.plan.status["tasks"] if row["name"] == task)

    @property
    def condition(self) -> tuple[str, str]:
        assert self.plan is not None
        succeeded = next(c for c in self.plan.status["conditions"] if c["type"] == "Succeeded")
        return succeeded["status"], succeeded["reason"]


def chain(count: int, **spec: object) -> Story:
    """Give the story of tasks t0, t1, … that need each other."""
    names = [f"t{index}" for index in range(count)]
    tasks = [pod(name, *names[index - 1 : index]) for index, name in enumerate(names)]
    return Story(graph_of(*tasks, **spec))
