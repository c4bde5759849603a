"""Fan-outs on a real cluster: each pod gets its own item, failures are borne or not, nothing outlives a stop."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from e2e.operator_install import get, install, outcome, start, wait_end, wait_until

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)

REPORT = """
printf '{"item":"%s","index":%s,"key":"%s"}' "$(cat "$TIDEGATE_ITEM")" "$(cat "$TIDEGATE_INDEX")" \
  "$TIDEGATE_IDEMPOTENCY_KEY" > "$TIDEGATE_OUTPUT"
"""
LINGER = 'trap "exit 143" TERM; sleep 600 & wait $!'


def flow(name: str, script: str, items: Any, **more: Any) -> str:
    """Give a Flow with one fan-out and its list as output."""
    options = {key: more.pop(key) for key in ("strategy", "parallelism", "maxFailed", "chunkSize") if key in more}
    task = {
        "name": "x",
        "image": "busybox:1.36",
        "forEach": {"items": items, **options},
        "script": script,
        **more,
    }
    spec = {"tasks": [task], "outputs": [{"name": "all", "value": "$[[ tasks.x.outputs ]]"}]}
    return json.dumps({"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": name}, "spec": spec})


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


def ends(kubectl: Run, namespace: str, manifest: str, seconds: float = 120) -> dict[str, Any]:
    """Apply a Flow, run it, and give the run when it has ended."""
    kubectl("-n", namespace, "apply", "-f", "-", input=manifest)
    return wait_end(kubectl, namespace, start(kubectl, namespace, json.loads(manifest)["metadata"]["name"]), seconds)


@pytest.mark.parametrize("options", [{"chunkSize": 3}, {"strategy": "Jobs"}], ids=["Indexed", "Jobs"])
def test_each_pod_gets_its_own_item_and_number(kubectl: Run, namespace: str, options: dict[str, Any]):
    items = [f"item-{number}" for number in range(7)]
    run = ends(kubectl, namespace, flow("own", REPORT, items, **options))
    assert outcome(run) == ("Succeeded", "Completed"), run["status"]
    written = run["status"]["runOutputs"]["all"]
    assert [(one["item"], one["index"]) for one in written] == [(item, number) for number, item in enumerate(items)]
    assert len({one["key"] for one in written}) == len(items)
    assert all("$" not in one["key"] for one in written)
    (row,) = run["status"]["tasks"]
    assert row["items"] == {"total": 7, "succeeded": "0-6"}
    jobs = json.loads(kubectl("-n", namespace, "get", "jobs", "-o", "json"))["items"]
    assert sorted(job["spec"]["completions"] for job in jobs) == ([1, 3, 3] if "chunkSize" in options else [1] * 7)


def test_one_item_fails_once_and_one_for_good(kubectl: Run, namespace: str):
    script = f"""
    case "$(cat "$TIDEGATE_ITEM") $FAILURES" in
      "once 0") exit 1;;
      "never "*) echo "no use" > "$TIDEGATE_OUTPUT"; exit 7;;
    esac
    {REPORT}
    """
    field = {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-index-failure-count']"}
    options = {
        "retry": {"limit": 1, "exceptExitCodes": [7]},
        "env": [{"name": "FAILURES", "valueFrom": {"fieldRef": field}}],
        "maxFailed": 1,
    }
    run = ends(kubectl, namespace, flow("some", script, ["well", "once", "never"], **options))
    assert outcome(run) == ("Succeeded", "CompletedWithWarnings"), run["status"]
    assert [one and one["item"] for one in run["status"]["runOutputs"]["all"]] == ["well", "once", None]
    (row,) = run["status"]["tasks"]
    assert row["items"] == {"total": 3, "succeeded": "0-1", "failed": "2"}
    assert row["message"].startswith("1 of 3 items failed, which is borne; the first: item 2: ExitCode: exit code 7")
    pods = json.loads(kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
    assert len(pods) == 4


def test_too_many_failures_stop_what_runs(kubectl: Run, namespace: str):
    script = f'if [ "$(cat "$TIDEGATE_ITEM")" = bad ]; then sleep 5; exit 3; fi; {LINGER}'
    options = {"chunkSize": 2, "parallelism": 4}
    run = ends(kubectl, namespace, flow("stop", script, ["bad", "a", "b", "c", "d"], **options))
    assert outcome(run) == ("Failed", "TaskFailed")
    (row,) = run["status"]["tasks"]
    assert (row["reason"], row["items"]["failed"]) == ("TooManyFailed", "0")
    assert "1 of 5 items failed, 0 are borne; the first: item 0: ExitCode: exit code 3" in row["message"]
    assert run["status"]["ledger"]["slots"].startswith("F")
    assert alive(kubectl, namespace) == []


def test_a_cancel_stops_items_and_what_had_ended_is_kept(kubectl: Run, namespace: str):
    script = f'if [ "$(cat "$TIDEGATE_INDEX")" = 0 ]; then {REPORT} exit 0; fi; {LINGER}'
    kubectl("-n", namespace, "apply", "-f", "-", input=flow("cancel", script, ["a", "b", "c"]))
    name = start(kubectl, namespace, "cancel")

    def is_half_done() -> bool:
        rows = get(kubectl, namespace, "flowrun", name).get("status", {}).get("tasks") or [{}]
        job = json.loads(kubectl("-n", namespace, "get", "jobs", "-o", "json"))["items"] or [{"status": {}}]
        is_counted = job[0]["status"].get("completedIndexes") == "0"
        return is_counted and rows[0].get("items") == {"total": 3, "succeeded": "0", "running": 2}

    wait_until("one item done, two running", is_half_done)
    kubectl("-n", namespace, "patch", "flowrun", name, "--type=merge", "-p", '{"spec":{"desiredState":"Cancelled"}}')
    run = wait_end(kubectl, namespace, name)
    assert outcome(run) == ("Cancelled", "Cancelled")
    assert run["status"]["tasks"][0]["items"] == {"total": 3, "succeeded": "0"}
    assert alive(kubectl, namespace) == []


def test_an_evicted_item_is_repeated_and_counted_as_no_failure(kubectl: Run, namespace: str):
    script = f'if [ "${{IGNORED:-0}}" = 0 ]; then {LINGER}; exit 1; fi; {REPORT}'
    field = {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-index-ignored-failure-count']"}
    options = {"env": [{"name": "IGNORED", "valueFrom": {"fieldRef": field}}]}
    kubectl("-n", namespace, "apply", "-f", "-", input=flow("evict", script, ["a"], **options))
    name = start(kubectl, namespace, "evict")
    running = wait_until("its pod running", lambda: alive(kubectl, namespace, "Running"))
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": running[0]}}
    path = f"/api/v1/namespaces/{namespace}/pods/{running[0]}/eviction"
    kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))
    run = wait_end(kubectl, namespace, name)
    assert outcome(run) == ("Succeeded", "Completed"), run["status"]
    assert run["status"]["runOutputs"]["all"][0]["item"] == "a"


def alive(kubectl: Run, namespace: str, *phases: str) -> list[str]:
    """Give the pods that have not ended, or are in one of these phases."""
    pods = json.loads(kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
    wanted = phases or ("Pending", "Running", "Unknown")
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] in wanted]
