"""The indexes of one Indexed Job: which have succeeded or failed, which are in line, which failed pod a retry follows.

With `backoffLimitPerIndex` a failed pod keeps its finalizer until another pod for its index was made: how often the
index has failed is written on the pod, and handed on.
"""

from typing import NamedTuple

from tidegate.sandbox.backoff import due_after, finished_at
from tidegate.sandbox.failure_policy import ruling
from tidegate.sandbox.index_queue import IndexQueue
from tidegate.sandbox.index_sets import IndexSet
from tidegate.sandbox.roster import Roster, index_of
from tidegate.sandbox.tree import Object, Objects

FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"


class Failures(NamedTuple):
    """How often the pods of an index have failed before: those that count, and those that a policy ignores."""

    counted: int = 0
    ignored: int = 0


class Indexes:
    """What is known of the indexes of a Job, from its status and its pods."""

    def __init__(self, job: Object, roster: Roster) -> None:
        spec, status = job["spec"], job.get("status", {})
        self.completed = IndexSet.parse(status.get("completedIndexes", ""))
        self.failed = IndexSet.parse(status.get("failedIndexes", ""))
        self.limit: int | None = spec.get("backoffLimitPerIndex")
        self._policy = spec.get("podFailurePolicy")
        self._completions: int = spec["completions"]
        self._roster = roster
        self._retried: dict[int, str] = {}
        pods = {**roster.active, **roster.ending, **roster.tracked}.values()
        known = {index for pod in pods if (index := index_of(pod)) is not None}
        roster.loosened += sorted(known)
        self._queue = IndexQueue(self._completions, lambda index: index in known or self._is_done(index))

    def judge(self, pods: Objects) -> Objects:
        """Take in pods that have ended; gives those that the Job can let go of, also of earlier looks."""
        released: Objects = []
        for pod in pods:
            index = index_of(pod)
            if index is None or index >= self._completions:
                released.append(pod)
            elif pod["status"].get("phase") == "Succeeded":
                self.completed.add(index)
                released += [pod, *self._settled(index)]
            elif self._has_failed(pod):
                self.failed.add(index)
                released += [pod, *self._settled(index)]
            else:
                released += self._kept_back(index, pod)
        return released

    def line_up(self) -> list[float]:
        """Put indexes that have lost their pod in line; gives the instants at which a back-off ends."""
        dues = []
        for index in dict.fromkeys(self._roster.loosened):
            if index < self._completions and not self._is_done(index) and not self._roster.holds(index):
                due = self._due(index)
                self._queue.give_back(index, due)
                dues.append(due)
        self._roster.loosened.clear()
        return dues

    def take(self, room: int, now: float) -> list[tuple[int, Failures | None]]:
        """Give the indexes that get a pod now, with their failures so far where those are counted by index."""
        return [(index, self._failures_of(index)) for index in self._queue.take(room, now)]

    def hand_over(self, index: int) -> None:
        """Have the failed pod that a new one has followed judged again at the next look."""
        pod = self._roster.tracked.get(self._retried.pop(index, ""))
        if pod is not None:
            self._roster.ended[pod["metadata"]["uid"]] = pod

    @property
    def kept(self) -> int:
        """How many failed pods at most are kept back."""
        return len(self._retried)

    @property
    def kept_back(self) -> Objects:
        """The failed pods that keep their finalizer until another follows."""
        pods = (self._roster.tracked.get(uid) for uid in self._retried.values())
        return [pod for pod in pods if pod is not None]

    def _is_done(self, index: int) -> bool:
        return index in self.completed or index in self.failed

    def _has_failed(self, pod: Object) -> bool:
        """Tell whether the end of a pod is that of its index."""
        if self.limit is None:
            return False
        action = ruling(self._policy, pod).action
        return action == "FailIndex" or (action != "Ignore" and failures_of(pod).counted >= self.limit)

    def _kept_back(self, index: int, pod: Object) -> Objects:
        """Keep a failed pod for the one that will follow; gives those that need not be kept (any more)."""
        if self.limit is None or self._is_done(index) or self._roster.holds(index):
            return [pod]
        before = self._roster.tracked.get(self._retried.get(index, ""))
        self._roster.loosened.append(index)
        if before is not None and before["metadata"]["uid"] != pod["metadata"]["uid"]:
            if sum(failures_of(before)) > sum(failures_of(pod)):
                return [pod]
            self._retried[index] = pod["metadata"]["uid"]
            return [before]
        self._retried[index] = pod["metadata"]["uid"]
        return []

    def _settled(self, index: int) -> Objects:
        """Take an index that is done out of line; gives the failed pod that was kept for it."""
        self._queue.drop(index)
        pod = self._roster.tracked.get(self._retried.pop(index, ""))
        return [] if pod is None else [pod]

    def _due(self, index: int) -> float:
        pod = self._roster.tracked.get(self._retried.get(index, ""))
        return 0.0 if pod is None else due_after(sum(failures_of(pod)) + 1, finished_at(pod))

    def _failures_of(self, index: int) -> Failures | None:
        if self.limit is None:
            return None
        pod = self._roster.tracked.get(self._retried.get(index, ""))
        if pod is None:
            return Failures()
        counted, ignored = failures_of(pod)
        if ruling(self._policy, pod).action == "Ignore":
            return Failures(counted, ignored + 1)
        return Failures(counted + 1, ignored)


def failures_of(pod: Object) -> Failures:
    """Read what is written on a pod about those before it."""
    notes = pod["metadata"].get("annotations") or {}
    return Failures(_number(notes.get(FAILURES, "")), _number(notes.get(IGNORED, "")))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
