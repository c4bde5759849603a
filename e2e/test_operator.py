"""The operator in a real cluster, installed as a user would, with least rights, used with kubectl."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.operator_install import (
    SYSTEM,
    approval,
    get,
    install,
    outcome,
    sample_flows,
    start,
    wait_end,
    wait_ready,
    wait_until,
)

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)
SAMPLES = sample_flows()

CHAIN = {
    "apiVersion": "tidegate.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "chain"},
    "spec": {
        "tasks": [
            {
                "name": f"t{index}",
                "needs": [f"t{index - 1}"] if index else [],
                "image": "busybox:1.36",
                "command": ["true"],
            }
            for index in range(10)
        ]
    },
}
SLEEPER: dict[str, Any] = {
    "apiVersion": "tidegate.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "sleeper"},
    "spec": {
        "tasks": [
            {
                "name": "sleep",
                "image": "busybox:1.36",
                "script": 'trap "exit 143" TERM; sleep 600 & wait $!',
                "retry": {"limit": 1, "delaySeconds": 0},
            }
        ]
    },
}


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


@pytest.mark.parametrize(("path", "flow"), SAMPLES, ids=[flow["metadata"]["name"] for _, flow in SAMPLES])
def test_every_sample_ends_as_it_says(kubectl: Run, namespace: str, path: Path, flow: dict[str, Any]):
    kubectl("-n", namespace, "apply", "-f", str(path))
    notes = flow["metadata"]["annotations"]
    run = start(kubectl, namespace, flow["metadata"]["name"])
    if task := notes.get("tidegate.dev/sample-cancel-at"):
        wait_until(f"{task} running", lambda: row(get(kubectl, namespace, "flowrun", run), task)["state"] == "Running")
        kubectl("-n", namespace, "patch", "flowrun", run, "--type=merge", "-p", '{"spec":{"desiredState":"Cancelled"}}')
    if task := notes.get("tidegate.dev/sample-approve"):
        wait_until(f"{task} waiting", lambda: row(get(kubectl, namespace, "flowrun", run), task)["state"] == "Waiting")
        kubectl("-n", namespace, "create", "-f", "-", input=json.dumps(approval(kubectl, namespace, run, task)))
    ended = wait_end(kubectl, namespace, run)
    expected = notes["tidegate.dev/sample-ends"], notes["tidegate.dev/sample-reason"]
    assert outcome(ended) == expected, ended["status"]


def test_weather_report_can_be_read_from_the_log(kubectl: Run, namespace: str):
    path = next(path for path, flow in SAMPLES if flow["metadata"]["name"] == "weather")
    kubectl("-n", namespace, "apply", "-f", str(path))
    run = wait_end(kubectl, namespace, start(kubectl, namespace, "weather"))
    selector = f"tidegate.dev/run-uid={run['metadata']['uid']},tidegate.dev/task=report"
    html = kubectl("-n", namespace, "logs", "-l", selector, "--tail=-1")
    assert html.lstrip().lower().startswith("<!doctype html")
    assert "<svg" in html
    assert run["status"]["runOutputs"]


def test_kubectl_get_answers_what_how_far_and_why(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(CHAIN))
    run = start(kubectl, namespace, "chain")
    wait_end(kubectl, namespace, run)
    head, line = kubectl("-n", namespace, "get", "flr", run).splitlines()
    assert head.split() == ["NAME", "FLOW", "PROGRESS", "SUCCEEDED", "REASON", "WHY", "AGE"]
    assert line.split()[:5] == [run, "chain", "10/10", "True", "Completed"]
    assert kubectl("-n", namespace, "get", "flows", "--no-headers").split()[:4] == ["chain", "True", "Valid", "10"]


def test_deleting_a_run_takes_its_jobs_and_pods_along(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(SLEEPER))
    run = start(kubectl, namespace, "sleeper")
    wait_until("sleep running", lambda: row(get(kubectl, namespace, "flowrun", run), "sleep")["state"] == "Running")
    kubectl("-n", namespace, "delete", "flowrun", run, "--timeout=20s")
    wait_until("no Job and no pod", lambda: kubectl("-n", namespace, "get", "jobs,pods", "-o", "name").strip() == "")


def test_killing_the_operator_again_and_again_runs_nothing_twice(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(CHAIN))
    run = start(kubectl, namespace, "chain")
    for final in (1, 3, 6):
        wait_until(f"{final} tasks final", lambda f=final: done(get(kubectl, namespace, "flowrun", run)) >= f)
        kubectl(
            "-n", SYSTEM, "delete", "pod", "-l", "app.kubernetes.io/component=operator", "--force", "--grace-period=0"
        )
        wait_ready(kubectl)
    ended = wait_end(kubectl, namespace, run, 150)
    assert outcome(ended) == ("Succeeded", "Completed")
    jobs = json.loads(kubectl("-n", namespace, "get", "jobs", "-o", "json"))["items"]
    pods = json.loads(kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
    tasks = sorted(job["metadata"]["labels"]["tidegate.dev/task"] for job in jobs)
    assert tasks == sorted(task["name"] for task in CHAIN["spec"]["tasks"])
    assert sorted(pod["metadata"]["labels"]["tidegate.dev/task"] for pod in pods) == tasks
    assert ended["status"]["ledger"]["attempts"] == [1] * 10


def test_a_deleted_job_is_told_and_retried(kubectl: Run, namespace: str):
    flow = json.loads(json.dumps(SLEEPER))
    flow["spec"]["tasks"][0]["script"] = (
        'if [ "$TIDEGATE_ATTEMPT" = 1 ]; then trap "exit 143" TERM; sleep 600 & wait $!; fi'
    )
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    run = start(kubectl, namespace, "sleeper")
    wait_until("sleep running", lambda: row(get(kubectl, namespace, "flowrun", run), "sleep")["state"] == "Running")
    kubectl("-n", namespace, "delete", "jobs", "--all")
    ended = wait_end(kubectl, namespace, run)
    assert outcome(ended) == ("Succeeded", "Completed")
    assert row(ended, "sleep")["attempt"] == 2
    assert "JobDeleted" in kubectl("-n", namespace, "events", "--for", f"flowrun/{run}")


def test_an_eviction_is_repeated_without_touching_the_users_retries(kubectl: Run, namespace: str):
    flow = json.loads(json.dumps(SLEEPER))
    task = flow["spec"]["tasks"][0]
    task["script"] = 'if [ "$TIDEGATE_ATTEMPT" = 1 ]; then trap "exit 143" TERM; sleep 600 & wait $!; fi'
    del task["retry"]
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    run = start(kubectl, namespace, "sleeper")
    wait_until("sleep running", lambda: row(get(kubectl, namespace, "flowrun", run), "sleep")["state"] == "Running")
    pod = kubectl("-n", namespace, "get", "pods", "-o", "jsonpath={.items[0].metadata.name}")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))
    ended = wait_end(kubectl, namespace, run)
    assert outcome(ended) == ("Succeeded", "Completed")
    assert row(ended, "sleep")["attempt"] == 2


def test_a_time_out_fails_the_task_with_its_reason(kubectl: Run, namespace: str):
    flow = json.loads(json.dumps(SLEEPER))
    flow["spec"]["tasks"][0] |= {"timeoutSeconds": 2}
    del flow["spec"]["tasks"][0]["retry"]
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    ended = wait_end(kubectl, namespace, start(kubectl, namespace, "sleeper"))
    assert row(ended, "sleep")["reason"] == "TimedOut"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("head -c 4097 /dev/zero | tr '\\0' x > $TIDEGATE_OUTPUT", "OutputTooLarge"),
        ("head -c 64 /dev/urandom > $TIDEGATE_OUTPUT", "OutputInvalid"),
        ("echo '[1]' > $TIDEGATE_OUTPUT", "OutputInvalid"),
    ],
)
def test_an_output_that_cannot_be_taken_fails_its_task(kubectl: Run, namespace: str, script: str, reason: str):
    tasks = [{"name": "write", "image": "busybox:1.36", "script": script}]
    flow = {**CHAIN, "metadata": {"name": "output"}, "spec": {"tasks": tasks}}
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    ended = wait_end(kubectl, namespace, start(kubectl, namespace, "output"))
    assert outcome(ended) == ("Failed", "TaskFailed")
    assert row(ended, "write")["reason"] == reason


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"name": "a", "image": "x", "wait": {"seconds": 1}}, "exactly one body"),
        ({"name": "a", "imagee": "x"}, 'unknown field "spec.tasks[0].imagee"'),
        ({"name": "a", "image": "x", "timeoutSeconds": 0}, "spec.tasks[0].timeoutSeconds"),
        ({"name": "A b", "image": "x"}, "spec.tasks[0].name"),
    ],
)
def test_the_api_server_refuses_what_its_rules_can_see(kubectl: Run, namespace: str, task: dict[str, Any], words: str):
    flow = {**CHAIN, "metadata": {"name": "bad"}, "spec": {"tasks": [task]}}
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    assert words in refused.value.stderr


def test_the_operator_tells_what_only_it_can_see(kubectl: Run, namespace: str):
    tasks = [
        {"name": "a", "image": "x", "needs": ["b"]},
        {"name": "b", "image": "x", "needs": ["a"], "when": "params.nope"},
    ]
    flow = {**CHAIN, "metadata": {"name": "bad"}, "spec": {"tasks": tasks}}
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    kubectl("-n", namespace, "wait", "flow/bad", "--for=condition=Ready=false", "--timeout=20s")
    message = get(kubectl, namespace, "flow", "bad")["status"]["conditions"][0]["message"]
    assert "a -> b -> a" in message
    assert "nope" in message
    ended = wait_end(kubectl, namespace, start(kubectl, namespace, "bad"))
    assert outcome(ended) == ("Failed", "InvalidSpec")


def test_a_run_without_its_flow_waits_and_starts_when_it_comes(kubectl: Run, namespace: str):
    run = start(kubectl, namespace, "sleeper")
    wait_until("FlowNotFound", lambda: "FlowNotFound" in json.dumps(get(kubectl, namespace, "flowrun", run)))
    flow = json.loads(json.dumps(SLEEPER))
    flow["spec"]["tasks"][0]["script"] = "true"
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    assert outcome(wait_end(kubectl, namespace, run)) == ("Succeeded", "Completed")


def test_bad_params_end_the_run_and_say_what_is_allowed(kubectl: Run, namespace: str):
    flow = {
        **CHAIN,
        "metadata": {"name": "typed"},
        "spec": {
            "params": [{"name": "n", "type": "integer", "minimum": 1, "maximum": 9}],
            "tasks": [{"name": "a", "set": {"n": "$[[ params.n ]]"}}],
        },
    }
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    ended = wait_end(kubectl, namespace, start(kubectl, namespace, "typed", n=10))
    assert outcome(ended) == ("Failed", "InvalidParams")
    assert "got 10; expected at most 9" in ended["status"]["why"]


def row(run: dict[str, Any], task: str) -> dict[str, Any]:
    rows = (run.get("status") or {}).get("tasks") or []
    return next((row for row in rows if row["name"] == task), {"state": ""})


def done(run: dict[str, Any]) -> int:
    slots = ((run.get("status") or {}).get("ledger") or {}).get("slots", "")
    return sum(letter in "SFKUZ" for letter in slots)
