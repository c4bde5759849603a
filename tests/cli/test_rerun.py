"""`tidegate rerun` against an API server: the one that `tidegate dev` serves, with its real operator."""

import json

import pytest

from cli.commands import served, tidegate

FLAKY = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: flaky}
spec:
  params:
  - {name: flag, type: string}
  tasks:
  - {name: first, image: busybox, script: 'printf "{\\"n\\": 7}" > "$TIDEGATE_OUTPUT"'}
  - name: second
    needs: [first]
    image: busybox
    env: [{name: FLAG, value: "$[[ params.flag ]]"}, {name: "N", value: "$[[ tasks.first.outputs.n ]]"}]
    script: test -e "$FLAG" && test "$N" = 7
  - {name: third, needs: [second], set: {"n": "$[[ tasks.first.outputs.n ]]"}}
  outputs:
  - {name: "n", value: "$[[ tasks.third.outputs.n ]]"}
---
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: long}
spec:
  tasks:
  - {name: sleep, image: busybox, script: "exec sleep 3600"}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dev")
    (folder / "flaky.yaml").write_text(FLAKY)
    with served(folder, "flaky.yaml") as (_, kubeconfig):

        def call(*args):
            return tidegate(*args, cwd=folder, KUBECONFIG=str(kubeconfig))

        call.folder = folder
        yield call


@pytest.fixture(scope="module")
def failed(cluster):
    """The name of a run whose second task failed; by now it would not."""
    flag = cluster.folder / "flag"
    code, stdout, stderr = cluster("run", "flaky", "--param", f"flag={flag}", "--wait", "-o", "json")
    assert code == 1, stderr
    flag.touch()
    return json.loads(stdout)["metadata"]["name"]


def states(run):
    return {row["name"]: (row["state"], row.get("reason", "")) for row in run["status"]["tasks"]}


def test_only_what_failed_is_done_again(cluster, failed):
    code, stdout, stderr = cluster("rerun", failed, "--wait", "-o", "json")
    assert code == 0, stderr
    run = json.loads(stdout)
    assert states(run) == {"first": ("Succeeded", "Reused"), "second": ("Succeeded", ""), "third": ("Succeeded", "")}
    assert run["status"]["runOutputs"] == {"n": 7}
    assert run["metadata"]["name"].startswith("flaky-")


def test_all_of_it_is_done_again_when_that_is_asked_for(cluster, failed):
    code, stdout, stderr = cluster("rerun", failed, "--all", "--wait", "-o", "json", "--name", "everything")
    assert code == 0, stderr
    run = json.loads(stdout)
    assert run["metadata"]["name"] == "everything"
    assert set(states(run).values()) == {("Succeeded", "")}


def test_from_a_task_on(cluster, failed):
    code, stdout, _ = cluster("rerun", failed, "--name", "good", "--wait")
    assert code == 0
    code, stdout, stderr = cluster("rerun", "good", "--from", "third", "--wait", "-o", "json")
    assert code == 0, stderr
    assert [state for state in states(json.loads(stdout)).values() if state[1] == "Reused"] == [
        ("Succeeded", "Reused"),
        ("Succeeded", "Reused"),
    ]


def test_without_waiting_the_name_of_the_new_run_is_printed(cluster, failed):
    assert cluster("rerun", failed, "--name", "quick")[:2] == (0, "quick\n")


def test_a_task_that_the_run_does_not_have_is_told_by_the_new_run(cluster, failed):
    code, stdout, _ = cluster("rerun", failed, "--from", "secnd", "--wait")
    assert code == 2
    assert f'run {failed} has no task "secnd"; did you mean "second"?' in stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nobody"], 'there is no run "nobody" in namespace default'),
        (["x", "--all", "--from", "y"], "--from and --all exclude each other"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_created(cluster, args, told):
    code, stdout, stderr = cluster("rerun", *args)
    assert (code, stdout) == (2, "")
    assert told in stderr


def test_a_run_that_lives_is_not_done_again(cluster):
    name = cluster("run", "long")[1].strip()
    code, _, stderr = cluster("rerun", name)
    assert (code, stderr) == (2, f"tidegate: run {name} has not ended; `tidegate cancel {name}` ends it\n")
    cluster("cancel", name)
