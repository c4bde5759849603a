"""When a pod ended, for the back-off: as the real controller reads it from its containers, conditions, deletion."""

import pytest

from sandbox.worlds import START
from tidegate.sandbox.backoff import due_after, finished_at
from tidegate.sandbox.moments import stamp

DELETED = {"deletionTimestamp": stamp(START + 40), "deletionGracePeriodSeconds": 30}
UNREADY = [{"type": "Ready", "status": "False", "lastTransitionTime": stamp(START + 5)}]


def ended(after):
    return {"state": {"terminated": {"exitCode": 1, "finishedAt": stamp(START + after)}}}


RUNNING = {"state": {"running": {}}}


@pytest.mark.parametrize(
    ("metadata", "status", "after"),
    [
        ({}, {"containerStatuses": [ended(2), ended(3)], "conditions": UNREADY}, 3),
        ({}, {"containerStatuses": [ended(2), RUNNING], "conditions": UNREADY}, 5),
        (DELETED, {"containerStatuses": [ended(2), RUNNING]}, 10),
        (DELETED, {"conditions": [{**UNREADY[0], "status": "True"}]}, 10),
        ({}, {}, 1),
    ],
)
def test_the_end_of_a_pod_is_the_surest_that_is_known(metadata, status, after):
    pod = {"metadata": {"creationTimestamp": stamp(START + 1), **metadata}, "status": status}
    assert finished_at(pod) == START + after


@pytest.mark.parametrize(("failures", "delay"), [(1, 10), (2, 20), (6, 320), (7, 600), (1000, 600)])
def test_the_delay_doubles_up_to_ten_minutes(failures, delay):
    assert due_after(failures, START) == START + delay


def test_without_a_failure_nobody_waits():
    assert due_after(0, START) == 0
