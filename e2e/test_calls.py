"""Flows that run Flows, and runs that are done again, on a real cluster: with kubectl, and with `tidegate rerun`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.operator_install import get, install, outcome, start, wait_end, wait_until

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)
GROUP = "tidegate.dev/v1alpha1"
SLEEP = 'trap "exit 143" TERM; sleep 600 & wait $!'


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


def flow(name: str, *tasks: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"apiVersion": GROUP, "kind": "Flow", "metadata": {"name": name}, "spec": {"tasks": list(tasks), **spec}}


def apply(kubectl: Run, namespace: str, *manifests: dict[str, Any]) -> None:
    kubectl("-n", namespace, "apply", "-f", "-", input="\n---\n".join(map(json.dumps, manifests)))


def children(kubectl: Run, namespace: str, parent: str) -> list[dict[str, Any]]:
    shown = kubectl("-n", namespace, "get", "flowruns", "-l", f"tidegate.dev/parent={parent}", "-o", "json")
    return sorted(json.loads(shown)["items"], key=lambda run: int(run["metadata"]["labels"]["tidegate.dev/slot"]))


def row(run: dict[str, Any], task: str) -> dict[str, Any]:
    rows = (run.get("status") or {}).get("tasks") or ()
    return next((row for row in rows if row["name"] == task), {"state": ""})


def states(run: dict[str, Any]) -> str:
    return " ".join(f"{row['name']}={row['state']}" for row in run["status"]["tasks"])


# Flows that run Flows


def test_a_cancel_reaches_the_runs_below_and_their_pods(kubectl: Run, namespace: str):
    sleep = {"name": "sleep", "image": "busybox:1.36", "script": SLEEP}
    after = [{"name": "tidy", "set": {"why": "$[[ run.reason ]]"}}]
    apply(
        *(kubectl, namespace, flow("bottom", sleep, **{"finally": after})),
        flow("middle", {"name": "call", "flow": {"name": "bottom"}}),
        flow("top", {"name": "call", "flow": {"name": "middle"}}),
    )
    top = start(kubectl, namespace, "top")
    (middle,) = wait_until("a run below", lambda: children(kubectl, namespace, top))
    (bottom,) = wait_until("one below that", lambda: children(kubectl, namespace, middle["metadata"]["name"]))
    name = bottom["metadata"]["name"]
    wait_until("sleep running", lambda: row(get(kubectl, namespace, "flowrun", name), "sleep")["state"] == "Running")
    kubectl("-n", namespace, "patch", "flowrun", top, "--type=merge", "-p", '{"spec":{"desiredState":"Cancelled"}}')
    ended = [wait_end(kubectl, namespace, run) for run in (top, middle["metadata"]["name"], name)]
    assert [outcome(run)[1] for run in ended] == ["Cancelled", "ParentStopped", "ParentStopped"]
    assert states(ended[2]) == "sleep=Cancelled tidy=Succeeded"
    phases = kubectl("-n", namespace, "get", "pods", "-o", "jsonpath={.items[*].status.phase}")
    assert "Running" not in phases


def test_a_run_that_nobody_waits_for_goes_on_without_its_parent(kubectl: Run, namespace: str):
    held = {"name": "hold", "wait": {"for": {"resource": "configmaps", "name": "go", "when": "true"}}}
    call = {"name": "call", "flow": {"name": "below", "wait": False}}
    grant_reading(kubectl, namespace)
    apply(kubectl, namespace, flow("below", held), flow("above", call))
    parent = wait_end(kubectl, namespace, start(kubectl, namespace, "above"))
    assert outcome(parent) == ("Succeeded", "Completed")
    child = json.loads(json.dumps(parent["status"]["outputs"]))["call"]["run"]
    kubectl("-n", namespace, "delete", "flowrun", parent["metadata"]["name"])
    assert "completionTime" not in get(kubectl, namespace, "flowrun", child)["status"]
    kubectl("-n", namespace, "create", "configmap", "go")
    assert outcome(wait_end(kubectl, namespace, child)) == ("Succeeded", "Completed")


def grant_reading(kubectl: Run, namespace: str) -> None:
    kubectl("-n", namespace, "create", "role", "reader", "--verb=get", "--resource=configmaps")
    account = f"--serviceaccount={namespace}:default"
    kubectl("-n", namespace, "create", "rolebinding", "reader", "--role=reader", account)


def test_each_item_is_a_run_of_its_own_and_its_outputs_come_back_in_order(kubectl: Run, namespace: str):
    half = {"name": "half", "set": {"n": "$[[ 12 / params.n ]]"}}
    outputs = [{"name": "n", "value": "$[[ tasks.half.outputs.n ]]"}]
    below = flow("below", half, params=[{"name": "n", "type": "integer"}], outputs=outputs)
    each = {"items": [3, 0, 4], "maxFailed": 1}
    task = {"name": "each", "forEach": each, "flow": {"name": "below", "params": {"n": "$[[ item ]]"}}}
    all_of_them = {"name": "all", "value": "$[[ tasks.each.outputs ]]"}
    apply(kubectl, namespace, below, flow("above", task, outputs=[all_of_them]))
    ended = wait_end(kubectl, namespace, start(kubectl, namespace, "above"))
    assert outcome(ended) == ("Succeeded", "CompletedWithWarnings"), ended["status"]
    assert ended["status"]["runOutputs"] == {"all": [{"n": 4}, None, {"n": 3}]}
    found = children(kubectl, namespace, ended["metadata"]["name"])
    assert [outcome(child)[0] for child in found] == ["Succeeded", "Failed", "Succeeded"]


def test_a_flow_that_calls_itself_ends_at_the_deepest_level(kubectl: Run, namespace: str):
    apply(kubectl, namespace, flow("endless", {"name": "call", "flow": {"name": "endless"}}))
    ended = wait_end(kubectl, namespace, start(kubectl, namespace, "endless"))
    assert outcome(ended) == ("Failed", "TaskFailed")
    runs = json.loads(kubectl("-n", namespace, "get", "flowruns", "-o", "json"))["items"]
    reasons = [row(run, "call")["reason"] for run in runs]
    assert sorted(reasons) == [*["ChildFailed"] * 10, "TooDeep"]


# Runs that are done again

AGAIN = flow(
    "again",
    {"name": "load", "image": "busybox:1.36", "script": 'printf \'{"rows": 3}\' > "$TIDEGATE_OUTPUT"'},
    {
        "name": "publish",
        "needs": ["load"],
        "image": "busybox:1.36",
        "envFrom": [{"configMapRef": {"name": "switch", "optional": True}}],
        "script": 'echo "$TIDEGATE_IDEMPOTENCY_KEY"; test "$READY" = yes',
    },
    {"name": "tell", "needs": ["publish"], "set": {"rows": "$[[ tasks.load.outputs.rows ]]"}},
    outputs=[{"name": "rows", "value": "$[[ tasks.tell.outputs.rows ]]"}],
)


def test_a_run_that_failed_is_done_again_from_where_it_failed(kubectl: Run, kubeconfig: Path, namespace: str):
    apply(kubectl, namespace, AGAIN)
    failed = wait_end(kubectl, namespace, start(kubectl, namespace, "again"))
    assert outcome(failed) == ("Failed", "TaskFailed")
    kubectl("-n", namespace, "create", "configmap", "switch", "--from-literal=READY=yes")
    again = tidegate(kubeconfig, "rerun", failed["metadata"]["name"], "-n", namespace)
    ended = wait_end(kubectl, namespace, again)
    assert (outcome(ended), ended["status"]["runOutputs"]) == (("Succeeded", "Completed"), {"rows": 3})
    assert row(ended, "load")["reason"] == "Reused"
    assert jobs(kubectl, namespace, ended) == ["publish"]
    assert log(kubectl, namespace, ended, "publish") == log(kubectl, namespace, failed, "publish")

    kubectl("-n", namespace, "delete", "flowrun", failed["metadata"]["name"])
    wishes = {"from": {"mode": "From", "tasks": ["publish"]}, "all": {"mode": "All"}}
    apply(kubectl, namespace, *(rerun(name, again, wish) for name, wish in wishes.items()))
    done = {name: wait_end(kubectl, namespace, name) for name in wishes}
    assert [outcome(run) for run in done.values()] == [("Succeeded", "Completed")] * 2
    assert jobs(kubectl, namespace, done["from"]) == ["publish"]
    assert jobs(kubectl, namespace, done["all"]) == ["load", "publish"]
    assert log(kubectl, namespace, done["all"], "publish") == log(kubectl, namespace, ended, "publish")


def test_what_cannot_be_done_again_says_why(kubectl: Run, namespace: str):
    apply(kubectl, namespace, flow("once", {"name": "a", "set": {"n": 1}}))
    run = wait_end(kubectl, namespace, start(kubectl, namespace, "once"))["metadata"]["name"]
    wishes = {"typo": {"mode": "From", "tasks": ["b"]}, "other": {}}
    apply(kubectl, namespace, rerun("typo", run, wishes["typo"], "once"), rerun("other", run, {}, "another"))
    ended = [wait_end(kubectl, namespace, name) for name in wishes]
    assert [outcome(run) for run in ended] == [("Failed", "InvalidRerun")] * 2
    assert f'run {run} has no task "b"' in ended[0]["status"]["why"]
    assert f"run {run} is of Flow once" in ended[1]["status"]["why"]
    patch = json.dumps({"spec": {"rerun": {"mode": "All", "tasks": None}}})
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl("-n", namespace, "patch", "flowrun", "typo", "--type=merge", "-p", patch)
    assert "rerun cannot change after creation" in refused.value.stderr


def rerun(name: str, of: str, wish: dict[str, Any], flow_name: str = "again") -> dict[str, Any]:
    spec = {"flowRef": {"name": flow_name}, "rerun": {"of": of, **wish}}
    return {"apiVersion": GROUP, "kind": "FlowRun", "metadata": {"name": name}, "spec": spec}


def tidegate(kubeconfig: Path, *args: str) -> str:
    command = [sys.executable, "-m", "tidegate", *args]
    env = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env, timeout=60).stdout.strip()


def jobs(kubectl: Run, namespace: str, run: dict[str, Any]) -> list[str]:
    selector = f"tidegate.dev/run-uid={run['metadata']['uid']}"
    found = json.loads(kubectl("-n", namespace, "get", "jobs", "-l", selector, "-o", "json"))["items"]
    return sorted(job["metadata"]["labels"]["tidegate.dev/task"] for job in found)


def log(kubectl: Run, namespace: str, run: dict[str, Any], task: str) -> str:
    selector = f"tidegate.dev/run-uid={run['metadata']['uid']},tidegate.dev/task={task}"
    return kubectl("-n", namespace, "logs", "-l", selector)
