"""A Job's status as its controller writes it: counts, and conditions in the order in which they came true."""

from tidegate.sandbox.job_counts import EXHAUSTED, REACHED, Census, Target
from tidegate.sandbox.moments import instant, stamp
from tidegate.sandbox.tree import Object


def wanted(spec: Object, status: Object) -> int:
    """Give the number of successes that completes the Job; without completions, one is enough."""
    completions = spec.get("completions")
    return int(completions) if completions is not None else max(1, status.get("succeeded", 0))


def counted(status: Object, people: Census, failed: int) -> Object:
    """Give the status with what ended since the last look added."""
    result = {**status, "active": len(people.active), "ready": people.ready, "terminating": len(people.ending)}
    result["uncountedTerminatedPods"] = {}
    for name, more in (("succeeded", len(people.succeeded)), ("failed", failed)):
        if more:
            result[name] = status.get(name, 0) + more
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
    """Give the status with a condition set anew, at the end of the list."""
    others = [each for each in status.get("conditions", ()) if each["type"] != name]
    new = {"type": name, "status": value, "lastProbeTime": stamp(now), "lastTransitionTime": stamp(now)}
    return {**status, "conditions": [*others, {**new, "reason": reason, "message": message}]}


def suspended(status: Object, now: float) -> Object:
    """Give the status of a Job that must not run."""
    if condition(status, "Suspended"):
        return status
    return with_condition(status, "Suspended", "True", "JobSuspended", "Job suspended", now)


def resumed(status: Object, now: float) -> Object:
    """Give the status of a Job that runs, again perhaps."""
    if not condition(status, "Suspended"):
        return status
    return with_condition(status, "Suspended", "False", "JobResumed", "Job resumed", now)


def finished_at(pod: Object, now: float) -> float:
    """Give when the last container of a pod ended."""
    ends = [
        each["state"]["terminated"]["finishedAt"]
        for each in pod["status"].get("containerStatuses", ())
        if "terminated" in each["state"]
    ]
    return instant(max(ends)) if ends else now
