"""Backfills on a real API server: each instant gets one run, also while the operator is killed; what may not change."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from e2e.operator_install import SYSTEM, get, install, wait_until

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)

FLOW: dict[str, Any] = {
    "apiVersion": "tidegate.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "hourly"},
    "spec": {
        "history": {"succeeded": 3, "failed": 3},
        "concurrency": {"policy": "Forbid", "limit": 4},
        "triggers": [{"name": "hour", "cron": {"schedules": ["0 * * * *"], "timeZone": "Europe/Berlin"}}],
        "tasks": [{"name": "work", "image": "busybox:1.36", "command": ["true"]}],
    },
}
BACKFILL: dict[str, Any] = {
    "apiVersion": "tidegate.dev/v1alpha1",
    "kind": "Backfill",
    "metadata": {"name": "a-morning"},
    "spec": {
        "flowRef": {"name": "hourly"},
        "trigger": "hour",
        "from": "2026-03-29T00:00:00+01:00",
        "to": "2026-03-29T12:00:00+02:00",
        "parallelism": 4,
    },
}


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


def test_killing_the_operator_loses_and_doubles_no_instant(kubectl: Run, namespace: str):
    def counts() -> dict[str, int]:
        return dict((get(kubectl, namespace, "backfill", "a-morning").get("status") or {}).get("counts") or {})

    for manifest in (FLOW, BACKFILL):
        kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(manifest))
    wait_until("some instants", lambda: counts().get("succeeded", 0) >= 2)
    kubectl("-n", SYSTEM, "delete", "pod", "-l", "app.kubernetes.io/component=operator", "--force", "--grace-period=0")
    kubectl("-n", namespace, "wait", "--for=condition=Succeeded", "backfill/a-morning", "--timeout=90s")
    assert counts() == {"total": 11, "running": 0, "succeeded": 11, "failed": 0, "skipped": 0}
    assert kubectl("-n", namespace, "get", "backfills", "--no-headers").split()[1:4] == ["hourly", "11/11", "Completed"]
    wait_until("history to let the others go", lambda: len(runs(kubectl, namespace)) == 3)


def runs(kubectl: Run, namespace: str) -> list[str]:
    return kubectl("-n", namespace, "get", "flowruns", "-o", "name").split()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"to": "2026-03-28T00:00:00Z"}, "from must be earlier than to"),
        ({"to": "tomorrow"}, "spec.to"),
        ({"parallelism": 101}, "should be less than or equal to 100"),
        ({"reprocess": "Some"}, 'supported values: "None", "Failed", "All"'),
    ],
)
def test_the_api_server_refuses_what_makes_no_sense(kubectl: Run, namespace: str, change: Any, message: str):
    wrong = {**BACKFILL, "spec": {**BACKFILL["spec"], **change}}
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl("-n", namespace, "create", "-f", "-", input=json.dumps(wrong))
    assert message in refused.value.stderr


def test_only_parallelism_and_the_desired_state_change_and_cancelled_is_for_good(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(BACKFILL))

    def patch(**spec: Any) -> str:
        patch = json.dumps({"spec": spec})
        return kubectl("-n", namespace, "patch", "backfill", "a-morning", "--type=merge", "-p", patch)

    patch(parallelism=1, desiredState="Paused")
    for change in ({"from": "2026-03-01T00:00:00Z"}, {"order": "NewestFirst"}, {"params": {"a": 1}}):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            patch(**change)
        assert f"{next(iter(change))} cannot change after creation: create another Backfill" in refused.value.stderr
    patch(desiredState="Cancelled")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        patch(desiredState="Running")
    assert "desiredState never goes back from Cancelled" in refused.value.stderr
    kubectl("-n", namespace, "wait", "--for=jsonpath={.status.completionTime}", "backfill/a-morning", "--timeout=20s")
