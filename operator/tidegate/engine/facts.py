"""What was seen in the cluster, as `decide` takes it: small frozen records of Jobs and pods."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Attempt = tuple[int, int]
"""A slot and the number of its attempt, from one: together with the run's UID the identity of a Job."""


class JobState(StrEnum):
    """How far a Job is. `Failing` and `Succeeding` are decided, but pods may still live."""

    ACTIVE = "Active"
    SUSPENDED = "Suspended"
    SUCCEEDING = "Succeeding"
    COMPLETE = "Complete"
    FAILING = "Failing"
    FAILED = "Failed"
    TOMBSTONE = "Tombstone"


FINISHED = frozenset({JobState.COMPLETE, JobState.FAILED})


@dataclass(frozen=True, slots=True)
class JobFact:
    """A Job of ours. Times are seconds since the epoch.

    `finished` is also when it was stopped where it stood, `resumed` when it was last let go after a suspension;
    `completed` and `failed` are the indexes of an Indexed Job as Kubernetes writes them, such as "0-3,5".
    """

    name: str
    uid: str
    attempt: Attempt
    state: JobState
    created: float
    finished: float | None = None
    reason: str = ""
    message: str = ""
    resumed: float | None = None
    completed: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class PodFact:
    """A pod of ours.

    `alive` until its phase is terminal (or it is gone); `clean` when all ordinary containers ended with exit 0 and
    nobody deletes it; `exit_code`, `reason`, `message` are those of the failed container, else of `main`; `output` is
    what `main` wrote; `disruption` why the cluster took it, such as EvictionByEvictionAPI; `trouble` why it does not
    run yet, in the cluster's words; `index` which item of a chunk it works on, `disruptions` how many pods of that item
    the cluster took before; `oom` that `main` ran out of memory.
    """

    name: str
    uid: str
    job_uid: str
    attempt: Attempt
    alive: bool = True
    running: bool = False
    clean: bool = False
    deleting: bool = False
    disruption: str | None = None
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    output: str | None = None
    trouble: str = ""
    trouble_message: str = ""
    index: int | None = None
    oom: bool = False
    disruptions: int = 0


@dataclass(frozen=True, slots=True)
class ChildFact:
    """A child run of ours, started by a task with the body `flow`.

    `started` is when its first task could start, None while it waits to
    be let in; `finished` when it ended, `succeeded` whether well; `reason` and `message` are its own words for how it
    is; `stop` is how it was told to stop; `outputs` are its run's. A `tombstone` only holds the name.
    """

    name: str
    uid: str
    attempt: Attempt
    created: float
    tombstone: bool = False
    started: float | None = None
    finished: float | None = None
    succeeded: bool = False
    reason: str = ""
    message: str = ""
    stop: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejection:
    """The API server's refusal of a Job or child run: `final` when it will never be accepted."""

    reason: str
    message: str
    final: bool


@dataclass(frozen=True, slots=True)
class CacheAnswer:
    """What was found in the cache for a task: the spec of the entry if there is one, or why none could be read."""

    entry: Mapping[str, Any] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ObjectFact:
    """What the last read of an object gave that a task waits for: the object, or why there is none.

    `message` is in the cluster's own words.
    """

    object: Mapping[str, Any] | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """A FlowApproval for this run that nobody has answered yet; `edited` when it is not what was created."""

    name: str
    uid: str
    index: int
    approved: bool
    by: str
    comment: str
    params: Mapping[str, Any]
    edited: bool = False


class Confirmed(StrEnum):
    """What live reads said, made after the ledger was read that they are judged against."""

    PODS_GONE = "PodsGone"
    STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything seen of one run's children, and what its user wants.

    `children` are the runs that its tasks started.
    `alive` are the attempts with a pod that may still run. `changed` are the slots of which something new was seen
    since the last step, None when that is not known: then all are looked at. `cached` are the answers to what was
    looked up in the cache, by slot; None when nobody can look, so that all work is done. `objects` are those that
    tasks wait for, by slot; `approvals` the unanswered ones, by task. `queue_words` is what Kueue says of waiting Jobs,
    `refused_pods` what the cluster says of those whose pods it refuses.
    """

    desired: str = "Running"
    jobs: Mapping[Attempt, JobFact] = field(default_factory=dict)
    pods: Mapping[Attempt, tuple[PodFact, ...]] = field(default_factory=dict)
    confirmed: Mapping[Attempt, frozenset[Confirmed]] = field(default_factory=dict)
    rejections: Mapping[Attempt, Rejection] = field(default_factory=dict)
    alive: AbstractSet[Attempt] | None = None
    changed: frozenset[int] | None = None
    cached: Mapping[int, CacheAnswer] | None = None
    queue_words: Mapping[Attempt, str] = field(default_factory=dict)
    refused_pods: Mapping[Attempt, str] = field(default_factory=dict)
    objects: Mapping[int, ObjectFact] = field(default_factory=dict)
    approvals: Mapping[str, tuple[ApprovalFact, ...]] = field(default_factory=dict)
    children: Mapping[Attempt, ChildFact] = field(default_factory=dict)

    def pods_of(self, attempt: Attempt) -> tuple[PodFact, ...]:
        """Give the pods of an attempt."""
        return self.pods.get(attempt, ())

    def has_live_pod(self, attempt: Attempt) -> bool:
        """Whether a pod of the attempt may still run."""
        return any(pod.alive for pod in self.pods.get(attempt, ()))

    def live_attempts(self) -> AbstractSet[Attempt]:
        """Give the attempts with a pod that may still run."""
        if self.alive is not None:
            return self.alive
        return {attempt for attempt in self.pods if self.has_live_pod(attempt)}

    def is_confirmed(self, attempt: Attempt, what: Confirmed) -> bool:
        """Whether a live read said so."""
        return what in self.confirmed.get(attempt, ())
