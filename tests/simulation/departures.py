"""Who deletes finished runs: their own TTL and their Flow's history, and nobody else of us."""

from collections.abc import Callable, Mapping
from typing import Any

from simulation.truth import RunTruth

_LATE = 60.0


class Departures:
    """Holds every run that goes against the reasons there are for that.

    Args:
        runs: all runs, by UID.
        versions: every spec that a Flow has had.
        broken: takes the number of a rule and what broke it.
    """

    def __init__(
        self,
        runs: Mapping[str, RunTruth],
        versions: Mapping[str, list[Mapping[str, Any]]],
        broken: Callable[[int, str], None],
    ) -> None:
        self._runs, self._versions, self._broken = runs, versions, broken
        self.wanted: set[str] = set()
        """UIDs of runs that somebody deletes."""

    def left(self, uid: str, run: RunTruth, now: float) -> None:
        """Take the deletion of a run."""
        if uid in self.wanted or self._goes_with_owner(run):
            return
        if run.final_status is None:
            self._broken(12, f"{run.name} was deleted before it ended")
        elif not self._is_due(run, now) and not self._is_surplus(run):
            self._broken(12, f"{run.name} was deleted, but neither its TTL nor its Flow's history says so")

    def _goes_with_owner(self, run: RunTruth) -> bool:
        owners = [owner["uid"] for owner in run.obj["metadata"].get("ownerReferences") or ()]
        return any(uid in self._runs and self._runs[uid].is_gone for uid in owners)

    def _is_due(self, run: RunTruth, now: float) -> bool:
        ttl = run.obj["spec"].get("ttlSecondsAfterFinished")
        return ttl is not None and now >= run.ended_at + ttl - 1.0

    def _is_surplus(self, run: RunTruth) -> bool:
        """Whether its Flow owns as many newer ones that ended likewise as it ever wanted to keep at least."""
        if not run.is_owned_by_flow:
            return False
        field = "succeeded" if run.succeeded else "failed"
        kept = min((spec.get("history") or {}).get(field, 10) for spec in self._versions[run.flow])
        newer = [other for other in self._runs.values() if other is not run and self._is_newer_like(other, run)]
        return len(newer) >= kept

    def _is_newer_like(self, other: RunTruth, run: RunTruth) -> bool:
        alike = other.flow == run.flow and other.is_owned_by_flow and other.final_status is not None
        return alike and other.succeeded == run.succeeded and other.order_of_end > run.order_of_end

    def overdue(self, now: float) -> list[str]:
        """Give the runs whose TTL passed long ago and that are still there."""
        return [
            f"{run.name}, whose TTL has passed"
            for run in self._runs.values()
            if not run.is_gone and run.final_status is not None and self._is_due(run, now - _LATE)
        ]
