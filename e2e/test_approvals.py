"""Decisions and waits on a real cluster: who may decide, in whose name, and with whose rights an object is read."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from e2e.operator_install import approval, get, install, outcome, start, wait_end, wait_until

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)

ASK: dict[str, Any] = {
    "apiVersion": "tidegate.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "ask"},
    "spec": {
        "tasks": [
            {"name": "signOff", "approval": {"message": "go?", "params": [{"name": "extra", "type": "object"}]}},
            {"name": "then", "needs": ["signOff"], "set": {"by": "$[[ tasks.signOff.outputs.by ]]"}},
        ],
        "outputs": [{"name": "by", "value": "$[[ tasks.then.outputs.by ]]"}],
    },
}


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


@pytest.fixture
def asked(kubectl: Run, namespace: str) -> str:
    """A run that waits for a decision, which ann may take and bob may see."""
    for user, role in (("ann", "tidegate-approver"), ("bob", "view")):
        kubectl("-n", namespace, "create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}")
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(ASK))
    run = start(kubectl, namespace, "ask")
    wait_until("the question", lambda: _row(kubectl, namespace, run, "signOff").get("reason") == "AwaitingApproval")
    return run


def _row(kubectl: Run, namespace: str, run: str, task: str) -> dict[str, Any]:
    rows = (get(kubectl, namespace, "flowrun", run).get("status") or {}).get("tasks") or ()
    return next((row for row in rows if row["name"] == task), {})


def _decide(kubectl: Run, namespace: str, run: str, user: str, **spec: Any) -> str:
    body = approval(kubectl, namespace, run, "signOff", **{"by": user, "params": {"extra": {"a": 1}}, **spec})
    command = ["-n", namespace, "create", f"--as={user}", "-f", "-", "-o", "jsonpath={.metadata.name}"]
    return kubectl(*command, input=json.dumps(body)).strip()


def _refused(work: Callable[[], object]) -> str:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        work()
    return str(refused.value.stderr)


def _answer(kubectl: Run, namespace: str, name: str) -> tuple[str, str]:
    path = "jsonpath={.status.conditions[?(@.type=='Counted')]['status','reason']}"

    def look() -> str:
        return kubectl("-n", namespace, "get", "flowapproval", name, "-o", path).strip()

    status, _, reason = wait_until(f"an answer to {name}", look, 30).partition(" ")
    return status, reason


def test_who_may_create_an_approval_may_approve_and_nobody_else(kubectl: Run, namespace: str, asked: str):
    told = _refused(lambda: _decide(kubectl, namespace, asked, "bob"))
    assert 'User "bob" cannot create resource "flowapprovals"' in told
    assert "Forbidden" in told
    name = _decide(kubectl, namespace, asked, "ann")
    ended = wait_end(kubectl, namespace, asked)
    assert (outcome(ended), ended["status"]["runOutputs"]) == (("Succeeded", "Completed"), {"by": "ann"})
    assert _answer(kubectl, namespace, name) == ("True", "Approved")
    head, line = kubectl("-n", namespace, "get", "flowapprovals").splitlines()
    assert head.split() == ["NAME", "RUN", "TASK", "DECISION", "BY", "COUNTED", "REASON", "AGE"]
    assert line.split()[:7] == [name, asked, "signOff", "Approved", "ann", "True", "Approved"]


def test_nobody_decides_in_the_name_of_another_not_even_an_administrator(kubectl: Run, namespace: str, asked: str):
    told = _refused(lambda: _decide(kubectl, namespace, asked, "ann", by="bob"))
    sentence = 'spec.by is "bob", and the request comes from "ann": nobody decides in the name of another'
    assert sentence in told
    assert "Forbidden" in told
    body = approval(kubectl, namespace, asked, "signOff", by="ann")
    told = _refused(lambda: kubectl("-n", namespace, "create", "-f", "-", input=json.dumps(body)))
    assert "nobody decides in the name of another" in told
    assert kubectl("-n", namespace, "get", "flowapprovals", "-o", "name") == ""


def test_a_decision_cannot_change_in_any_part(kubectl: Run, namespace: str, asked: str):
    name = _decide(kubectl, namespace, asked, "ann", task="then")
    for patch in ({"decision": "Rejected"}, {"comment": "later"}, {"params": {"extra": {"a": 2}}}):
        command = ["-n", namespace, "patch", "flowapproval", name, "--type=merge", "-p", json.dumps({"spec": patch})]
        assert "a decision cannot change" in _refused(lambda c=command: kubectl(*c))  # type: ignore[misc]
    assert _answer(kubectl, namespace, name) == ("False", "NotWaiting")


def test_the_second_decision_is_told_that_it_does_not_count(kubectl: Run, namespace: str, asked: str):
    kubectl("-n", namespace, "create", "rolebinding", "eve", "--clusterrole=tidegate-approver", "--user=eve")
    first = _decide(kubectl, namespace, asked, "ann", decision="Rejected", comment="not on a friday")
    ended = wait_end(kubectl, namespace, asked)
    assert outcome(ended) == ("Failed", "TaskFailed")
    rejected = next(row for row in ended["status"]["tasks"] if row["name"] == "signOff")
    assert (rejected["reason"], rejected["message"]) == ("Rejected", "by ann: not on a friday")
    second = _decide(kubectl, namespace, asked, "eve")
    assert _answer(kubectl, namespace, first) == ("True", "Rejected")
    assert _answer(kubectl, namespace, second) == ("False", "RunEnded")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [({"params": {"extra": 1}}, "InvalidParams"), ({"task": "nope"}, "UnknownTask"), ({"runUID": "x"}, "OtherRun")],
)
def test_a_decision_with_a_mistake_is_told_so(kubectl: Run, namespace: str, asked: str, spec: Any, reason: str):
    name = _decide(kubectl, namespace, asked, "ann", **spec)
    assert _answer(kubectl, namespace, name) == ("False", reason)
    assert _row(kubectl, namespace, asked, "signOff")["state"] == "Waiting"


def test_a_decision_goes_with_its_run_when_it_says_whose_it_is(kubectl: Run, namespace: str, asked: str):
    body = approval(kubectl, namespace, asked, "then")
    uid = body["spec"]["runUID"]
    owner = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "FlowRun", "name": asked, "uid": uid}
    body["metadata"]["ownerReferences"] = [owner]
    kubectl("-n", namespace, "create", "-f", "-", input=json.dumps(body))
    kubectl("-n", namespace, "delete", "flowrun", asked)
    wait_until("no approval", lambda: kubectl("-n", namespace, "get", "flowapprovals", "-o", "name") == "")


# Waiting for objects


def _waiting_for(kubectl: Run, namespace: str, **wait_for: Any) -> str:
    task = {"name": "w", "serviceAccountName": "reader", "wait": {"for": wait_for}}
    flow = {**ASK, "metadata": {"name": "watch"}, "spec": {"tasks": [task]}}
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    return start(kubectl, namespace, "watch")


def _may_get(kubectl: Run, namespace: str, resource: str) -> None:
    kubectl("-n", namespace, "create", "role", "reader", "--verb=get", f"--resource={resource}")
    account = f"--serviceaccount={namespace}:reader"
    kubectl("-n", namespace, "create", "rolebinding", "reader", "--role=reader", account)


def _wait_row(kubectl: Run, namespace: str, run: str, reason: str, words: str) -> None:
    def look() -> bool:
        row = _row(kubectl, namespace, run, "w")
        return row.get("reason") == reason and words in row.get("message", "")

    wait_until(f"{reason}: {words}", look, 60)


def test_an_object_is_read_only_with_the_rights_of_the_tasks_account(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "create", "configmap", "order", "--from-literal=pieces=1")
    run = _waiting_for(kubectl, namespace, resource="configmaps", name="order", when="int(object.data.pieces) >= 3")
    refusal = f'ServiceAccount reader may not get configmaps "order" in namespace {namespace}'
    _wait_row(kubectl, namespace, run, "Forbidden", refusal)
    _may_get(kubectl, namespace, "configmaps")
    _wait_row(kubectl, namespace, run, "NotYet", "int(object.data.pieces) >= 3 is false")
    kubectl("-n", namespace, "delete", "configmap", "order")
    _wait_row(kubectl, namespace, run, "NotFound", 'configmaps "order" not found')
    kubectl("-n", namespace, "create", "configmap", "order", "--from-literal=pieces=3")
    assert outcome(wait_end(kubectl, namespace, run)) == ("Succeeded", "Completed")


def test_a_condition_of_a_deployment_is_waited_for(kubectl: Run, namespace: str):
    _may_get(kubectl, namespace, "deployments.apps")
    run = _waiting_for(kubectl, namespace, group="apps", resource="deployments", name="web", condition="Available")
    _wait_row(kubectl, namespace, run, "NotFound", 'deployments.apps "web" not found')
    kubectl("-n", namespace, "create", "deployment", "web", "--image=busybox:1.36", "--replicas=0")
    assert outcome(wait_end(kubectl, namespace, run)) == ("Succeeded", "Completed")


def test_what_the_operator_may_not_read_is_told_until_an_administrator_allows_it(kubectl: Run, namespace: str):
    _may_get(kubectl, namespace, "leases.coordination.k8s.io")
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "sign"}, "spec": {}}
    kubectl("-n", namespace, "create", "-f", "-", input=json.dumps(lease))
    wait_for = {"group": "coordination.k8s.io", "resource": "leases", "name": "sign", "when": "true"}
    run = _waiting_for(kubectl, namespace, **wait_for)
    _wait_row(kubectl, namespace, run, "Forbidden", "see docs/permissions.md")
    role = f"waits-for-leases-{namespace}"
    try:
        kubectl("create", "clusterrole", role, "--verb=get", "--resource=leases.coordination.k8s.io")
        kubectl("label", "clusterrole", role, "rbac.tidegate.dev/aggregate-to-operator=true")
        assert outcome(wait_end(kubectl, namespace, run)) == ("Succeeded", "Completed")
    finally:
        kubectl("delete", "clusterrole", role)


@pytest.mark.parametrize(
    ("group", "resource", "reason", "words"),
    [
        ("", "gadgets", "UnknownResource", 'the server has no resource "gadgets" in the core group'),
        ("example.com", "gadgets", "UnknownResource", 'in group "example.com"'),
        ("", "nodes", "NotNamespaced", "nodes belong to no namespace"),
    ],
)
def test_what_cannot_be_waited_for_says_why(
    kubectl: Run, namespace: str, group: str, resource: str, reason: str, words: str
):
    run = _waiting_for(kubectl, namespace, group=group, resource=resource, name="x", condition="Ready")
    _wait_row(kubectl, namespace, run, reason, words)


def test_secrets_are_refused_when_the_flow_is_applied(kubectl: Run, namespace: str):
    _waiting_for(kubectl, namespace, resource="secrets", name="x", when="true")
    kubectl("-n", namespace, "wait", "flow/watch", "--for=condition=Ready=false", "--timeout=20s")
    assert "never reads Secrets" in get(kubectl, namespace, "flow", "watch")["status"]["conditions"][0]["message"]
