"""What is to be done after the status was written. Every action is safe to repeat."""

from dataclasses import dataclass
from typing import TypeAlias

from tidegate.engine.facts import Attempt
from tidegate.engine.inputs import Inputs


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


Action: TypeAlias = StartJob | StopJob | ConfirmGone | DeleteJob | Reap


@dataclass(frozen=True, slots=True)
class Happening:
    """Something people are told of, as a Kubernetes Event: a failure, a retry, the end of a run."""

    warning: bool
    reason: str
    message: str
