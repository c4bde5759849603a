"""What is generated is checked in, and equal to what its source says now; what Helm renders agrees with the rules."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidegate import settings
from tidegate.codegen import CHART, DEPLOYMENT, ROOT, differences, render, write
from tidegate.codegen.__main__ import main
from tidegate.codegen.rbac import AGGREGATE, OPERATOR, RECEIVER, USERS, WAITED_FOR
from tidegate.engine.expressions import compile_expression

INSTALL = list(yaml.safe_load_all((ROOT / "manifests/install.yaml").read_text()))


def documents(kind: str, name: str) -> list[dict[str, Any]]:
    return [item for item in INSTALL if item["kind"] == kind and item["metadata"]["name"] == name]


def test_generated_files_are_up_to_date():
    assert differences(render()) == [], "run: python -m tidegate.codegen"


@pytest.mark.parametrize(
    ("role", "rules"),
    [("tidegate", OPERATOR), ("tidegate-waits-for-common", WAITED_FOR)]
    + [(f"tidegate-{who}", rules) for who, rules in USERS.items()],
)
def test_the_rendered_roles_have_the_rules_of_the_table(role: str, rules: Any):
    (found,) = documents("ClusterRole", role)
    assert found["rules"] == [rule.manifest for rule in rules], (
        f"{DEPLOYMENT} is stale: python -m tidegate.codegen --helm $(python -m e2e.cluster helm)"
    )


def test_operator_and_receiver_may_neither_read_secrets_nor_widen_their_rights():
    for rule in (*OPERATOR, *WAITED_FOR, *RECEIVER):
        assert not {"secrets", "*", "pods/exec", "serviceaccounts/token"} & set(rule.resources)
        assert not {"*", "impersonate", "bind", "escalate"} & set(rule.verbs)


def test_all_that_the_receiver_may_write_is_new_runs_and_events():
    assert {(resource, verb) for rule in RECEIVER for resource in rule.resources for verb in rule.verbs} - {
        (kind, verb) for kind in ("flows", "flowruns") for verb in ("get", "list", "watch")
    } == {
        ("flowruns", "create"),
        ("flows/finalizers", "update"),
        ("events", "create"),
    }


def test_roles_with_the_label_add_to_what_tasks_may_wait_for():
    (found,) = documents("ClusterRole", "tidegate-waits-for")
    assert found["aggregationRule"] == {"clusterRoleSelectors": [{"matchLabels": {AGGREGATE: "true"}}]}
    (common,) = documents("ClusterRole", "tidegate-waits-for-common")
    assert common["metadata"]["labels"][AGGREGATE] == "true"
    assert {verb for rule in common["rules"] for verb in rule["verbs"]} == {"get"}


def test_the_policy_on_approvals_is_installed_and_denies():
    (policy,) = documents("ValidatingAdmissionPolicy", "tidegate-approvals")
    assert policy["spec"]["failurePolicy"] == "Fail"
    (binding,) = documents("ValidatingAdmissionPolicyBinding", "tidegate-approvals")
    assert binding["spec"] == {"policyName": "tidegate-approvals", "validationActions": ["Deny"]}


def _policies() -> list[dict[str, Any]]:
    """Give the policy on approvals as it is rendered, and as the chart has it, without what Helm fills in."""
    (rendered,) = documents("ValidatingAdmissionPolicy", "tidegate-approvals")
    text = (ROOT / CHART / "templates/approval-policy.yaml").read_text()
    lines = [line for line in text.splitlines() if "{{" not in line]
    return [rendered, next(yaml.safe_load_all("\n".join(lines)))]


@pytest.mark.parametrize("policy", _policies(), ids=["rendered", "chart"])
@pytest.mark.parametrize(
    ("operation", "by", "change", "allowed"),
    [
        ("CREATE", "ada", {}, True),
        ("CREATE", "eve", {}, False),
        ("CREATE", "", {}, False),
        ("UPDATE", "ada", {}, True),
        ("UPDATE", "eve", {}, True),  # the operator writes status, finalizers and labels of what others created
        ("UPDATE", "ada", {"decision": "Rejected"}, False),
        ("UPDATE", "ada", {"by": "eve"}, False),
        ("UPDATE", "ada", {"runUID": "another"}, False),
    ],
)
def test_nobody_decides_in_anothers_name_and_no_decision_changes(policy, operation, by, change, allowed):
    old = {"run": "nightly-1", "runUID": "uid", "task": "signOff", "decision": "Approved", "by": by}
    context = {
        "request": {"operation": operation, "userInfo": {"username": "ada"}},
        "object": {"spec": {**old, **change}},
        "oldObject": {"spec": old} if operation == "UPDATE" else None,
    }
    rules = [compile_expression(rule["expression"], dict.fromkeys(context, "dyn")) for rule in _rules(policy)]
    assert all(rule.evaluate(context) for rule in rules) is allowed


def _rules(policy: dict[str, Any]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = policy["spec"]["validations"]
    return rules


def test_the_operator_runs_restricted():
    (deployment,) = documents("Deployment", "tidegate")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_operators_environment_is_made_of_settings():
    (deployment,) = documents("Deployment", "tidegate")
    given = {item["name"] for item in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert given <= {name for name, _, _ in settings.docs()}


def test_chart_and_package_have_one_version():
    chart = yaml.safe_load((ROOT / CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert chart["version"] == chart["appVersion"] == version


def test_the_values_and_their_schema_name_the_same_things():
    values = yaml.safe_load((ROOT / CHART / "values.yaml").read_text())
    schema = json.loads((ROOT / CHART / "values.schema.json").read_text())
    schema["properties"].pop("global")  # given by a parent chart, never set here
    assert list(_mismatches(values, schema, "")) == []


def _mismatches(values: Any, schema: dict[str, Any], path: str) -> Any:
    if "properties" not in schema:
        return
    if schema.get("additionalProperties") is not False:
        yield f"{path}: unknown values are accepted"
    yield from (f"{path}.{name}: only on one side" for name in values.keys() ^ schema["properties"].keys())
    for name in values.keys() & schema["properties"].keys():
        yield from _mismatches(values[name], schema["properties"][name], f"{path}.{name}")


def test_a_difference_is_told_and_only_what_differs_is_written(tmp_path: Path):
    write({"a/one": "1\n", "two": "2\n"}, tmp_path)
    before = (tmp_path / "two").stat().st_mtime_ns
    assert differences({"a/one": "changed\n", "two": "2\n", "three": "3\n"}, tmp_path) == ["a/one", "three"]
    write({"a/one": "changed\n", "two": "2\n"}, tmp_path)
    assert (tmp_path / "a/one").read_text() == "changed\n"
    assert (tmp_path / "two").stat().st_mtime_ns == before


def test_check_succeeds_on_this_checkout():
    assert main(["--check"]) == 0
