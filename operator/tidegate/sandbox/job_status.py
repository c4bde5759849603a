"""A Job's status as its controller writes it: counts, indexes, and conditions in the order in which they came true.

Numbers that are zero are left out where the real one leaves them out. What the real one notes on the way, pods that
are counted but still have their finalizer, is not kept: a pod is counted and let go of in one step.
"""

from typing import Any

from tidegate.sandbox.job_verdicts import EXHAUSTED, REACHED, Target
from tidegate.sandbox.job_work import Ends, Work
from tidegate.sandbox.moments import stamp
from tidegate.sandbox.tree import Object, without

_ABSENT_WHEN_ZERO = ("active", "succeeded", "failed")


def counted(status: Object, work: Work, ends: Ends) -> Object:
    """Give the status with what ended since the last look added."""
    result = _with_numbers(
        status,
        succeeded=status.get("succeeded", 0) + ends.succeeded,
        failed=status.get("failed", 0) + ends.failed,
    )
    result["uncountedTerminatedPods"] = {}
    indexes = work.indexes
    if indexes is not None:
        result = _with_numbers(result, succeeded=len(indexes.completed))
        if text := str(indexes.completed):
            result["completedIndexes"] = text
        if indexes.limit is not None:
            result["failedIndexes"] = str(indexes.failed)
    return result


def with_pods(status: Object, work: Work, failed: int = 0) -> Object:
    """Give the status with the number of pods in each state, and with more that failed."""
    roster = work.roster
    return _with_numbers(
        status,
        active=len(roster.active),
        ready=roster.ready,
        terminating=len(roster.ending),
        failed=status.get("failed", 0) + failed,
    )


def _with_numbers(status: Object, **numbers: int) -> Object:
    result: dict[str, Any] = {**status, **numbers}
    for name in _ABSENT_WHEN_ZERO:
        if not result.get(name, 1):
            del result[name]
    return result


def condition(status: Object, name: str) -> Object | None:
    """Give a condition that is true."""
    for each in status.get("conditions", ()):
        if each["type"] == name and each["status"] == "True":
            found: Object = each
            return found
    return None


def target_of(status: Object) -> Target | None:
    """Read an end that an earlier look has written and that waits for the pods."""
    if met := condition(status, REACHED.interim):
        return Target(REACHED.interim, REACHED.final, met["reason"], met["message"])
    if doomed := condition(status, EXHAUSTED.interim):
        return Target(EXHAUSTED.interim, EXHAUSTED.final, doomed["reason"], doomed["message"])
    return None


def with_condition(status: Object, name: str, value: str, reason: str, message: str, now: float) -> Object:
    """Give the status with a condition set anew; one that is there keeps its place."""
    new = {"type": name, "status": value, "lastProbeTime": stamp(now), "lastTransitionTime": stamp(now)}
    new |= {"reason": reason, "message": message}
    before = status.get("conditions", [])
    if all(each["type"] != name for each in before):
        return {**status, "conditions": [*before, new]}
    return {**status, "conditions": [new if each["type"] == name else each for each in before]}


def suspended(status: Object, now: float) -> Object:
    """Give the status of a Job that must not run."""
    if condition(status, "Suspended"):
        return status
    return with_condition(without(status, "startTime"), "Suspended", "True", "JobSuspended", "Job suspended", now)


def resumed(status: Object, now: float) -> Object:
    """Give the status of a Job that runs, again perhaps."""
    if condition(status, "Suspended"):
        status = with_condition(status, "Suspended", "False", "JobResumed", "Job resumed", now)
    return status if "startTime" in status else {**status, "startTime": stamp(now)}
