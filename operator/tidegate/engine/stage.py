"""A cluster on paper: what is asked of it happens when and as is assumed. It decides nothing of a run."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

from tidegate.engine import blocks, objects, work
from tidegate.engine import ledger as letters
from tidegate.engine.actions import (
    Action,
    Answer,
    ConfirmChild,
    ConfirmGone,
    DeleteJob,
    KeepResult,
    LookAt,
    LookUp,
    Reap,
    StartChild,
    StartJob,
    StopChild,
    StopJob,
)
from tidegate.engine.agenda import Agenda
from tidegate.engine.assumed import Assumed
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
)
from tidegate.engine.graph import Graph, Node
from tidegate.engine.ledger import Ledger
from tidegate.engine.work import Work

Entries = dict[tuple[str, str], Mapping[str, Any]]
"""What the cache holds, by key and scope."""

_WAITING = letters.letters_of(b"W")


@dataclass(slots=True)
class Stage:
    """The cluster as it is now. `began` is when the first attempt of a task did, by its slot.

    `guessed` says that something took place whose duration nobody gave.
    """

    graph: Graph
    assumed: Assumed
    agenda: Agenda
    entries: Entries
    ledger: Ledger
    jobs: dict[Attempt, JobFact] = field(default_factory=dict)
    pods: dict[Attempt, tuple[PodFact, ...]] = field(default_factory=dict)
    alive: set[Attempt] = field(default_factory=set)
    children: dict[Attempt, ChildFact] = field(default_factory=dict)
    confirmed: dict[Attempt, frozenset[Confirmed]] = field(default_factory=dict)
    objects: dict[int, ObjectFact] = field(default_factory=dict)
    cached: dict[int, CacheAnswer] = field(default_factory=dict)
    approvals: dict[str, tuple[ApprovalFact, ...]] = field(default_factory=dict)
    began: dict[int, float] = field(default_factory=dict)
    guessed: bool = False
    _works: dict[Attempt, Work] = field(default_factory=dict)
    _asked: dict[int, int] = field(default_factory=dict)
    _news: set[int] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=count)

    def facts(self, desired: str) -> Facts:
        """Give what is seen, and of which slots it is new."""
        news = frozenset(self._news)
        self._news.clear()
        return Facts(
            desired,
            self.jobs,
            self.pods,
            self.confirmed,
            alive=self.alive,
            changed=news,
            cached=self.cached,
            objects=self.objects,
            approvals=self.approvals,
            children=self.children,
        )

    def act(self, actions: Iterable[Action], ledger: Ledger) -> None:
        """Take up what is asked for, by actions and by tasks that wait for a decision; repetitions change nothing."""
        self.ledger = ledger
        for action in actions:
            self._act(action)
        self._ask()

    def _act(self, action: Action) -> None:
        match action:
            case StartJob() if action.attempt not in self.jobs:
                self._start(action)
            case StopJob() | Reap():
                self._stop(action.attempt)
                self._confirm(action.attempt, Confirmed.STOPPED)
            case DeleteJob():
                self.jobs.pop(action.attempt, None)
                self.pods.pop(action.attempt, None)
            case StartChild() if action.attempt not in self.children:
                self._start_child(action)
            case StopChild():
                self._end_child(action.attempt, "Cancelled", {})
                self._confirm(action.attempt, Confirmed.STOPPED)
            case ConfirmGone() | ConfirmChild():
                self._confirm(action.attempt, Confirmed.PODS_GONE)
            case _:
                self._answer(action)

    def _answer(self, action: Action) -> None:
        """Take up what is asked for beside Jobs and child runs."""
        match action:
            case LookUp():
                self.cached[action.attempt[0]] = CacheAnswer(self.entries.get((action.key, action.scope.value)))
                self._news.add(action.attempt[0])
            case KeepResult():
                self.entries[action.spec["key"], action.spec["scope"]] = action.spec
            case LookAt() if action.attempt[0] not in self.objects:
                self._look_at(action)
            case Answer():
                self.approvals.pop(action.name, None)

    def _ask(self) -> None:
        """Ask for the decisions that tasks have begun to wait for."""
        waiting = {slot for slot in self.ledger.at(_WAITING) if self.graph.nodes[slot].task.approval is not None}
        for slot in self._asked.keys() - waiting:
            del self._asked[slot]
        for slot in sorted(waiting - self._asked.keys()):
            node, number = self.graph.nodes[slot], next(self._numbers)
            self._asked[slot] = number
            if node.name not in self.assumed.undecided:
                self.agenda.after(self._seconds(node), partial(self._decide, node, number))

    def pass_time(self, until: float | None) -> bool:
        """Let time pass until something happens, or until then; False when nothing ever will."""
        return bool(self._news) or self.agenda.pass_time(until)

    def _seconds(self, node: Node) -> float:
        self.guessed |= node.name not in self.assumed.durations
        return self.assumed.seconds_of(node)

    def _begin(self, task: str) -> Node:
        slot = self.graph.slots[task]
        self.began.setdefault(slot, self.agenda.now)
        return self.graph.nodes[slot]

    def _confirm(self, attempt: Attempt, what: Confirmed) -> None:
        known = self.confirmed.get(attempt, frozenset())
        if what not in known:
            self.confirmed[attempt] = known | {what}
            self._news.add(attempt[0])

    def _start(self, action: StartJob) -> None:
        node, attempt = self._begin(action.task), action.attempt
        self._seconds(node)
        job = JobFact(node.name, f"{attempt[0]}/{attempt[1]}", attempt, JobState.ACTIVE, self.agenda.now)
        works = self._works[attempt] = work.work_of(self.assumed, node, action.share)
        self.jobs[attempt], self.pods[attempt] = job, work.begun(job, works)
        self.alive.add(attempt)
        self._news.add(attempt[0])
        self.agenda.after(works.seconds, partial(self._end, attempt))

    def _end(self, attempt: Attempt) -> None:
        has_failed = any(self._works[attempt].failed)
        self._become(attempt, JobState.FAILED if has_failed else JobState.COMPLETE)

    def _stop(self, attempt: Attempt) -> None:
        """Stop a Job where it stands; where none is yet, its name is taken."""
        if attempt not in self.jobs:
            self.jobs[attempt] = JobFact(
                "stopped", f"{attempt}", attempt, JobState.TOMBSTONE, self.agenda.now, self.agenda.now
            )
        self._become(attempt, JobState.TOMBSTONE)

    def _become(self, attempt: Attempt, state: JobState) -> None:
        job = self.jobs.get(attempt)
        if job is not None and job.state is JobState.ACTIVE:
            self.jobs[attempt], self.pods[attempt] = work.ended(job, self._works[attempt], state, self.agenda.now)
            self.alive.discard(attempt)
            self._news.add(attempt[0])

    def _start_child(self, action: StartChild) -> None:
        node, attempt = self._begin(action.task), action.attempt
        item = None if attempt[0] == node.slot else attempt[0] - blocks.block_at(self.ledger, attempt[0]).first
        reason = "TaskFailed" if self.assumed.fails(node.name, item) else "Completed"
        self.children[attempt] = ChildFact(
            "its child run", f"{attempt}", attempt, self.agenda.now, started=self.agenda.now
        )
        self._news.add(attempt[0])
        outputs = self.assumed.outputs.get(node.name, {})
        self.agenda.after(self._seconds(node), partial(self._end_child, attempt, reason, outputs))

    def _end_child(self, attempt: Attempt, reason: str, outputs: Mapping[str, Any]) -> None:
        child = self.children.get(attempt)
        if child is not None and child.finished is None:
            message = "" if reason == "Completed" else "as assumed"
            ended = replace(child, finished=self.agenda.now, succeeded=not message, reason=reason, message=message)
            self.children[attempt] = replace(ended, outputs=outputs)
            self._news.add(attempt[0])

    def _look_at(self, action: LookAt) -> None:
        slot, told = action.attempt[0], objects.told(action)
        node = self.graph.nodes[slot]
        is_met = node.name not in self.assumed.undecided
        how = "to become as it should be only later" if is_met else "not to become as it should be"
        self.objects[slot] = ObjectFact(None, objects.NOT_YET, f"{told} is assumed {how}")
        self._news.add(slot)
        if is_met:
            self.agenda.after(self._seconds(node), partial(self._meet, node))

    def _meet(self, node: Node) -> None:
        wait = node.task.wait
        assert wait is not None and wait.for_ is not None  # noqa: S101, PT018  only such tasks look at objects
        conditions = [{"type": wait.for_.condition, "status": "True"}]
        self.objects[node.slot] = ObjectFact({"status": {"conditions": conditions}})
        self._news.add(node.slot)

    def _decide(self, node: Node, number: int) -> None:
        """Let somebody decide, if that very question is still open."""
        if self._asked.get(node.slot) == number:
            params, is_approved = self.assumed.outputs.get(node.name, {}), node.name not in self.assumed.failed
            fact = ApprovalFact(node.name, f"{node.name}-{number}", 0, is_approved, "somebody", "", params)
            self.approvals[node.name] = (fact,)
            self._news.add(node.slot)
