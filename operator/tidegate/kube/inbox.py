"""The inbox: every object that is heard of goes through here into the store, and its run into the queue."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from tidegate.engine.facts import FINISHED, ChildFact, JobFact, JobState, PodFact
from tidegate.kube.approvals import answer_in, run_of
from tidegate.kube.backfills import flow_of, is_over
from tidegate.kube.childruns import see_child
from tidegate.kube.client import Object
from tidegate.kube.lines import holds_place
from tidegate.kube.observing import Seen
from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.store import RunKey, Store, flow_key_of, has_ended, key_of

_DECISIVE = FINISHED | {JobState.FAILING}


class Queues(NamedTuple):
    """The queues of what is to be looked at, by kind."""

    runs: WorkQueue[RunKey]
    flows: WorkQueue[RunKey]
    approvals: WorkQueue[RunKey]
    backfills: WorkQueue[RunKey]


class Inbox:
    """Takes changes of all kinds. `forget` is told the UID of each run that was deleted."""

    def __init__(
        self, store: Store, queues: Queues, forget: Callable[[str], None], monotonic: Callable[[], float]
    ) -> None:
        self._store, self._forget, self._monotonic = store, forget, monotonic
        self._runs, self._flows, self._approvals, self._backfills = queues

    def flow(self, kind: str | None, obj: Object) -> None:
        """Take a change of a Flow: ADDED, MODIFIED, DELETED, or None for one that was listed."""
        if kind == "DELETED":
            self._store.drop_flow(obj)
            self._let_next(key_of(obj))
            self._look_at_backfills(key_of(obj))
            return
        is_news = self._store.put_flow(obj)
        if is_news or not has_verdict(obj):  # an answer to somebody else may have brought it before
            self._flows.add(key_of(obj))
        for run in self._store.lines.newcomers(key_of(obj)):
            self._runs.add(run)
        if is_news:
            self._let_next(key_of(obj))
        self._look_at_backfills(key_of(obj))  # also what we have just written ourselves may let one go on

    def run(self, kind: str | None, obj: Object) -> None:
        """Take a change of a FlowRun, likewise."""
        seen = see_child(obj)
        if seen is not None:
            self.child(kind or "ADDED", seen)
        if kind == "DELETED":
            self._store.drop_run(obj)
            self._forget(obj["metadata"]["uid"])
            if key_of(obj) not in self._store.runs:  # another run may have the name by now
                self._runs.drop(key_of(obj))
            self._let_next(flow_key_of(obj))
        elif self._store.put_run(obj):
            self._runs.add(key_of(obj))
            if has_ended(obj):
                self._let_next(flow_key_of(obj))
        if kind == "DELETED" or has_ended(obj):  # also when the end is known, which we have written ourselves
            self._look_at_backfills(flow_key_of(obj))

    def backfill(self, kind: str | None, obj: Object) -> None:
        """Take a change of a Backfill, likewise: its runs may begin now, or never will; younger ones wait for it."""
        if kind == "DELETED":
            self._store.drop_backfill(obj)
            if key_of(obj) not in self._store.backfills.known:
                self._backfills.drop(key_of(obj))
        elif self._store.put_backfill(obj):
            self._backfills.add(key_of(obj))
        for run in self._store.lines.newcomers(flow_of(obj)):
            self._runs.add(run)
        if kind == "DELETED" or is_over(obj):
            self._look_at_backfills(flow_of(obj))

    def _look_at_backfills(self, flow: RunKey) -> None:
        """Something of a Flow changed: a run may be over, so that another may start."""
        for key in self._store.backfills.unfinished(flow):
            self._backfills.add(key)

    def _let_next(self, flow: RunKey) -> None:
        """A place may be free: who waits for it is next."""
        for key in self._store.lines.heads(flow):
            self._runs.add(key, Priority.COMPLETION)

    def _free_place(self, key: RunKey) -> None:
        """A pod has ended: a run that has ended, too, holds its place no longer than its last pod lives."""
        run = self._store.runs.get(key)
        if run is not None and has_ended(run):
            flow = flow_key_of(run)
            if holds_place(self._store.flows.get(flow), run["metadata"]["uid"]):
                self._store.lines.note(flow)
                self._let_next(flow)
                self._look_at_backfills(flow)

    def approval(self, kind: str | None, obj: Object) -> None:
        """Take a change of a FlowApproval, likewise: its run looks at it first."""
        if kind == "DELETED":
            self._store.drop_approval(obj)
        elif self._store.put_approval(obj):
            run, _ = run_of(obj)
            if answer_in(obj) is None and run in self._store.runs:
                self._runs.add(run, Priority.COMPLETION)
            self._approvals.add(key_of(obj), Priority.RESYNC)

    def child(self, kind: str, seen: Seen) -> None:
        """Take a change of a Job, pod or child run."""
        gone = kind == "DELETED"
        key = self._store.drop_child(seen.run_uid, seen.uid) if gone else self._store.put_child(seen)
        if key is None:
            return
        if isinstance(seen.fact, PodFact) and (gone or not seen.fact.alive):
            self._free_place(key)
        if _is_decisive(seen):
            self._store.note_end(seen.run_uid, self._monotonic())
            self._runs.add(key, Priority.COMPLETION)
        else:
            self._runs.add(key)

    def listed(
        self, fact: type[JobFact | PodFact], namespace: str | None, uids: AbstractSet[str], version: int
    ) -> None:
        """Take a complete list of Jobs or pods: what is known of and is not in it, is gone."""
        for key in self._store.drop_unlisted(fact, namespace, uids, version):
            self._runs.add(key)


def has_verdict(flow: Object) -> bool:
    """Whether a Flow's status speaks of its spec as it is."""
    judged = (flow.get("status") or {}).get("observedGeneration")
    return bool(judged == flow["metadata"].get("generation", 1))


def _is_decisive(seen: Seen) -> bool:
    """Whether something ended, so that what waits for it comes first."""
    if isinstance(seen.fact, PodFact):
        return seen.fact.clean or not seen.fact.alive
    if isinstance(seen.fact, ChildFact):
        return seen.fact.finished is not None
    return isinstance(seen.fact, JobFact) and seen.fact.state in _DECISIVE
