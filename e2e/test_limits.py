"""A queue of runs, a cancel with `finally`, TTL: on a real cluster, with kubectl."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from e2e.operator_install import get, install, outcome, start, wait_end, wait_until

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)

HOLD = 'trap "exit 143" TERM; sleep 600 & wait $!'


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


def apply(kubectl: Run, namespace: str, name: str, **spec: Any) -> None:
    flow = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": name}, "spec": spec}
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))


def a_task(name: str, script: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox:1.36", "script": script, **more}


def reason(kubectl: Run, namespace: str, run: str) -> str:
    conditions = (get(kubectl, namespace, "flowrun", run).get("status") or {}).get("conditions") or ()
    return next((condition["reason"] for condition in conditions if condition["type"] == "Succeeded"), "")


def patch(kubectl: Run, namespace: str, run: str, **spec: Any) -> None:
    kubectl("-n", namespace, "patch", "flowrun", run, "--type=merge", "-p", json.dumps({"spec": spec}))


def test_runs_wait_in_a_queue_and_say_why(kubectl: Run, namespace: str):
    apply(kubectl, namespace, "q", concurrency={"policy": "Queue", "limit": 1}, tasks=[a_task("work", HOLD)])
    first = start(kubectl, namespace, "q")
    wait_until("first live", lambda: reason(kubectl, namespace, first) == "Running")
    second, third = start(kubectl, namespace, "q"), start(kubectl, namespace, "q")
    wait_until("both queued", lambda: {reason(kubectl, namespace, run) for run in (second, third)} == {"Queued"})
    patch(kubectl, namespace, third, priority=10)
    assert f"{first} of 1 allowed is live" in get(kubectl, namespace, "flowrun", second)["status"]["why"]
    patch(kubectl, namespace, first, desiredState="Cancelled")
    wait_until("the urgent one is next", lambda: reason(kubectl, namespace, third) == "Running")
    assert reason(kubectl, namespace, second) == "Queued"
    assert [entry["name"] for entry in get(kubectl, namespace, "flow", "q")["status"]["active"]] == [third]
    for run in (second, third):
        patch(kubectl, namespace, run, desiredState="Cancelled")
        assert outcome(wait_end(kubectl, namespace, run)) == ("Cancelled", "Cancelled")


def test_a_cancelled_run_has_no_pods_left_when_finally_begins(kubectl: Run, namespace: str):
    last = [a_task("tidy", 'echo "$REASON"', env=[{"name": "REASON", "value": "$[[ run.reason ]]"}])]
    apply(
        kubectl,
        namespace,
        "c",
        tasks=[a_task("work", HOLD), a_task("next", "true", needs=["work"])],
        **{"finally": last},
    )
    run = start(kubectl, namespace, "c")
    wait_until("work runs", lambda: get(kubectl, namespace, "flowrun", run)["status"]["tasks"][0]["state"] == "Running")
    patch(kubectl, namespace, run, desiredState="Cancelled")
    ended = wait_end(kubectl, namespace, run)
    assert [row["state"] for row in ended["status"]["tasks"]] == ["Cancelled", "Cancelled", "Succeeded"]
    uid = ended["metadata"]["uid"]
    log = kubectl("-n", namespace, "logs", "-l", f"tidegate.dev/run-uid={uid},tidegate.dev/task=tidy")
    assert log.strip() == "Cancelled"


def test_a_paused_run_starts_nothing_until_it_is_resumed(kubectl: Run, namespace: str):
    apply(kubectl, namespace, "p", tasks=[a_task("one", "sleep 2"), a_task("two", "true", needs=["one"])])
    run = start(kubectl, namespace, "p")
    wait_until("one runs", lambda: get(kubectl, namespace, "flowrun", run)["status"]["tasks"][0]["state"] == "Running")
    patch(kubectl, namespace, run, desiredState="Paused")
    wait_until("two is held", lambda: get(kubectl, namespace, "flowrun", run)["status"]["ledger"]["slots"] == "SH")
    assert reason(kubectl, namespace, run) == "Paused"
    patch(kubectl, namespace, run, desiredState="Running")
    assert outcome(wait_end(kubectl, namespace, run)) == ("Succeeded", "Completed")


def test_a_finished_run_goes_when_its_ttl_has_passed(kubectl: Run, namespace: str):
    apply(kubectl, namespace, "t", tasks=[{"name": "a", "set": {"x": 1}}])
    run = start(kubectl, namespace, "t")
    wait_end(kubectl, namespace, run)
    patch(kubectl, namespace, run, ttlSecondsAfterFinished=1)
    wait_until("the run is gone", lambda: run not in kubectl("-n", namespace, "get", "flowruns", "-o", "name"))
