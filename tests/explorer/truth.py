"""The cluster of the explorer: one run, its Jobs and pods, as values that can be compared and hashed.

Only what can make a difference is kept: no instants, no names. Versions count the writes to one name, not to the whole
cluster, so that the order of writes that do not concern each other leaves no trace.
"""

from typing import NamedTuple

from tidegate.engine.facts import Attempt

ALIVE = frozenset("PT")
"""Letters of pods whose phase is not terminal: P works, T has ended well; S and F are their phases, K was killed."""


class Job(NamedTuple):
    """A Job. `serial` counts those of its name, `body` is what was last written, by its number in the library.

    Letters: A active, f `FailureTarget` (nothing of it runs any more), F failed, C complete.
    """

    serial: int
    body: int
    version: int
    letter: str = "A"
    is_suspended: bool = False
    is_tombstone: bool = False
    is_disrupted: bool = False
    has_pod: bool = False
    """Whether its pod was made; there is never a second."""


class Pod(NamedTuple):
    """A pod. `serial` counts those of its attempt, `job` is the serial of its Job."""

    serial: int
    job: int
    body: int
    version: int
    letter: str = "P"
    is_deleted: bool = False
    is_disrupted: bool = False


class Try(NamedTuple):
    """One attempt: what is there, and what of its past the rules ask for."""

    attempt: Attempt
    job: Job | None = None
    pods: tuple[Pod, ...] = ()
    job_writes: int = 0
    pod_writes: int = 0
    jobs: int = 0
    real_jobs: int = 0
    """How many Jobs that run something were created."""
    pods_made: int = 0
    is_meddled: bool = False
    """Whether a third party deleted its Job."""
    is_disrupted: bool = False
    is_clean: bool = False
    """Whether its container ended well."""
    is_complete: bool = False
    """Whether its Job was complete."""
    is_lost: bool = False
    """Whether a pod of it is gone, and with it what it had written."""

    @property
    def alive(self) -> tuple[Pod, ...]:
        """The pods whose phase is not terminal."""
        return tuple(pod for pod in self.pods if pod.letter in ALIVE)


class World(NamedTuple):
    """The whole cluster. `status` is the run's, by its number in the library; None before its first write."""

    version: int
    desired: str
    status: int | None
    tries: tuple[Try, ...] = ()

    def of(self, attempt: Attempt) -> Try:
        """Give what there is of an attempt."""
        return next((each for each in self.tries if each.attempt == attempt), Try(attempt))

    def put(self, new: Try) -> "World":
        """Give the world with this in place of what there was of the attempt."""
        others = (each for each in self.tries if each.attempt != new.attempt)
        return self._replace(tries=tuple(sorted((*others, new))))
