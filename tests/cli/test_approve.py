"""`approve` and `reject` on the sandbox with its real operator; and what tasks wait for there."""

import asyncio
import contextlib

import pytest

from cli.commands import await_line, finish, served, start, tidegate
from tidegate.api import keys
from tidegate.api.conditions import find
from tidegate.api.flowapproval import COUNTED, Decision
from tidegate.cli.connection import Where, connect
from tidegate.errors import Conflict, Rejected
from tidegate.kube.resources import CONFIGMAPS, FLOWAPPROVALS, FLOWRUNS
from tidegate.resources.approval import approval
from tidegate.sandbox.reviews import USER

ASK = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: ask}
spec:
  tasks:
  - name: signOff
    approval:
      message: shall it be?
      params: [{name: copies, type: integer, minimum: 1}, {name: day, type: date, required: false}]
  - {name: more, needs: [signOff], set: {copies: "$[[ tasks.signOff.outputs.copies + 1 ]]"}}
  outputs:
  - {name: by, value: "$[[ tasks.signOff.outputs.by ]]"}
  - {name: copies, value: "$[[ tasks.more.outputs.copies ]]"}
"""

WATCH = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: watch}
spec:
  tasks:
  - {name: order, wait: {for: {resource: configmaps, name: order, when: "int(object.data.pieces) >= 3"}}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dev")
    (folder / "ask.yaml").write_text(ASK)
    (folder / "watch.yaml").write_text(WATCH)
    with served(folder, "ask.yaml", "watch.yaml") as (_, kubeconfig):

        def call(*args):
            return tidegate(*args, cwd=folder, KUBECONFIG=str(kubeconfig))

        call.kubeconfig, call.folder = kubeconfig, folder
        yield call


@contextlib.contextmanager
def waiting(cluster, flow, line):
    """Give a run that waits, and the process that follows it."""
    process = start("run", flow, "--wait", cwd=cluster.folder, KUBECONFIG=str(cluster.kubeconfig))
    try:
        name = await_line(process.stderr, "FlowRun").split()[1]
        await_line(process.stderr, line)
        yield name, process
    finally:
        finish(process)


@contextlib.contextmanager
def asked(cluster):
    with waiting(cluster, "ask", "signOff Waiting AwaitingApproval shall it be?") as waits:
        yield waits


def on_cluster(cluster, work):
    """Give what `work` gives for a client."""

    async def speak():
        async with connect(Where(kubeconfig=str(cluster.kubeconfig))) as connection:
            return await work(connection.client)

    return asyncio.run(speak())


def approvals_of(cluster, run):
    page = on_cluster(cluster, lambda client: client.list(FLOWAPPROVALS, "default", labels=f"{keys.LABEL_RUN}={run}"))
    return page.items


def test_an_approval_lets_the_run_go_on(cluster):
    with asked(cluster) as (run, process):
        code, stdout, stderr = cluster("approve", run, "signOff", "-p", "copies=2", "--comment", "fine")
        assert (code, stderr) == (0, "")
        assert stdout.startswith(f"signOff is approved (FlowApproval {run}-signoff-")
        assert finish(process)[0] == 0
    (stored,) = approvals_of(cluster, run)
    assert stored["spec"]["params"] == {"copies": 2}
    assert (stored["spec"]["by"], stored["spec"]["comment"]) == (USER, "fine")
    (owner,) = stored["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], "controller" in owner) == ("FlowRun", run, False)
    ended = on_cluster(cluster, lambda client: client.get(FLOWRUNS, "default", run))
    assert ended["status"]["runOutputs"] == {"by": USER, "copies": 3}


def test_a_rejection_fails_the_run(cluster):
    with asked(cluster) as (run, process):
        code, stdout, _ = cluster("reject", run, "signOff", "--comment", "not today")
        assert (code, stdout.split(" (")[0]) == (0, "signOff is rejected")
        code, _, stderr = finish(process)
        assert (code, f"signOff Failed Rejected by {USER}: not today" in stderr.splitlines()) == (1, True)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["signOff"], "--param copies: is required: an integer of 64 bits"),
        (["signOff", "-p", "copies=0"], "--param copies: got 0; expected at least 1"),
        (["signOff", "-p", "copies=1", "-p", "copys=1"], 'unknown param "copys"; did you mean "copies"?'),
        (["signOff", "-p", "copies=1", "-p", "day=noon"], 'got "noon"; expected a date'),
        (["signoff"], 'has no task "signoff"; did you mean "signOff"?'),
        (["more"], 'task "more" of {run} does not wait for a decision: it is Pending'),
    ],
)
def test_a_mistake_is_told_and_no_decision_exists(cluster, asking_run, args, told):
    code, stdout, stderr = cluster("approve", asking_run, *args)
    assert (code, stdout) == (2, "")
    assert told.format(run=asking_run) in stderr
    assert approvals_of(cluster, asking_run) == []


@pytest.fixture(scope="module")
def asking_run(cluster):
    with asked(cluster) as (run, _):
        yield run
        cluster("cancel", run)


def test_a_run_that_has_ended_takes_no_decision(cluster):
    with asked(cluster) as (run, process):
        cluster("cancel", run)
        assert finish(process)[0] == 3
    code, _, stderr = cluster("approve", run, "signOff", "-p", "copies=1")
    assert (code, stderr) == (2, f"tidegate: {run} has ended: Cancelled\n")


def test_a_second_decision_is_told_that_it_does_not_count(cluster):
    with asked(cluster) as (run, process):
        obj = on_cluster(cluster, lambda client: client.get(FLOWRUNS, "default", run))
        assert cluster("reject", run, "signOff")[0] == 0
        assert finish(process)[0] == 1

    async def decide_and_look(client):
        late = approval(obj, "signOff", Decision.APPROVED, USER, params={"copies": 1})
        created = await client.create(FLOWAPPROVALS, "default", late)
        version = created["metadata"]["resourceVersion"]
        async for change in client.watch(FLOWAPPROVALS, "default", resource_version=version):
            told = find((change.object.get("status") or {}).get("conditions"), COUNTED)
            if told is not None and change.object["metadata"]["uid"] == created["metadata"]["uid"]:
                return told
        return None

    told = on_cluster(cluster, decide_and_look)
    assert (told["status"], told["reason"]) == ("False", "RunEnded")


def test_nobody_decides_in_anothers_name_and_no_decision_changes(cluster, asking_run):
    obj = on_cluster(cluster, lambda client: client.get(FLOWRUNS, "default", asking_run))
    mine, others = (approval(obj, "more", Decision.REJECTED, by) for by in (USER, "somebody-else"))

    async def forge(client):
        await client.create(FLOWAPPROVALS, "default", others)

    async def change(client):
        name = (await client.create(FLOWAPPROVALS, "default", mine))["metadata"]["name"]
        while True:  # the operator answers it meanwhile, and each answer is another version
            found = await client.get(FLOWAPPROVALS, "default", name)
            with contextlib.suppress(Conflict):
                await client.replace(FLOWAPPROVALS, {**found, "spec": {**found["spec"], "comment": "changed"}})

    with pytest.raises(Rejected, match="nobody decides in another's name"):
        on_cluster(cluster, forge)
    with pytest.raises(Rejected, match="a decision cannot change"):
        on_cluster(cluster, change)


def test_a_task_waits_for_an_object_until_it_is_as_it_should_be(cluster):
    with waiting(cluster, "watch", 'order Waiting NotFound configmaps "order" not found') as (_, process):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "order"}, "data": {"pieces": "1"}}
        created = on_cluster(cluster, lambda client: client.create(CONFIGMAPS, "default", body))
        await_line(process.stderr, 'order Waiting NotYet configmaps "order": int(object.data.pieces) >= 3 is false')
        enough = {**created, "data": {"pieces": "3"}}
        on_cluster(cluster, lambda client: client.replace(CONFIGMAPS, enough))
        assert finish(process)[0] == 0
