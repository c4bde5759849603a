"""The work queue of an explored operator, as two claims: that it is to look, and that it wants to look again later.

The production queue promises no more than that: a key is looked at after it was added, once for any number of times,
and again when the earliest of its wishes is due. When that is, the search decides; then all waiting is over.
"""

from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.store import RunKey

HORIZON = 60.0
"""Seconds. What waits for less is due when time passes; what waits for longer (retention, deadlines) never is."""


class Bell(WorkQueue[RunKey]):
    """Stands for the queue of runs: there is only one. `clock` is the operator's, in seconds."""

    def __init__(self, *, is_rung: bool = False, is_set: bool = False) -> None:
        self.clock, self.is_rung, self.is_set = 0.0, is_rung, is_set

    def go_on(self) -> None:
        """Let time pass until whatever was waited for is due."""
        assert self.is_set, "nothing is waited for"
        self.clock, self.is_rung, self.is_set = self.clock + HORIZON, True, False

    def add(self, key: RunKey, priority: Priority = Priority.NEW) -> None:
        self.is_rung = True

    def add_at(self, key: RunKey, when: float, priority: Priority = Priority.NEW) -> None:
        self.is_set = self.is_set or when < self.clock + HORIZON

    def add_after(self, key: RunKey, seconds: float, priority: Priority = Priority.NEW) -> None:
        self.add_at(key, self.clock + seconds, priority)

    def retry(self, key: RunKey, *, at_least: float = 0.0, priority: Priority = Priority.NEW) -> float:
        self.is_set = True
        return HORIZON

    def forget(self, key: RunKey) -> None:
        """There is no backoff that could begin anew."""

    def drop(self, key: RunKey) -> None:
        self.is_rung = self.is_set = False
