"""What a Job's controller remembers of it between two looks: its pods, its indexes, its failures.

All of it can be made anew from the Job and its pods.
"""

from typing import NamedTuple

from tidegate.sandbox.backoff import Backoff
from tidegate.sandbox.failure_policy import ruling
from tidegate.sandbox.job_indexes import Indexes
from tidegate.sandbox.job_rules import INDEXED
from tidegate.sandbox.roster import Roster
from tidegate.sandbox.tree import Object, Objects


class Ends(NamedTuple):
    """What ended since the last look: `released` are to be let go of, `succeeded` and `failed` are how many count.

    `fatal` says why a pod fails the whole Job, or is empty.
    """

    released: Objects
    succeeded: int
    failed: int
    fatal: str


class Work:
    """One Job and its pods."""

    def __init__(self, job: Object, pods: Objects) -> None:
        spec = job["spec"]
        self.roster = Roster(waits=spec.get("podReplacementPolicy") == "Failed", pods=pods)
        self.indexes = Indexes(job, self.roster) if spec["completionMode"] == INDEXED else None
        self.backoff = Backoff()
        self._policy = spec.get("podFailurePolicy")

    def judge(self) -> Ends:
        """Take in the pods whose end is news."""
        pods = list(self.roster.ended.values())
        self.roster.ended.clear()
        failed = [pod for pod in pods if not _has_succeeded(pod)]
        rulings = (ruling(self._policy, pod) for pod in failed)
        fatal = next((each.message for each in rulings if each.action == "FailJob"), "")
        if self.indexes is None or self.indexes.limit is None:
            self.backoff.note([pod for pod in pods if _has_succeeded(pod)], failed)
        released = pods if self.indexes is None else self.indexes.judge(pods)
        succeeded = sum(map(_has_succeeded, released))
        return Ends(released, succeeded, self._counting(released), fatal)

    def has_failed_too_often(self, status: Object, limit: int) -> bool:
        """Tell whether the limit for the whole Job is exceeded; pods that are kept back count."""
        failed: int = status.get("failed", 0)
        if failed > limit or self.indexes is None or failed + self.indexes.kept <= limit:
            return failed > limit
        return failed + self._counting(self.indexes.kept_back) > limit

    def line_up(self) -> list[float]:
        """Put indexes that have lost their pods in line; gives the instants at which their back-offs end."""
        return [] if self.indexes is None else self.indexes.line_up()

    def kept_back(self) -> int:
        """Give how many failed pods, not counted yet, would count: those that wait for another to follow."""
        return 0 if self.indexes is None else self._counting(self.indexes.kept_back)

    def abandoned(self, released: Objects) -> int:
        """Give how many pods besides those `released` count as failed when the Job as a whole fails."""
        known = {pod["metadata"]["uid"] for pod in released}
        return self._counting([pod for uid, pod in self.roster.tracked.items() if uid not in known])

    def _counting(self, pods: Objects) -> int:
        return sum(not _has_succeeded(pod) and ruling(self._policy, pod).action != "Ignore" for pod in pods)


def _has_succeeded(pod: Object) -> bool:
    return bool(pod["status"].get("phase") == "Succeeded")
