"""The real kubectl against the sandbox: what people do every day works as with a cluster."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.sandbox.sandbox import Sandbox

FLOW = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: hello}
spec:
  description: Says hello.
  tasks: [{name: greet, image: busybox}]
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: talk}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: busybox, command: [sh, -c, "echo hi; until [ -e GO ]; do sleep 0.05; done; echo bye"]}
"""
INDEXED_JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: many}
spec:
  completionMode: Indexed
  completions: 4
  parallelism: 4
  backoffLimitPerIndex: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: busybox, command: [sh, -c, "echo $JOB_COMPLETION_INDEX; test $JOB_COMPLETION_INDEX != 2"]}
"""
RUN = """
apiVersion: tidegate.dev/v1alpha1
kind: FlowRun
metadata: {name: NAME}
spec: {flowRef: {name: hello}}
"""

Run = Callable[..., str]


@pytest.fixture
def sandbox_kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """A sandbox on a loop of its own, since kubectl blocks this one."""
    path, loop, ready, end = tmp_path / "kubeconfig", asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with Sandbox() as sandbox:
            sandbox.write_kubeconfig(path)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    yield path
    loop.call_soon_threadsafe(end.set)
    thread.join(30)
    loop.close()


@pytest.fixture
def run(request: pytest.FixtureRequest, sandbox_kubeconfig: Path, tmp_path: Path) -> Run:
    """`run(*arguments, input=None)` gives what kubectl prints; it raises when kubectl fails."""
    program = request.config.option.kind_kubectl_bin
    common = [program, "--kubeconfig", str(sandbox_kubeconfig), "--cache-dir", str(tmp_path / "cache")]

    def call(*arguments: str, input: str | None = None, fails: bool = False) -> str:  # noqa: A002 - as subprocess
        done = subprocess.run(
            [*common, *arguments], input=input, capture_output=True, text=True, timeout=60, check=False
        )
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def test_apply_creates_then_changes_then_leaves_alone(run: Run) -> None:
    assert "created" in run("apply", "-f", "-", input=FLOW)
    assert "unchanged" in run("apply", "-f", "-", input=FLOW)
    assert "configured" in run("apply", "-f", "-", input=FLOW.replace("hello.", "hi."))
    assert run("get", "flow", "hello", "-o", "jsonpath={.spec.description} {.metadata.generation}") == "Says hi. 2"
    assert "server dry run" in run("apply", "--dry-run=server", "-f", "-", input=FLOW)
    assert "+  description: Says hello." in run("diff", "-f", "-", input=FLOW, fails=True)


def test_a_misspelt_field_is_refused_by_default_and_warned_of_on_demand(run: Run) -> None:
    wrong = FLOW.replace("image: busybox", "image: busybox, comand: [a]")
    assert 'strict decoding error: unknown field "spec.tasks[0].comand"' in run(
        "apply", "-f", "-", input=wrong, fails=True
    )
    assert 'Warning: unknown field "spec.tasks[0].comand"' in run("apply", "--validate=warn", "-f", "-", input=wrong)


def test_a_wrong_value_is_told_with_its_place(run: Run) -> None:
    told = run("apply", "-f", "-", input=FLOW.replace("image: busybox", "image: [1]"), fails=True)
    assert 'The Flow "hello" is invalid: spec.tasks[0].image: Invalid value: "array"' in told


def test_server_side_apply_says_what_to_do_instead(run: Run) -> None:
    assert "without --server-side" in run("apply", "--server-side", "-f", "-", input=FLOW, fails=True)


def test_a_job_runs_and_its_log_can_be_followed(run: Run, tmp_path: Path) -> None:
    go = tmp_path / "go"
    run("apply", "-f", "-", input=JOB.replace("GO", str(go)))
    run("wait", "--for=condition=Ready", "pod", "-l", "job-name=talk", "--timeout=20s")
    go.touch()
    assert run("logs", "job/talk", "--follow") == "hi\nbye\n"
    run("wait", "--for=condition=Complete", "job/talk", "--timeout=20s")
    assert "1/1" in run("get", "jobs")
    assert "Completed" in run("get", "pods", "--field-selector", "status.phase=Succeeded")
    assert run("logs", "-l", "job-name=talk", "--tail=1") == "bye\n"
    assert "Pods Statuses" in run("describe", "job", "talk")
    assert "Exit Code:    0" in run("describe", "pod", "-l", "job-name=talk")
    run("delete", "job", "talk")
    assert "No resources found" in run("get", "pods")


def test_an_indexed_job_tells_its_indexes(run: Run) -> None:
    run("apply", "-f", "-", input=INDEXED_JOB)
    run("wait", "--for=condition=Failed", "job/many", "--timeout=20s")
    fields = "{.status.completedIndexes} {.status.failedIndexes} {.status.succeeded} {.status.failed}"
    assert run("get", "job", "many", "-o", f"jsonpath={fields}") == "0,1,3 2 3 1"
    assert "Completed Indexes: 0,1,3" in " ".join(run("describe", "job", "many").split())
    assert run("logs", "-l", "batch.kubernetes.io/job-completion-index=3") == "3\n"
    assert "3/4" in run("get", "jobs")


def test_our_columns_selectors_and_names_work(run: Run) -> None:
    run("apply", "-f", "-", input=FLOW)
    run("apply", "-f", "-", input=RUN.replace("NAME", "one"))
    header, row = run("get", "flr").splitlines()
    assert header.split() == ["NAME", "FLOW", "PROGRESS", "SUCCEEDED", "REASON", "WHY", "AGE"]
    assert row.split()[:2] == ["one", "hello"]
    assert run("get", "flowruns", "--field-selector", "spec.flowRef.name=hello", "-o", "name").split() == [
        "flowrun.tidegate.dev/one"
    ]
    assert "No resources found" in run("get", "flr", "--field-selector", "spec.flowRef.name=other")
    assert "field label not supported" in run("get", "flr", "--field-selector", "spec.params=x", fails=True)
    run("label", "flr", "one", "team=data")
    run("annotate", "flr", "one", "why=because")
    assert "one" in run("get", "flr", "-A", "-l", "team in (data,ops)")
    assert "hello" in run("get", "tidegate")


def test_a_frozen_field_of_a_run_is_told(run: Run) -> None:
    run("apply", "-f", "-", input=RUN.replace("NAME", "one"))
    told = run("patch", "flr", "one", "--type=merge", "-p", '{"spec":{"flowRef":{"name":"x"}}}', fails=True)
    assert "flowRef cannot change after creation" in told


def test_objects_can_be_patched_in_each_format(run: Run) -> None:
    run("create", "configmap", "c", "--from-literal=a=1")
    run("patch", "cm", "c", "--type=merge", "-p", '{"data":{"b":"2"}}')
    run("patch", "cm", "c", "-p", '{"data":{"c":"3"}}')
    run("patch", "cm", "c", "--type=json", "-p", '[{"op":"remove","path":"/data/a"}]')
    assert json.loads(run("get", "cm", "c", "-o", "json"))["data"] == {"b": "2", "c": "3"}


def test_a_namespace_is_made_filled_and_removed_with_its_contents(run: Run) -> None:
    run("create", "namespace", "data")
    run("create", "secret", "generic", "s", "--from-literal=p=q", "-n", "data")
    assert run("get", "secret", "s", "-n", "data", "-o", "jsonpath={.data.p}") == "cQ=="
    assert "default" in run("get", "serviceaccounts", "-n", "data")
    run("delete", "namespace", "data")
    assert "not found" in run("get", "secret", "s", "-n", "data", fails=True)


def test_deletions_can_be_awaited_and_made_by_the_dozen(run: Run) -> None:
    run("apply", "-f", "-", input=FLOW)
    for name in ("one", "two", "three"):
        run("apply", "-f", "-", input=RUN.replace("NAME", name))
    run("label", "flr", "one", "two", "team=data")
    run("delete", "flr", "-l", "team=data", "--wait")
    run("wait", "--for=delete", "flr/one", "--timeout=10s")
    assert run("get", "flr", "-o", "name").split() == ["flowrun.tidegate.dev/three"]
    run("delete", "flr,flows", "--all")
    assert "No resources found" in run("get", "flr,flows")


def test_a_condition_can_be_awaited(run: Run) -> None:
    run("apply", "-f", "-", input=FLOW)
    condition = {"type": "Ready", "status": "True", "reason": "Valid", "message": "", "observedGeneration": 1}
    status = {"conditions": [{**condition, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    run("patch", "flow", "hello", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    assert "condition met" in run("wait", "--for=condition=Ready", "flow/hello", "--timeout=10s")
    assert "timed out" in run("wait", "--for=condition=Stalled", "flow/hello", "--timeout=1s", fails=True)


def test_events_are_shown_in_both_faces(run: Run) -> None:
    run("apply", "-f", "-", input=FLOW)
    uid = run("get", "flow", "hello", "-o", "jsonpath={.metadata.uid}")
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "action": "Look",
        "reason": "Greeted",
        "note": "it said hello",
        "type": "Normal",
        "reportingController": "test",
        "reportingInstance": "test",
        "regarding": {
            "apiVersion": "tidegate.dev/v1alpha1",
            "kind": "Flow",
            "name": "hello",
            "namespace": "default",
            "uid": uid,
        },
    }
    run("create", "-f", "-", input=json.dumps(event))
    for command in (("events",), ("get", "events"), ("events", "--for", "flow/hello"), ("describe", "flow", "hello")):
        assert "it said hello" in run(*command)


def test_what_is_there_can_be_discovered(run: Run) -> None:
    assert "flowruns" in run("api-resources", "--api-group=tidegate.dev")
    assert "sandbox" in run("version")
    assert run("auth", "can-i", "create", "flows").strip() == "yes"
    assert "How often and when a failed attempt is tried again" in run("explain", "flow.spec.tasks.retry")
    assert "Ready" in run("get", "nodes")
