"""The work queue of an explored operator, as two claims: that it is to look, and when it is to look at the latest.

The production queue promises no more than that: a key is looked at after it was added, once for any number of times,
and the earliest of its wake-ups counts. When exactly, the search decides.
"""

from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.store import RunKey

HORIZON = 60.0
"""Seconds; wake-ups beyond (retention, deadlines) never come."""
RETRY_SECONDS = 1.0


class Bell(WorkQueue[RunKey]):
    """Stands for the queue of runs: there is only one. `due` is on the operator's clock."""

    def __init__(self, clock: float = 0.0, *, is_rung: bool = False, due: float | None = None) -> None:
        self.clock, self.is_rung, self.due = clock, is_rung, due

    def add(self, key: RunKey, priority: Priority = Priority.NEW) -> None:
        self.is_rung = True

    def add_at(self, key: RunKey, when: float, priority: Priority = Priority.NEW) -> None:
        if when - self.clock < HORIZON:
            self.due = when if self.due is None else min(self.due, when)

    def add_after(self, key: RunKey, seconds: float, priority: Priority = Priority.NEW) -> None:
        self.add_at(key, self.clock + seconds, priority)

    def retry(self, key: RunKey, *, at_least: float = 0.0, priority: Priority = Priority.NEW) -> float:
        self.add_after(key, RETRY_SECONDS)
        return RETRY_SECONDS

    def forget(self, key: RunKey) -> None:
        """There is no backoff that could begin anew."""

    def drop(self, key: RunKey) -> None:
        self.is_rung, self.due = False, None
