"""`run`, `logs`, `cancel` against an API server: the one that `tidegate dev` serves, with its real operator."""

import asyncio
import stat

import pytest

from cli.commands import await_line, finish, interrupt, served, start, tidegate
from tidegate.cli.connection import Where, connect
from tidegate.errors import Rejected
from tidegate.kube.resources import CONFIGMAPS, FLOWRUNS, FLOWS

GREET = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: greet}
spec:
  params:
  - {name: whom, default: you, pattern: "^[a-z]+$"}
  tasks:
  - name: say
    image: busybox
    env: [{name: WHOM, value: "$[[ params.whom ]]"}]
    script: echo "hello $WHOM"; echo; printf bye
  - {name: then, needs: [say], set: {x: 1}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: beside}
data: {a: b}
"""

LONG = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: long}
spec:
  tasks:
  - {name: sleep, image: busybox, script: "echo asleep; exec sleep 3600"}
  - {name: after, needs: [sleep], image: busybox, command: [echo]}
"""

MANY = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: many}
spec:
  tasks:
  - name: each
    image: busybox
    forEach: {items: [a, b, c], chunkSize: 2}
    script: echo "this is $(cat "$TIDEGATE_ITEM")"
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dev")
    (folder / "greet.yaml").write_text(GREET)
    (folder / "long.yaml").write_text(LONG)
    with served(folder, "long.yaml") as (_, kubeconfig):

        def call(*args):
            return tidegate(*args, cwd=folder, KUBECONFIG=str(kubeconfig))

        call.kubeconfig, call.folder = kubeconfig, folder
        yield call


def listed(cluster, resource):
    async def read():
        async with connect(Where(kubeconfig=str(cluster.kubeconfig))) as connection:
            return (await connection.client.list(resource, "default")).items

    return asyncio.run(read())


def runs_of(cluster, flow):
    return [run for run in listed(cluster, FLOWRUNS) if run["spec"]["flowRef"]["name"] == flow]


@pytest.fixture(scope="module")
def greeted(cluster):
    """The name of a run of `greet` that has ended."""
    code, stdout, stderr = cluster("run", "-f", "greet.yaml", "--param", "whom=all", "--wait")
    assert code == 0, stderr
    return stdout.split()[0]


@pytest.fixture(scope="module")
def many(cluster):
    """The name of a run of `many` that has ended."""
    (cluster.folder / "many.yaml").write_text(MANY)
    code, stdout, stderr = cluster("run", "-f", "many.yaml", "--wait")
    assert code == 0, stderr
    return stdout.split()[0]


def test_run_applies_a_file_waits_and_shows_how_it_ended(cluster, greeted):
    assert greeted.startswith("greet-")
    assert [obj["metadata"]["name"] for obj in listed(cluster, CONFIGMAPS) if obj["metadata"]["name"] == "beside"]
    (run,) = [run for run in runs_of(cluster, "greet") if run["metadata"]["name"] == greeted]
    assert run["spec"]["params"] == {"whom": "all"}


def test_applying_the_same_again_changes_nothing(cluster, greeted):
    code, _, stderr = cluster("run", "-f", "greet.yaml")
    assert code == 0, stderr
    assert {"Flow greet unchanged", "ConfigMap beside unchanged"} <= set(stderr.splitlines())


def test_what_others_wrote_into_metadata_stays_when_a_file_is_applied(cluster, greeted):
    async def annotate():
        async with connect(Where(kubeconfig=str(cluster.kubeconfig))) as connection:
            obj = await connection.client.get(CONFIGMAPS, "default", "beside")
            obj["metadata"]["annotations"] = {"tool/owner": "me"}
            await connection.client.replace(CONFIGMAPS, obj)

    asyncio.run(annotate())
    (cluster.folder / "changed.yaml").write_text(GREET.replace("{a: b}", "{a: c}"))
    code, _, stderr = cluster("run", "-f", "changed.yaml")
    assert code == 0, stderr
    assert "ConfigMap beside configured" in stderr.splitlines()
    (beside,) = [obj for obj in listed(cluster, CONFIGMAPS) if obj["metadata"]["name"] == "beside"]
    assert (beside["data"], beside["metadata"]["annotations"]) == ({"a": "c"}, {"tool/owner": "me"})


def test_run_without_waiting_prints_the_name_of_the_run(cluster, greeted):
    code, stdout, _ = cluster("run", "greet")
    assert code == 0
    assert stdout.strip() in [run["metadata"]["name"] for run in runs_of(cluster, "greet")]


@pytest.mark.parametrize(
    ("param", "told"),
    [
        ("whom=X1", '--param whom: got "X1"; expected a match of ^[a-z]+$'),
        ("who=x", 'unknown param "who"; did you mean "whom"?'),
    ],
)
@pytest.mark.parametrize("args", [["greet"], ["-f", "greet.yaml"]])
def test_a_bad_param_is_told_and_no_run_exists(cluster, greeted, args, param, told):
    before = len(runs_of(cluster, "greet"))
    code, stdout, stderr = cluster("run", *args, "--param", param)
    assert (code, stdout) == (2, "")
    assert told in stderr
    assert len(runs_of(cluster, "greet")) == before


def test_the_log_of_a_task_is_what_it_printed(cluster, greeted):
    assert cluster("logs", greeted, "say")[:2] == (0, "hello all\n\nbye")


def test_the_logs_of_all_tasks_say_whose_they_are(cluster, greeted):
    assert cluster("logs", greeted)[:2] == (0, "say | hello all\nsay | \nsay | bye\n")


@pytest.mark.parametrize(
    ("task", "log"),
    [
        ("each", "each[0] | this is a\neach[1] | this is b\neach[2] | this is c\n"),
        ("each[1]", "this is b\n"),
        ("each[2]", "this is c\n"),
    ],
)
def test_the_items_of_a_fan_out_have_logs_of_their_own(cluster, many, task, log):
    assert cluster("logs", many, task) == (0, log, "")


def test_following_the_logs_of_a_run_that_has_ended_ends(cluster, greeted):
    assert cluster("logs", greeted, "-f")[:2] == (0, "say | hello all\nsay | \nsay | bye\n")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["logs", "nobody"], 'flowruns.tidegate.dev "nobody" not found'),
        (["cancel", "nobody"], 'flowruns.tidegate.dev "nobody" not found'),
        (["run", "nobody"], 'there is no Flow "nobody" in namespace default'),
    ],
)
def test_what_does_not_exist_is_told_in_a_sentence(cluster, args, told):
    code, stdout, stderr = cluster(*args)
    assert code in (1, 2)
    assert (stdout, len(stderr.splitlines())) == ("", 1)
    assert told in stderr


def test_a_task_without_a_log_is_told(cluster, greeted):
    code, _, stderr = cluster("logs", greeted, "then")
    assert code == 2
    assert stderr == "tidegate: then has no log: it is Succeeded and never had a pod\n"
    assert 'has no task "nope"' in cluster("logs", greeted, "nope")[2]


@pytest.mark.parametrize("option", [[], ["--terminate"]])
def test_a_run_is_followed_and_cancelled(cluster, option):
    code, stdout, stderr = cluster("run", "long")
    assert code == 0, stderr
    name = stdout.strip()
    follower = start("logs", name, "sleep", "-f", cwd=cluster.folder, KUBECONFIG=str(cluster.kubeconfig))
    await_line(follower.stdout, "asleep")
    assert "after has no log yet: it is Pending" in cluster("logs", name, "after")[2]
    code, stdout, _ = cluster("cancel", name, *option)
    assert (code, stdout) == (
        0,
        f"{name} is asked to stop: desiredState is {'Terminated' if option else 'Cancelled'}\n",
    )
    assert finish(follower)[0] == 0
    assert cluster("cancel", name)[1] == f"{name} had already ended: Cancelled\n"


def test_dev_leaves_nothing_but_its_folder_and_shares_its_token_with_nobody(tmp_path):
    with served(tmp_path) as (process, kubeconfig):
        assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
        interrupt(process)
        assert finish(process)[0] == 0
    assert [path.name for path in (tmp_path / ".tidegate").iterdir()] == [".gitignore"]


def test_dev_refuses_bad_manifests_before_it_serves(tmp_path):
    (tmp_path / "bad.yaml").write_text(GREET.replace("needs: [say]", "needs: [sya]"))
    code, stdout, stderr = tidegate("dev", "bad.yaml", cwd=tmp_path)
    assert (code, stdout) == (2, "")
    assert 'bad.yaml:13:26: spec.tasks[1].needs[0]: there is no task "sya"; did you mean "say"?' in stderr


def test_the_sandbox_refuses_what_the_rules_of_the_crd_would(cluster):
    task = {"name": "a", "set": {"x": 1}, "wait": {"seconds": 1}}
    flow = {"apiVersion": FLOWS.api_version, "kind": "Flow", "metadata": {"name": "two"}, "spec": {"tasks": [task]}}

    async def create():
        async with connect(Where(kubeconfig=str(cluster.kubeconfig))) as connection:
            await connection.client.create(FLOWS, "default", flow)

    with pytest.raises(Rejected, match=r"spec\.tasks\[0\]"):
        asyncio.run(create())
