"""What the cache may give: the result of the same work, really done not long ago by one who shares it; nothing else."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from simulation.truth import Attempt, AttemptTruth, RunTruth

DELAYS = frozenset({"slow", "frozen", "applied_late", "throttled", "reply_lost", "request_lost"})
"""Faults through which a decision may become visible long after it was made."""


class Hits:
    """Holds what is told to be Cached against the attempts that there were.

    Args:
        runs: all runs, by UID.
        truths: what really happened to each attempt.
        patience: seconds by which a decision may become visible late.
        broken: takes the number of a rule and what broke it.
    """

    def __init__(
        self,
        runs: Mapping[str, RunTruth],
        truths: Mapping[Attempt, AttemptTruth],
        patience: float,
        broken: Callable[[int, str], None],
    ) -> None:
        self._runs, self._truths, self._patience, self._broken = runs, truths, patience, broken

    def check(self, uid: str, run: RunTruth, slot: int, now: float) -> None:
        """Hold one hit against what was done."""
        cache = run.task(slot).get("cache")
        if cache is None:
            self._broken(7, f"slot {slot} of {run.name} is Cached, but has no cache")
            return
        oldest = now - cache["maxAgeSeconds"] - 1.0 - self._patience
        if not any(truth.done_at >= oldest for truth in self._alike(uid, run, slot) if truth.done_at is not None):
            self._broken(2, f"slot {slot} of {run.name} is Cached, but nobody has done its work as {cache} wants")

    def _alike(self, uid: str, run: RunTruth, slot: int) -> Iterator[AttemptTruth]:
        """Give the attempts at work that looks the same, of those who share results with this run."""
        wanted = _look(run.task(slot))
        for attempt, truth in self._truths.items():
            other = self._runs.get(attempt[0])
            if other is None or other.is_call(attempt[1]) or _look(other.task(attempt[1])) != wanted:
                continue
            scope = wanted[0]
            if scope == "Namespace" or attempt[0] == uid or (scope == "Flow" and other.flow == run.flow):
                yield truth


def _look(task: Mapping[str, Any]) -> tuple[Any, ...]:
    """Give what of a task decides whether two may share a result; arguments are text that nobody evaluates here."""
    return (task.get("cache") or {}).get("scope"), task.get("image"), task.get("command"), len(task.get("args", ()))
