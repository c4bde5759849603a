"""Jobs that a real cluster accepts and gives no pods: a quota, a ServiceAccount that is not there, Pod Security."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from e2e.operator_install import get, install, outcome, start, wait_end, wait_until

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)

SECONDS = 30
"""Within which it must be told."""


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


def begin(kubectl: Run, namespace: str, **task: Any) -> str:
    """Run a Flow of one task; give the run's name."""
    tasks = [{"name": "work", "image": "busybox:1.36", "command": ["true"], **task}]
    flow = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": "f"}, "spec": {"tasks": tasks}}
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    return start(kubectl, namespace, "f")


def told(kubectl: Run, namespace: str, run: str) -> str:
    """Give the run's `why` once it speaks of refused pods."""

    def look() -> str:
        why = str((get(kubectl, namespace, "flowrun", run).get("status") or {}).get("why"))
        return why if "PodsRefused" in why else ""

    return str(wait_until("the run says that its pods are refused", look, SECONDS))


def quota(pods: int) -> str:
    spec = {"hard": {"count/pods": str(pods)}}
    return json.dumps({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": spec})


def test_a_full_quota_is_told_and_the_run_ends_well_once_it_is_lifted(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "apply", "-f", "-", input=quota(0))
    kubectl("-n", namespace, "wait", "resourcequota/none", "--for=jsonpath={.status.hard}", "--timeout=30s")
    run = begin(kubectl, namespace)
    assert told(kubectl, namespace, run).startswith("work waits: PodsRefused: exceeded quota: none, requested: ")
    (row,) = get(kubectl, namespace, "flowrun", run)["status"]["tasks"]
    assert (row["state"], row["reason"]) == ("Starting", "PodsRefused")
    kubectl("-n", namespace, "delete", "resourcequota", "none")
    assert outcome(wait_end(kubectl, namespace, run, 150)) == ("Succeeded", "Completed")


def test_an_account_that_is_not_there_is_told_and_ends_the_attempt_in_time(kubectl: Run, namespace: str):
    run = begin(kubectl, namespace, serviceAccountName="nobody", startDeadlineSeconds=40)
    assert 'serviceaccount "nobody" not found' in told(kubectl, namespace, run)
    ended = wait_end(kubectl, namespace, run)
    assert outcome(ended) == ("Failed", "TaskFailed")
    (row,) = ended["status"]["tasks"]
    assert row["reason"] == "StartDeadlineExceeded"
    assert "PodsRefused: error looking up service account" in row["message"]


def test_pod_security_is_told(kubectl: Run, namespace: str):
    run = begin(kubectl, namespace, podTemplate={"spec": {"hostNetwork": True}})
    assert 'PodsRefused: violates PodSecurity "restricted:latest"' in told(kubectl, namespace, run)
