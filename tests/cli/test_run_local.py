"""`tidegate run --local`: the real operator on the sandbox, from a file to an exit code, and nothing left behind."""

import json
import os
import uuid
from pathlib import Path

import pytest
import yaml

from cli.commands import await_line, finish, interrupt, processes_with, start, tidegate

FLOW = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: sums}
spec:
  params:
  - {name: top, type: integer, default: 2, maximum: 9}
  tasks:
  - name: make
    image: busybox
    env:
    - {name: TOP, value: "$[[ params.top ]]"}
    - {name: WORD, valueFrom: {configMapKeyRef: {name: words, key: word}}}
    script: |
      echo "$WORD $TOP"
      printf 'no end of line'
      echo "{\\"value\\": $TOP}" > "$TIDEGATE_OUTPUT"
  - name: double
    needs: [make]
    set: {value: "$[[ tasks.make.outputs.value * 2 ]]"}
  outputs:
  - {name: value, value: "$[[ tasks.double.outputs.value ]]"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {word: hello}
"""

FAILING = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: failing}
spec:
  tasks:
  - {name: bad, image: busybox, command: [sh, -c, exit 3]}
  - {name: after, needs: [bad], image: busybox, command: [echo]}
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "flow.yaml"
        path.write_text(text)
        return path

    return write


def reason_of(run):
    return next(c["reason"] for c in run["status"]["conditions"] if c["type"] == "Succeeded")


def test_a_flow_runs_to_its_end_with_everything_in_its_file(written, tmp_path):
    log = tmp_path / "make.log"
    path = written(FLOW)
    code, stdout, stderr = tidegate("run", "--local", path, "-p", "top=4", "-o", "json", "--log-of", f"make={log}")
    assert code == 0, stderr
    run = json.loads(stdout)
    assert run["status"]["runOutputs"] == {"value": 8}
    assert run["spec"]["params"] == {"top": 4}
    assert log.read_bytes() == b"hello 4\nno end of line"
    assert "make Succeeded" in stderr.splitlines()


def test_yaml_and_tree_show_the_same_run(written):
    path = written(FLOW)
    code, stdout, _ = tidegate("run", "--local", path, "-o", "yaml")
    assert (code, yaml.safe_load(stdout)["status"]["runOutputs"]) == (0, {"value": 4})
    code, stdout, _ = tidegate("run", "--local", path)
    assert code == 0
    assert "     value: 4" in stdout.splitlines()


def test_the_named_flow_is_run(written):
    code, stdout, stderr = tidegate("run", "--local", written(FLOW + "---" + FAILING), "--flow", "sums", "-o", "json")
    assert code == 0, stderr
    assert json.loads(stdout)["spec"]["flowRef"]["name"] == "sums"


def test_a_failed_run_ends_with_1_and_says_what_failed(written):
    code, stdout, stderr = tidegate("run", "--local", written(FAILING), "-o", "json")
    assert (code, reason_of(json.loads(stdout))) == (1, "TaskFailed"), stderr


def test_a_log_that_does_not_exist_is_told(written, tmp_path):
    path = written(FAILING)
    code, _, stderr = tidegate("run", "--local", path, "--log-of", f"after={tmp_path / 'log'}")
    assert code == 1
    assert "after has no log: it is Skipped and never had a pod (UpstreamFailed" in stderr


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        (FLOW.replace("needs:", "need:"), [], '"needs"'),
        (FLOW, ["-p", "top=10"], "--param top: got 10; expected at most 9"),
        (FLOW, ["-p", "topp=1"], 'did you mean "top"?'),
        (FLOW, ["--log-of", "mak=x"], 'did you mean "make"?'),
        (FLOW, ["--flow", "sum"], 'did you mean "sums"?'),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", [], "there is no Flow"),
        (FLOW + "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n", [], "Service a (v1) is not applied here"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_runs(written, text, options, told):
    code, stdout, stderr = tidegate("run", "--local", written(text), *options)
    assert (code, stdout) == (2, "")
    assert told in stderr
    assert "Traceback" not in stderr


@pytest.fixture
def sleeper(written, tmp_path):
    """A flow whose first task tells through a pipe when it has set its trap, and then sleeps for an hour."""

    def make(trap):
        marker = f"3600.{uuid.uuid4().int % 10**12}"
        ready = tmp_path / "ready"
        os.mkfifo(ready)
        script = f"{trap}\necho ready > {ready}\nexec sleep {marker}\n"
        tasks = [{"name": "long", "image": "busybox", "script": script}, AFTER]
        flow = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": "sleeper"}}
        return written(yaml.safe_dump({**flow, "spec": {"tasks": tasks}})), ready, marker

    return make


AFTER = {"name": "after", "needs": ["long"], "set": {"x": 1}}


def test_an_interrupt_cancels_the_run_and_leaves_no_process(sleeper):
    path, ready, marker = sleeper("")
    process = start("run", "--local", path, "-o", "json")
    assert ready.read_text() == "ready\n"
    interrupt(process)
    code, stdout, stderr = finish(process)
    assert code == 3, stderr
    run = json.loads(stdout)
    assert reason_of(run) == "Cancelled"
    assert [row["state"] for row in run["status"]["tasks"]] == ["Cancelled", "Cancelled"]
    assert processes_with(marker) == []


def test_a_second_interrupt_kills_what_does_not_listen(sleeper):
    path, ready, marker = sleeper("trap '' TERM")
    process = start("run", "--local", path)
    assert ready.read_text() == "ready\n"
    interrupt(process)
    await_line(process.stderr, "cancelling the run")
    assert process.poll() is None
    interrupt(process)
    code, stdout, stderr = finish(process)
    assert (code, stdout) == (3, ""), stderr
    assert "what ran was killed" in stderr
    assert processes_with(marker) == []


def test_nothing_is_written_beside_the_file(written, tmp_path):
    path = written(FLOW)
    code, _, stderr = tidegate("run", "--local", path, cwd=tmp_path)
    assert code == 0, stderr
    assert list(Path(tmp_path).iterdir()) == [path]
