"""Policies of tasks on a real node: memory that runs out, results that are cached, what autoscalers and queues see."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from e2e.operator_install import get, install, outcome, sample_flows, start, wait_end, wait_until

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)
PATHS = {flow["metadata"]["name"]: path for path, flow in sample_flows()}


@pytest.fixture(scope="module", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


def flow_of(name: str, *tasks: dict[str, Any], **spec: Any) -> str:
    metadata = {"name": name}
    flow = {
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "Flow",
        "metadata": metadata,
        "spec": {**spec, "tasks": tasks},
    }
    return json.dumps(flow)


def row(run: dict[str, Any], task: str) -> dict[str, Any]:
    return next(row for row in run["status"]["tasks"] if row["name"] == task)


def jobs(kubectl: Run, namespace: str) -> list[dict[str, Any]]:
    found = json.loads(kubectl("-n", namespace, "get", "jobs", "-o", "json"))["items"]
    return sorted(found, key=lambda job: int(job["metadata"]["labels"]["tidegate.dev/attempt"]))


def memory_of(job: dict[str, Any]) -> tuple[str, str]:
    resources = job["spec"]["template"]["spec"]["containers"][0]["resources"]
    return resources["requests"]["memory"], resources["limits"]["memory"]


def test_what_ran_out_of_memory_is_tried_again_with_more(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "apply", "-f", str(PATHS["oom"]))
    run = start(kubectl, namespace, "oom")
    ended = wait_end(kubectl, namespace, run)
    assert outcome(ended) == ("Succeeded", "Completed"), ended["status"]
    found = [memory_of(job) for job in jobs(kubectl, namespace)]
    assert found == [(f"{mi}Mi", f"{mi}Mi") for mi in (16, 32, 64)[: len(found)]]
    assert len(found) > 1
    assert "the next attempt gets 32Mi" in kubectl("-n", namespace, "events", "--for", f"flowrun/{run}")


def test_where_memory_ends_running_out_is_a_failure(kubectl: Run, namespace: str):
    task = {
        "name": "hungry",
        "image": "busybox:1.36",
        "command": ["tail", "-n", "1", "/dev/zero"],
        "resources": {"limits": {"memory": "16Mi"}},
        "retry": {"limit": 1, "delaySeconds": 0, "onOOM": {"memoryPercent": 150, "maxMemory": "20Mi"}},
    }
    kubectl("-n", namespace, "apply", "-f", "-", input=flow_of("hungry", task))
    ended = wait_end(kubectl, namespace, start(kubectl, namespace, "hungry"))
    assert (outcome(ended), row(ended, "hungry")["reason"]) == (("Failed", "TaskFailed"), "OOMKilled")
    limits = [
        job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] for job in jobs(kubectl, namespace)
    ]
    # More memory once, then two failures of limit 1.
    assert limits == [{"memory": "16Mi"}, {"memory": "20Mi"}, {"memory": "20Mi"}]


def test_a_second_run_takes_results_from_the_cache_until_somebody_deletes_them(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "apply", "-f", str(PATHS["cache"]))
    first = wait_end(kubectl, namespace, start(kubectl, namespace, "cache"))
    second = wait_end(kubectl, namespace, start(kubectl, namespace, "cache"))
    assert [row(second, task)["state"] for task in ("first", "again")] == ["Cached", "Cached"]
    assert first["metadata"]["name"] in row(second, "first")["message"]
    head, line = kubectl("-n", namespace, "get", "cacheentries").splitlines()
    assert head.split() == ["NAME", "FLOW", "TASK", "SCOPE", "DONE"]
    assert line.split()[1:4] == ["cache", "first", "Flow"]
    kubectl("-n", namespace, "delete", "cacheentries", "-l", "tidegate.dev/flow=cache")
    third = wait_end(kubectl, namespace, start(kubectl, namespace, "cache"))
    assert row(third, "first")["state"] == "Succeeded"
    kubectl("-n", namespace, "delete", "flow", "cache")
    wait_until("no entry", lambda: kubectl("-n", namespace, "get", "cacheentries", "-o", "name").strip() == "")


def test_other_params_are_other_work(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "apply", "-f", str(PATHS["cache"]))
    wait_end(kubectl, namespace, start(kubectl, namespace, "cache"))
    run = wait_end(kubectl, namespace, start(kubectl, namespace, "cache", upTo=3))
    assert row(run, "first")["state"] == "Succeeded"
    assert run["status"]["outputs"]["first"] == {"sum": 6}


def test_autoscalers_and_queues_are_told(kubectl: Run, namespace: str):
    task = {
        "name": "a",
        "image": "busybox:1.36",
        "command": ["true"],
        "timeoutSeconds": 60,
        "disruption": {"policy": "Avoid"},
        "queueName": "batch",
        "priority": "system-node-critical",
    }
    quiet = {**task, "name": "b", "disruption": {"policy": "Allow"}, "priority": "none-such"}
    kubectl("-n", namespace, "apply", "-f", "-", input=flow_of("told", task, quiet))
    kubectl("-n", namespace, "wait", "flow/told", "--for=condition=RequestsMissing", "--timeout=20s")
    start(kubectl, namespace, "told")
    found = {
        job["metadata"]["labels"]["tidegate.dev/task"]: job
        for job in wait_until("two Jobs", lambda: _two(kubectl, namespace))
    }
    assert {job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] for job in found.values()} == {"batch"}
    notes = {name: job["spec"]["template"]["metadata"]["annotations"] for name, job in found.items()}
    assert notes["a"]["karpenter.sh/do-not-disrupt"] == "true"
    assert notes["b"] == {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}
    assert found["a"]["spec"]["template"]["spec"]["priorityClassName"] == "system-node-critical"


def _two(kubectl: Run, namespace: str) -> list[dict[str, Any]] | None:
    found = jobs(kubectl, namespace)
    return found if len(found) == 2 else None


def test_a_job_that_somebody_suspends_is_queued_and_its_time_there_counts_for_nothing(kubectl: Run, namespace: str):
    task = {
        "name": "a",
        "image": "busybox:1.36",
        "script": 'trap "exit 143" TERM; [ -e /tmp/none ] || sleep 5 & wait $!',
        "startDeadlineSeconds": 10,
    }
    kubectl("-n", namespace, "apply", "-f", "-", input=flow_of("queued", task))
    run = start(kubectl, namespace, "queued")

    def state() -> str:
        return str(row(get(kubectl, namespace, "flowrun", run), "a")["state"])

    wait_until(
        "a running", lambda: "tasks" in get(kubectl, namespace, "flowrun", run)["status"] and state() == "Running"
    )
    (job,) = jobs(kubectl, namespace)
    _suspend(kubectl, namespace, job, suspend=True)
    wait_until("a queued", lambda: state() == "Queued")
    wait_until("no pod", lambda: not kubectl("-n", namespace, "get", "pods", "-o", "name").strip())
    wait_until("longer than the deadline", _after(12), 20)
    assert state() == "Queued"
    _suspend(kubectl, namespace, job, suspend=False)
    ended = wait_end(kubectl, namespace, run)
    assert (outcome(ended), row(ended, "a")["attempt"]) == (("Succeeded", "Completed"), 1)
    assert "extra" not in ended["status"]["ledger"]


def _suspend(kubectl: Run, namespace: str, job: dict[str, Any], *, suspend: bool) -> None:
    patch = json.dumps({"spec": {"suspend": suspend}})
    kubectl("-n", namespace, "patch", "job", job["metadata"]["name"], "--type=merge", "-p", patch)


def _after(looks: int) -> Callable[[], bool]:
    """Give a look that says yes after so many seconds' worth of looks, five a second."""
    left = iter(range(looks * 5))
    return lambda: next(left, None) is None
