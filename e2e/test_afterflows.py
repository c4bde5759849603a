"""Flows that follow each other on a real API server: one run for each end, also while the operator is killed."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from e2e.operator_install import SYSTEM, get, install, wait_ready, wait_until

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)
API = "tidegate.dev/v1alpha1"
COUNT = 5


def a_flow(name: str, **spec: Any) -> dict[str, Any]:
    tasks = [{"name": "a", "set": {"rows": 7}}]
    outputs = [{"name": "rows", "value": "$[[ tasks.a.outputs.rows ]]"}]
    return {
        "apiVersion": API,
        "kind": "Flow",
        "metadata": {"name": name},
        "spec": {"tasks": tasks, "outputs": outputs, **spec},
    }


EACH = {"name": "each", "flow": {"flows": ["load"]}, "params": {"of": "$[[ event.run.uid ]]"}}
BOTH = {
    "name": "both",
    "flow": {"flows": ["load", "clean"], "all": True, "withinSeconds": 3600},
    "params": {"of": "$[[ event.runs.load.outputs.rows + event.runs.clean.outputs.rows ]]"},
}
FLOWS = [
    a_flow("load"),
    a_flow("clean"),
    a_flow("report", params=[{"name": "of"}], triggers=[EACH]),
    a_flow("sum", params=[{"name": "of", "type": "integer"}], triggers=[BOTH]),
]


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


def apply(kubectl: Run, namespace: str, *objects: dict[str, Any]) -> None:
    kubectl(
        "-n", namespace, "apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    )


def start(kubectl: Run, namespace: str, flow: str, *names: str) -> dict[str, str]:
    """Start runs that are gone as soon as nobody needs them; give their UIDs by name."""
    spec = {"flowRef": {"name": flow}, "ttlSecondsAfterFinished": 0}
    uids = {}
    for name in names:
        body = {"apiVersion": API, "kind": "FlowRun", "metadata": {"name": name}, "spec": spec}
        made = kubectl("-n", namespace, "create", "-f", "-", "-o", "json", input=json.dumps(body))
        uids[name] = json.loads(made)["metadata"]["uid"]
    return uids


def ended_of(kubectl: Run, namespace: str, flow: str) -> list[dict[str, Any]]:
    selector = f"--field-selector=spec.flowRef.name={flow}"
    runs = json.loads(kubectl("-n", namespace, "get", "flowruns", selector, "-o", "json"))["items"]
    return [run for run in runs if "completionTime" in (run.get("status") or {})]


def test_each_end_is_followed_once_while_the_operator_is_killed(kubectl: Run, namespace: str):
    apply(kubectl, namespace, *FLOWS)
    for flow in ("report", "sum"):
        wait_until(
            f"the trigger of {flow}",
            lambda f=flow: (get(kubectl, namespace, "flow", f).get("status") or {}).get("triggers"),
        )
    first = start(kubectl, namespace, "load", *(f"load-{number}" for number in range(COUNT)))
    kubectl("-n", SYSTEM, "delete", "pod", "-l", "app.kubernetes.io/component=operator", "--force", "--grace-period=0")
    second = start(kubectl, namespace, "load", *(f"more-{number}" for number in range(COUNT)))
    wait_ready(kubectl)
    uids = {*first.values(), *second.values()}
    wait_until("a report of each", lambda: len(ended_of(kubectl, namespace, "report")) >= len(uids))
    reports = ended_of(kubectl, namespace, "report")
    assert sorted(run["status"]["frozen"]["params"]["of"] for run in reports) == sorted(uids)
    start(kubectl, namespace, "clean", "clean-1")
    wait_until("the sum", lambda: ended_of(kubectl, namespace, "sum"))
    (run,) = ended_of(kubectl, namespace, "sum")
    assert run["status"]["frozen"]["params"] == {"of": 14}
    assert wait_until("nothing is kept", lambda: not ended_of(kubectl, namespace, "clean"))


def test_what_cannot_be_is_refused(kubectl: Run, namespace: str):
    wrong = {"name": "t", "flow": {"flows": ["load"], "results": ["Maybe"]}}
    with pytest.raises(subprocess.CalledProcessError) as refused:
        apply(kubectl, namespace, a_flow("report", triggers=[wrong]))
    assert "Maybe" in refused.value.stderr
    apply(kubectl, namespace, a_flow("ring", triggers=[{"name": "t", "flow": {"flows": ["ring"]}}]))
    told = wait_until(
        "the judgement",
        lambda: (get(kubectl, namespace, "flow", "ring").get("status") or {}).get("conditions"),
    )
    assert "is this Flow itself" in told[0]["message"]
