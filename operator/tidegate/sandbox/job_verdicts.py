"""How a Job ends, and why: what its controller writes into the conditions, word for word."""

from typing import NamedTuple

from tidegate.sandbox.job_work import Work
from tidegate.sandbox.tree import Object


class Target(NamedTuple):
    """How a Job will end: the interim condition, the final one, and why."""

    interim: str
    final: str
    reason: str
    message: str

    @property
    def is_failure(self) -> bool:
        """Whether the Job has failed as a whole, and its pods with it."""
        return self.final == "Failed"


def failure(reason: str, message: str) -> Target:
    """Give the end of a Job that fails."""
    return Target("FailureTarget", "Failed", reason, message)


REACHED = Target("SuccessCriteriaMet", "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
EXHAUSTED = failure("BackoffLimitExceeded", "Job has reached the specified backoff limit")
TOO_LATE = failure("DeadlineExceeded", "Job was active longer than specified deadline")
TOO_MANY = failure("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
SOME = failure("FailedIndexes", "Job has failed indexes")


def verdict(job: Object, status: Object, work: Work, *, fatal: str, late: bool) -> Target | None:
    """Decide whether a Job has failed; the first reason holds."""
    spec = job["spec"]
    if fatal:
        return failure("PodFailurePolicy", fatal)
    if work.has_failed_too_often(status, spec["backoffLimit"]):
        return EXHAUSTED
    if late:
        return TOO_LATE
    indexes = work.indexes
    if indexes is None or not len(indexes.failed):
        return None
    if len(indexes.failed) > spec.get("maxFailedIndexes", spec["completions"]):
        return TOO_MANY
    return SOME if len(indexes.failed) + len(indexes.completed) >= spec["completions"] else None


def is_complete(job: Object, status: Object, work: Work) -> bool:
    """Tell whether a Job has all its successes, and no pod too many; without completions one is enough."""
    completions, succeeded = job["spec"].get("completions"), status.get("succeeded", 0)
    return not work.roster.active and bool(succeeded if completions is None else succeeded >= completions)


def wanted(job: Object, status: Object, work: Work) -> int:
    """Give how many pods should be active; an index that has failed leaves its room empty, as in the real one."""
    succeeded: int = status.get("succeeded", 0)
    parallelism: int = job["spec"]["parallelism"]
    completions: int | None = job["spec"].get("completions")
    if completions is None:
        return len(work.roster.active) if succeeded else parallelism
    return max(0, min(parallelism, completions - succeeded))
