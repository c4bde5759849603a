"""Indexed Jobs, and what becomes of them on a real Kubernetes (1.37): the sandbox and a real cluster are held to it.

A pod ends with the exit code that its story gives for (index, attempt), 0 where it gives none; one that STAYS runs
until it is told to end, and then ends with 143. No story depends on how fast a machine is.
"""

import re
from dataclasses import dataclass, field
from typing import Any

STAYS = -1
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"

REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")
FAILED_INDEXES = ("FailedIndexes", "Job has failed indexes")
TOO_MANY = ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
EXHAUSTED = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
BY_RULE = "Container main for pod NAMESPACE/fail-job-1-XXXXX failed with exit code 42 matching FailJob rule at index 1"
LATE = ("DeadlineExceeded", "Job was active longer than specified deadline")


@dataclass(frozen=True)
class Story:
    """A Job, how its pods end, what somebody does, and how the Job ends.

    `act` is done once: (evict | delete, index) to the running pod of an index when all others have ended, (suspend,
    index) likewise to the Job, (resume, None) to a suspended Job. `pods` are those that are there in the end: (index,
    failures before, ignored failures before), None where failures are not counted by index.
    """

    name: str
    spec: dict[str, Any]
    status: dict[str, Any]
    pods: list[tuple[int, int | None, int]]
    codes: dict[tuple[int, int], int] = field(default_factory=dict)
    act: tuple[str, int | None] | None = None

    def code(self, pod: dict[str, Any]) -> int:
        """Give how a pod ends."""
        index, failures, ignored = identity(pod)
        return self.codes.get((index, (failures or 0) + ignored), 0)


def complete(**numbers):
    """Give the status of a Job with all its successes."""
    return _ended("SuccessCriteriaMet", "Complete", REACHED, numbers)


def failed(why, **numbers):
    """Give the status of a Job that failed."""
    return _ended("FailureTarget", "Failed", why, numbers)


def _ended(interim, final, why, numbers):
    conditions = [(interim, "True", *why), (final, "True", *why)]
    return {"ready": 0, "terminating": 0, "uncountedTerminatedPods": {}, "conditions": conditions, **numbers}


def on_exit(action, *values):
    return {"action": action, "onExitCodes": {"operator": "In", "values": list(values)}}


def policy(*rules):
    return {"podFailurePolicy": {"rules": list(rules)}}


DISRUPTED = [{"type": "DisruptionTarget", "status": "True"}]
IGNORE_DISRUPTION = {"action": "Ignore", "onPodConditions": DISRUPTED}

STORIES = [
    Story(
        "success",
        {"completions": 3, "parallelism": 2},
        complete(succeeded=3, completedIndexes="0-2"),
        [(0, None, 0), (1, None, 0), (2, None, 0)],
    ),
    Story("empty", {"completions": 0, "parallelism": 1}, complete(), []),
    Story(
        "empty-by-index",
        {"completions": 0, "parallelism": 1, "backoffLimitPerIndex": 1},
        complete(failedIndexes=""),
        [],
    ),
    Story(
        "one-fails",
        {"completions": 3, "parallelism": 3, "backoffLimitPerIndex": 0},
        failed(FAILED_INDEXES, succeeded=2, failed=1, completedIndexes="0,2", failedIndexes="1"),
        [(0, 0, 0), (1, 0, 0), (2, 0, 0)],
        {(1, 0): 1},
    ),
    Story(
        "one-fails-twice",
        {"completions": 3, "parallelism": 3, "backoffLimitPerIndex": 1},
        failed(FAILED_INDEXES, succeeded=2, failed=2, completedIndexes="0,2", failedIndexes="1"),
        [(0, 0, 0), (1, 0, 0), (1, 1, 0), (2, 0, 0)],
        {(1, 0): 1, (1, 1): 1},
    ),
    Story(
        "one-recovers",
        {"completions": 2, "parallelism": 2, "backoffLimitPerIndex": 2},
        complete(succeeded=2, failed=1, completedIndexes="0,1", failedIndexes=""),
        [(0, 0, 0), (1, 0, 0), (1, 1, 0)],
        {(1, 0): 1},
    ),
    Story(
        "all-fail",
        {"completions": 3, "parallelism": 3, "backoffLimitPerIndex": 0},
        failed(FAILED_INDEXES, failed=3, failedIndexes="0-2"),
        [(0, 0, 0), (1, 0, 0), (2, 0, 0)],
        {(0, 0): 1, (1, 0): 1, (2, 0): 1},
    ),
    Story(
        "too-many-fail",
        {"completions": 4, "parallelism": 4, "backoffLimitPerIndex": 0, "maxFailedIndexes": 1},
        failed(TOO_MANY, failed=4, failedIndexes="0,1"),
        [(0, 0, 0), (1, 0, 0)],
        {(0, 0): 1, (1, 0): 1, (2, 0): STAYS, (3, 0): STAYS},
    ),
    Story(
        "as-many-fail-as-may",
        {"completions": 3, "parallelism": 3, "backoffLimitPerIndex": 0, "maxFailedIndexes": 1},
        failed(FAILED_INDEXES, succeeded=2, failed=1, completedIndexes="0,1", failedIndexes="2"),
        [(0, 0, 0), (1, 0, 0), (2, 0, 0)],
        {(2, 0): 1},
    ),
    Story(
        "fail-index",
        {"completions": 3, "parallelism": 3, "backoffLimitPerIndex": 5, **policy(on_exit("FailIndex", 42))},
        failed(FAILED_INDEXES, succeeded=2, failed=1, completedIndexes="0,2", failedIndexes="1"),
        [(0, 0, 0), (1, 0, 0), (2, 0, 0)],
        {(1, 0): 42},
    ),
    Story(
        "fail-job",
        {
            "completions": 3,
            "parallelism": 3,
            "backoffLimitPerIndex": 5,
            **policy(on_exit("FailIndex", 41), on_exit("FailJob", 42)),
        },
        failed(
            ("PodFailurePolicy", BY_RULE),
            failed=3,
            failedIndexes="",
        ),
        [(1, 0, 0)],
        {(0, 0): STAYS, (1, 0): 42, (2, 0): STAYS},
    ),
    Story(
        "counted-by-a-rule",
        {
            "completions": 1,
            "parallelism": 1,
            "backoffLimitPerIndex": 1,
            **policy(on_exit("Count", 3), on_exit("FailJob", 3)),
        },
        failed(FAILED_INDEXES, failed=2, failedIndexes="0"),
        [(0, 0, 0), (0, 1, 0)],
        {(0, 0): 3, (0, 1): 3},
    ),
    Story(
        "ignored-by-a-rule",
        {"completions": 1, "parallelism": 1, "backoffLimitPerIndex": 0, **policy(on_exit("Ignore", 7))},
        complete(succeeded=1, completedIndexes="0", failedIndexes=""),
        [(0, 0, 0), (0, 0, 1)],
        {(0, 0): 7},
    ),
    Story(
        "limit-of-the-whole",
        {"completions": 3, "parallelism": 1, "backoffLimit": 1},
        failed(EXHAUSTED, succeeded=1, failed=2, completedIndexes="0"),
        [(0, None, 0), (1, None, 0), (1, None, 0)],
        {(1, 0): 1},
    ),
    Story(
        "both-limits",
        {"completions": 2, "parallelism": 2, "backoffLimitPerIndex": 3, "backoffLimit": 0},
        failed(EXHAUSTED, failed=2, failedIndexes=""),
        [(0, 0, 0)],
        {(0, 0): 1, (1, 0): STAYS},
    ),
    Story(
        "too-late",
        {"completions": 2, "parallelism": 2, "backoffLimitPerIndex": 1, "activeDeadlineSeconds": 4},
        failed(LATE, failed=2, failedIndexes=""),
        [],
        {(0, 0): STAYS, (1, 0): STAYS},
    ),
    Story(
        "evicted-and-ignored",
        {"completions": 2, "parallelism": 2, "backoffLimitPerIndex": 0, **policy(IGNORE_DISRUPTION)},
        complete(succeeded=2, completedIndexes="0,1", failedIndexes=""),
        [(0, 0, 0), (1, 0, 1)],
        {(1, 0): STAYS},
        ("evict", 1),
    ),
    Story(
        "evicted-without-a-policy",
        {"completions": 2, "parallelism": 2, "backoffLimitPerIndex": 0, "podReplacementPolicy": "Failed"},
        failed(FAILED_INDEXES, succeeded=1, failed=1, completedIndexes="0", failedIndexes="1"),
        [(0, 0, 0)],
        {(1, 0): STAYS},
        ("evict", 1),
    ),
    Story(
        "deleted-by-somebody",
        {"completions": 2, "parallelism": 2, "backoffLimitPerIndex": 1, **policy(IGNORE_DISRUPTION)},
        complete(succeeded=2, failed=1, completedIndexes="0,1", failedIndexes=""),
        [(0, 0, 0), (1, 1, 0)],
        {(1, 0): STAYS},
        ("delete", 1),
    ),
    Story(
        "suspended-from-the-start",
        {"completions": 2, "parallelism": 2, "suspend": True},
        complete(succeeded=2, completedIndexes="0,1")
        | {"conditions": [("Suspended", "False", "JobResumed", "Job resumed"), *complete()["conditions"]]},
        [(0, None, 0), (1, None, 0)],
        act=("resume", None),
    ),
    Story(
        "suspended-on-the-way",
        {"completions": 2, "parallelism": 2, "backoffLimitPerIndex": 1},
        complete(succeeded=1, completedIndexes="0", failedIndexes="")
        | {"conditions": [("Suspended", "True", "JobSuspended", "Job suspended")]},
        [(0, 0, 0)],
        {(1, 0): STAYS},
        ("suspend", 1),
    ),
]


def identity(pod):
    """Give (index, failures, ignored failures) of a pod."""
    notes = pod["metadata"]["annotations"]
    failures = notes.get(FAILURES)
    return int(notes[INDEX]), None if failures is None else int(failures), int(notes.get(IGNORED, 0))


def is_over(job):
    """Tell whether nothing more will become of a Job by itself."""
    status = job["status"]
    true = {each["type"] for each in status.get("conditions", ()) if each["status"] == "True"}
    return bool(true & {"Complete", "Failed"}) or ("Suspended" in true and not status["terminating"])


def told(job):
    """Give a Job's status without its times, and without what is random in names."""
    status = {name: value for name, value in job["status"].items() if name not in ("startTime", "completionTime")}
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    pod = re.compile(rf"{namespace}/({name}-\d+)-\w{{5}}\b")
    status["conditions"] = [
        (each["type"], each["status"], each["reason"], pod.sub(r"NAMESPACE/\1-XXXXX", each["message"]))
        for each in status.get("conditions", ())
    ]
    return status
