"""What is to be done after the status was written. Every action is safe to repeat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tidegate.api.policies import CacheScope
from tidegate.engine.facts import Attempt
from tidegate.engine.inputs import Call, Inputs
from tidegate.engine.wishes import Stop


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a fan-out that one Job does: `count` items from number `first`.

    Their texts are in the ConfigMap `items`, whose keys count from `place` on. `parallelism` is None for an item with a
    Job of its own, else an Indexed Job may have so many pods, and so many failed items before it gives up.
    """

    items: str
    first: int
    place: int
    count: int = 1
    parallelism: int | None = None
    max_failed: int = 0


@dataclass(frozen=True, slots=True)
class StartJob:
    """The ledger names this Job: see that it exists. `fresh` when this very step named it first."""

    attempt: Attempt
    task: str
    inputs: Inputs
    fresh: bool
    share: Share | None = None


@dataclass(frozen=True, slots=True)
class StopJob:
    """Stop the Job where it is, so that its name stays taken, and look for pods that live on."""

    attempt: Attempt
    task: str


@dataclass(frozen=True, slots=True)
class ConfirmGone:
    """A Job or its pods are not where they were seen: read them live before anything is concluded.

    A Job that is gone gets a tombstone, so that a request that is still on its way cannot bring it back. The pods are
    gone when none of them may still run.
    """

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Retention has passed."""

    name: str
    uid: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Reap:
    """The ledger does not name this Job, or has finished with it: after a live look at the run, stop it."""

    name: str
    uid: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class LookUp:
    """See whether the work of a task that is about to start was done before; `key` is what it would be kept under."""

    attempt: Attempt
    key: str
    scope: CacheScope


@dataclass(frozen=True, slots=True)
class KeepResult:
    """Keep what a task gave for others that would do the same; `spec` is that of the CacheEntry."""

    attempt: Attempt
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LookAt:
    """A task waits for an object: read it now and then, as far as its ServiceAccount `account` may."""

    attempt: Attempt
    group: str
    resource: str
    name: str
    account: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Say in a FlowApproval whether it counted, and why not."""

    name: str
    uid: str
    counted: bool
    reason: str
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class StartChild:
    """The ledger names this child run: see that it exists. `fresh` when this very step named it first."""

    attempt: Attempt
    task: str
    call: Call
    fresh: bool


@dataclass(frozen=True, slots=True)
class StopChild:
    """Tell the child run to stop; where there is none, see that none can come any more."""

    attempt: Attempt
    task: str
    flow: str
    stop: Stop


@dataclass(frozen=True, slots=True)
class ConfirmChild:
    """A child run is not where it was seen: look live; when it is gone take its name, and look for its pods."""

    attempt: Attempt
    task: str
    flow: str


JobAction: TypeAlias = StartJob | StopJob | ConfirmGone | DeleteJob | Reap | LookUp | KeepResult
ChildAction: TypeAlias = StartChild | StopChild | ConfirmChild
Action: TypeAlias = JobAction | ChildAction | LookAt | Answer


@dataclass(frozen=True, slots=True)
class Happening:
    """Something people are told of, as a Kubernetes Event: a failure, a retry, the end of a run."""

    warning: bool
    reason: str
    message: str
