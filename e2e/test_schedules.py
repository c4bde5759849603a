"""Schedules on a real API server: each instant gets one run, also while the operator is killed."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from e2e.operator_install import SYSTEM, get, install, wait_ready, wait_until

from tidegate.api.conditions import instant_of

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)
EVERY = 5

TICK: dict[str, Any] = {
    "apiVersion": "tidegate.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "tick"},
    "spec": {
        "history": {"succeeded": 1000, "failed": 1000},
        "triggers": [
            {"name": "often", "interval": {"everySeconds": EVERY, "catchUp": "All", "catchUpLimit": 100}},
            {"name": "nightly", "cron": {"schedules": ["0 2 * * *"], "timeZone": "Europe/Berlin"}},
        ],
        "tasks": [{"name": "note", "set": {"at": "$[[ run.scheduledTime ]]"}}],
        "outputs": [{"name": "at", "value": "$[[ tasks.note.outputs.at ]]"}],
    },
}


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


def ended(kubectl: Run, namespace: str) -> list[dict[str, Any]]:
    runs = json.loads(kubectl("-n", namespace, "get", "flowruns", "-o", "json"))["items"]
    return [run for run in runs if "completionTime" in (run.get("status") or {})]


def test_killing_the_operator_loses_and_doubles_no_instant(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(TICK))
    for count in (1, 3, 6):
        wait_until(f"{count} runs", lambda c=count: len(ended(kubectl, namespace)) >= c)
        kubectl(
            "-n", SYSTEM, "delete", "pod", "-l", "app.kubernetes.io/component=operator", "--force", "--grace-period=0"
        )
        wait_ready(kubectl)
    before = len(ended(kubectl, namespace))
    wait_until("two runs more", lambda: len(ended(kubectl, namespace)) >= before + 2)
    runs = ended(kubectl, namespace)
    times = sorted(run["spec"]["trigger"]["time"] for run in runs)
    seconds = [int(instant_of(time) or 0) for time in times]
    assert seconds == list(range(seconds[0], seconds[0] + EVERY * len(seconds), EVERY))
    assert sorted(run["status"]["runOutputs"]["at"] for run in runs) == times
    row = get(kubectl, namespace, "flow", "tick")["status"]["triggers"][0]
    assert "missed" not in row


def test_kubectl_shows_when_a_flow_is_due_and_the_api_server_refuses_two_sources(kubectl: Run, namespace: str):
    flow = {**TICK, "spec": {**TICK["spec"], "triggers": TICK["spec"]["triggers"][1:]}}
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    time = wait_until(
        "the next time", lambda: get(kubectl, namespace, "flow", "tick").get("status", {}).get("nextTime")
    )
    assert time in kubectl("-n", namespace, "get", "flows", "--no-headers").split()
    both = {"name": "both", "cron": {"schedules": ["@daily"]}, "interval": {"everySeconds": 60}}
    wrong = {**TICK, "spec": {**TICK["spec"], "triggers": [both]}}
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(wrong))
    assert "a trigger has exactly one source" in refused.value.stderr
