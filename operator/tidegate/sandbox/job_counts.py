"""What the pods of a Job amount to: who runs, who ended how, and what that means for the Job."""

from dataclasses import dataclass
from typing import NamedTuple

from tidegate.sandbox.failure_policy import ruling
from tidegate.sandbox.pod_states import is_terminal
from tidegate.sandbox.tree import Object, Objects

TRACKING = "batch.kubernetes.io/job-tracking"
"""The finalizer of a pod that its Job has not counted yet."""


class Target(NamedTuple):
    """How a Job will end: the interim condition, the final one, and why."""

    interim: str
    final: str
    reason: str
    message: str


REACHED = Target("SuccessCriteriaMet", "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
EXHAUSTED = Target("FailureTarget", "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
TOO_LATE = Target("FailureTarget", "Failed", "DeadlineExceeded", "Job was active longer than specified deadline")


@dataclass(frozen=True, slots=True)
class Census:
    """The pods of one Job, each in one group."""

    active: Objects
    ending: Objects
    """Marked for deletion, but something of them may still run."""
    succeeded: Objects
    """Ended well and not yet counted; likewise `failed`."""
    failed: Objects

    @property
    def ready(self) -> int:
        """How many of the active pods are ready."""
        return sum(_is_ready(pod) for pod in self.active)


def census(job: Object, pods: Objects) -> Census:
    """Sort the pods of a Job."""
    waits = job["spec"].get("podReplacementPolicy") == "Failed"
    groups = Census([], [], [], [])
    for pod in pods:
        _group(groups, pod, waits=waits).append(pod)
    return groups


def _group(groups: Census, pod: Object, *, waits: bool) -> Objects:
    counts = TRACKING in (pod["metadata"].get("finalizers") or ())
    ending = "deletionTimestamp" in pod["metadata"]
    if is_terminal(pod):
        if not counts:
            return []
        return groups.succeeded if pod["status"]["phase"] == "Succeeded" else groups.failed
    if not ending:
        return groups.active
    return groups.failed if counts and not waits else groups.ending


def failures(job: Object, failed: Objects) -> tuple[int, str]:
    """Give how many failed pods count, and the message of a rule that fails the Job (empty without one)."""
    policy = job["spec"].get("podFailurePolicy")
    rulings = [ruling(policy, pod) for pod in failed]
    fatal = next((each.message for each in rulings if each.action == "FailJob"), "")
    return sum(each.action != "Ignore" for each in rulings), fatal


def _is_ready(pod: Object) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))
