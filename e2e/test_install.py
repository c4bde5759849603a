"""What the project installs, on a real API server: CRDs with every one of their rules, the chart, install.yaml."""

import copy
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidegate.codegen import CHART, DEPLOYMENT, NAMESPACE, ROOT, deployment

Run = Callable[..., str]

# Helm is built for the first test that asks for it; nearly all tests need the CRDs.
pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("crds")]

EVERYTHING = {
    "replicaCount": 2,
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "pull"}],
    "metrics": {"flowLabel": False, "service": {"port": 9090, "annotations": {"a": "b"}}},
    "extraEnv": [{"name": "TIDEGATE_WORKERS", "value": "8"}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "priorityClassName": "system-cluster-critical",
    "podDisruptionBudget": {"enabled": True},
    "networkPolicy": {"enabled": True, "from": [{"podSelector": {}}]},
    "serviceAccount": {"annotations": {"a": "b"}},
    "receiver": {
        "enabled": True,
        "replicaCount": 2,
        "service": {"type": "NodePort", "port": 8090, "annotations": {"a": "b"}},
        "serviceAccount": {"annotations": {"a": "b"}},
        "extraEnv": [{"name": "TIDEGATE_HOOKS_HOST", "value": "127.0.0.1"}],
        "resources": {"requests": {"cpu": "1"}},
    },
}
MONITORS = {
    name: {"enabled": True, "labels": {"a": "b"}} for name in ("serviceMonitor", "podMonitor", "prometheusRule")
}


@pytest.fixture(scope="session")
def helm_program() -> str:
    """The path of helm: one that is there, or the one that e2e/cluster builds."""
    if found := shutil.which("helm"):
        return found
    command = [sys.executable, "-m", "e2e.cluster", "helm"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture(scope="session")
def helm(helm_program: str) -> Run:
    """`helm(*arguments, values=None)` returns stdout; a refusal raises AssertionError with helm's own words."""

    def run(*arguments: str, values: dict[str, Any] | None = None) -> str:
        given = ["--values", "-"] if values is not None else []
        command = [helm_program, *arguments, *given]
        done = subprocess.run(
            command, cwd=ROOT, input=json.dumps(values or {}), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def crds(kubectl: Run) -> None:
    """The CRDs, as `kubectl apply` on the folder installs them."""
    kubectl("apply", "-k", "crds")
    kubectl(
        "wait", "crd/flows.tidegate.dev", "crd/flowruns.tidegate.dev", "--for=condition=Established", "--timeout=30s"
    )


@pytest.fixture
def system_namespace(kubectl: Run) -> Iterator[None]:
    """The namespace of install.yaml; a dry run creates none and so refuses what lies in it."""
    was_there = f"namespace/{NAMESPACE}" in kubectl("get", "namespaces", "-o", "name")
    if not was_there:
        kubectl("create", "namespace", NAMESPACE)
        kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    yield
    if not was_there:
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def a_flow(**task: Any) -> dict[str, Any]:
    """A Flow with one task."""
    return {
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "Flow",
        "metadata": {"name": "a-flow"},
        "spec": {"tasks": [{"name": "only", **(task or {"set": {"a": 1}})}]},
    }


def a_pod(**spec: Any) -> dict[str, Any]:
    return a_flow(podTemplate={"spec": {"containers": [{"name": "main", "image": "i"}], **spec}})


def changed(manifest: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one value replaced; the path is like `spec.tasks.0.name`."""
    result = copy.deepcopy(manifest)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    node: Any = result
    for part in parents:
        node = node[part]
    node[last] = value
    return result


def create(kubectl: Run, namespace: str, manifest: dict[str, Any], *options: str) -> dict[str, Any]:
    answer = kubectl("create", "-n", namespace, "-f", "-", "-o", "json", *options, input=json.dumps(manifest))
    return dict(json.loads(answer))


def refusal(run: Callable[[], Any]) -> str:
    """The words of the API server."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run()
    return str(refused.value.stderr)


FULL_TASK = {
    "image": "$[[ params.image ]]",
    "args": ["$[[ params.day ]]"],
    "script": "echo",
    "interpreter": ["sh"],
    "files": [{"path": "a.txt", "content": "text"}],
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    "envFrom": [{"configMapRef": {"name": "c"}}],
    "resources": {"requests": {"cpu": 1, "memory": "$[[ params.memory ]]"}},
    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    "podTemplate": {
        "metadata": {"labels": {"a": "b"}},
        "spec": {
            "notYetInvented": {"deep": [1, None]},
            "containers": [{"name": "main", "alsoNew": True, "ports": [{"containerPort": 80, "protocol": "UDP"}]}],
            "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}],
            "affinity": {"nodeAffinity": {"x": {"y": 1}}},
        },
    },
    "retry": {"limit": 1},
}


def test_a_full_task_is_stored_as_it_was_written(kubectl: Run, namespace: str):
    stored = create(kubectl, namespace, a_flow(**FULL_TASK))
    assert stored["spec"] == a_flow(**FULL_TASK)["spec"]


def test_a_fresh_object_says_that_nobody_has_looked_at_it(kubectl: Run, namespace: str):
    assert create(kubectl, namespace, a_flow())["status"] == {"observedGeneration": -1}
    assert create(kubectl, namespace, a_run())["status"] == {"observedGeneration": -1}


ONE_BODY = "a task has exactly one body"
BAD_FLOWS = {
    "no body": ({**a_flow(), "spec": {"tasks": [{"name": "only"}]}}, ONE_BODY),
    "two bodies": (a_flow(image="i", set={"a": 1}), ONE_BODY),
    "a body beside a pod template": (a_flow(podTemplate={}, wait={"seconds": 1}), ONE_BODY),
    "a container's field without a container": (a_flow(fail={}, args=["a"]), "belong to a container"),
    "script and command": (a_flow(image="i", script="s", command=["c"]), "script and command exclude each other"),
    "an interpreter alone": (a_flow(image="i", interpreter=["sh"]), "interpreter needs a script"),
    "a restart policy": (a_pod(restartPolicy="OnFailure"), 'restartPolicy "Never"'),
    "a deadline of the pod": (a_pod(activeDeadlineSeconds=5), "timeoutSeconds"),
    "no task": ({**a_flow(), "spec": {"tasks": []}}, "should have at least 1 items"),
    "no spec": ({key: value for key, value in a_flow().items() if key != "spec"}, "spec: Required value"),
    "too many tasks": (
        {**a_flow(), "spec": {"tasks": [{"name": f"t{n}", "set": {"a": 1}} for n in range(2501)]}},
        "must have at most 2500 items",
    ),
    "two tasks of a name": ({**a_flow(), "spec": {"tasks": a_flow()["spec"]["tasks"] * 2}}, "Duplicate value"),
    "a long name": (changed(a_flow(), "metadata.name", "f" * 41), "has at most 40 characters"),
    "a bad task name": (changed(a_flow(), "spec.tasks.0.name", "1st"), "should match"),
    "a number out of range": (a_flow(image="i", retry={"limit": 101}), "less than or equal to 100"),
    "a wrong type": (a_flow(image="i", timeoutSeconds="5"), "must be of type integer"),
    "a container without a name": (a_pod(containers=[{"image": "i"}]), "name: Required value"),
    "an unknown type of param": (
        changed(a_flow(), "spec.params", [{"name": "p", "type": "text"}]),
        'Unsupported value: "text"',
    ),
    "an unknown field": (changed(a_flow(), "spec.taskz", []), 'unknown field "spec.taskz"'),
}


@pytest.mark.parametrize(("manifest", "words"), BAD_FLOWS.values(), ids=BAD_FLOWS)
def test_a_bad_flow_is_refused_with_a_reason(kubectl: Run, namespace: str, manifest: dict[str, Any], words: str):
    assert words in refusal(lambda: create(kubectl, namespace, manifest, "--dry-run=server", "--validate=strict"))


def a_run(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "FlowRun",
        "metadata": {"name": f"run-{uuid.uuid4().hex[:8]}"},
        "spec": {"flowRef": {"name": "a-flow"}, **spec},
    }


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (changed(a_run(), "metadata.name", "r" * 64), "has at most 63 characters"),
        (changed(a_run(), "spec.flowRef", {}), "spec.flowRef.name: Required value"),
        (a_run(desiredState="Stopped"), 'Unsupported value: "Stopped"'),
        (a_run(params={f"p{n}": n for n in range(101)}), "must have at most 100"),
    ],
    ids=["long name", "no flow", "unknown state", "too many params"],
)
def test_a_bad_run_is_refused_with_a_reason(kubectl: Run, namespace: str, manifest: dict[str, Any], words: str):
    assert words in refusal(lambda: create(kubectl, namespace, manifest))


def test_what_a_run_was_given_never_changes(kubectl: Run, namespace: str):
    params = {"list": [1, None, {"a": None}], "text": "t"}
    name = create(kubectl, namespace, a_run(params=params))["metadata"]["name"]

    def patch(spec: dict[str, Any]) -> str:
        return kubectl("patch", "-n", namespace, "flr", name, "--type=merge", "-p", json.dumps({"spec": spec}))

    for spec, field in [
        ({"flowRef": {"name": "other"}}, "flowRef"),
        ({"params": {"list": [1, None, {"a": 2}]}}, "params"),
        ({"params": {"more": 1}}, "params"),
        ({"params": {"text": None}}, "params"),
        ({"params": None}, "params"),
    ]:
        assert f"{field} cannot change after creation" in refusal(lambda spec=spec: patch(spec))
    kubectl("label", "-n", namespace, "flr", name, "a=b")
    assert json.loads(kubectl("get", "-n", namespace, "flr", name, "-o", "json"))["spec"]["params"] == params


def test_a_run_without_params_gets_none_later(kubectl: Run, namespace: str):
    name = create(kubectl, namespace, a_run())["metadata"]["name"]
    patch = json.dumps({"spec": {"params": {"late": 1}}})
    words = refusal(lambda: kubectl("patch", "-n", namespace, "flr", name, "--type=merge", "-p", patch))
    assert "params cannot change after creation" in words


RANKS = {None: 0, "Running": 0, "Paused": 0, "Cancelled": 1, "Terminated": 2}


@pytest.mark.parametrize("before", RANKS)
def test_the_desired_state_never_goes_back_from_an_end(kubectl: Run, namespace: str, before: str | None):
    given = {"desiredState": before} if before else {}
    name = create(kubectl, namespace, a_run(**given))["metadata"]["name"]
    for after, rank in RANKS.items():
        patch = json.dumps({"spec": {"desiredState": after}})
        command = ("patch", "-n", namespace, "flr", name, "--type=merge", "--dry-run=server", "-p", patch)
        if rank >= RANKS[before]:
            kubectl(*command)
        else:
            assert "desiredState never goes back" in refusal(lambda command=command: kubectl(*command))


def test_people_see_what_how_far_and_why(kubectl: Run, namespace: str):
    run = create(kubectl, namespace, a_run())
    run["status"] = {
        "progress": "1/3",
        "why": "only waits for a node",
        "completionTime": "2026-01-02T03:04:05Z",
        "conditions": [
            {
                "type": "Succeeded",
                "status": "Unknown",
                "reason": "Running",
                "message": "",
                "lastTransitionTime": "2026-01-02T03:04:05Z",
            }
        ],
    }
    kubectl("replace", "--subresource=status", "-f", "-", input=json.dumps(run))
    head, row = kubectl("get", "-n", namespace, "tidegate").splitlines()[-2:]
    assert head.split() == ["NAME", "FLOW", "PROGRESS", "SUCCEEDED", "REASON", "WHY", "AGE"]
    assert "a-flow" in row
    assert "1/3" in row
    assert "only waits for a node" in row


def test_runs_are_found_by_their_flow_and_by_whether_they_have_ended(kubectl: Run, namespace: str):
    name = create(kubectl, namespace, a_run())["metadata"]["name"]

    def found(selector: str) -> str:
        return kubectl("get", "-n", namespace, "flr", "-o", "name", "--field-selector", selector).strip()

    assert found("spec.flowRef.name=a-flow,status.completionTime=").endswith(name)
    assert found("spec.flowRef.name=other") == ""
    assert found("status.completionTime!=") == ""


def test_merge_keys_are_those_of_this_api_server(kubectl: Run):
    definitions = json.loads(kubectl("get", "--raw", "/openapi/v2"))["definitions"]
    crd = json.loads(kubectl("get", "crd", "flows.tidegate.dev", "-o", "json"))
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    template = spec["tasks"]["items"]["properties"]["podTemplate"]
    compared = list(_merge_keys(template, "io.k8s.api.core.v1.PodTemplateSpec", definitions, "podTemplate"))
    assert len(compared) > 10
    assert [(path, ours) for path, ours, theirs in compared if ours != theirs] == []


def _merge_keys(schema: dict[str, Any], kind: str, definitions: dict[str, Any], path: str) -> Iterator[tuple[Any, ...]]:
    """Each list-map below `schema`: its path, our keys, the API server's."""
    theirs = definitions[kind]["properties"]
    for name, child in schema.get("properties", {}).items():
        inner = child.get("items", child)
        if child.get("x-kubernetes-list-type") == "map":
            yield f"{path}.{name}", child["x-kubernetes-list-map-keys"], theirs[name].get("x-kubernetes-list-map-keys")
        reference = theirs[name].get("items", theirs[name]).get("$ref")
        if reference:
            yield from _merge_keys(inner, reference.rpartition("/")[2], definitions, f"{path}.{name}")


@pytest.mark.usefixtures("system_namespace")
def test_install_yaml_is_accepted(kubectl: Run):
    answer = kubectl("apply", "--server-side", "--dry-run=server", "-f", "manifests/install.yaml")
    assert len(answer.splitlines()) == (ROOT / "manifests/install.yaml").read_text().count("\n---\n") + 1


def test_the_kustomize_base_installs_the_same(kubectl: Run):
    built = yaml.safe_load_all(kubectl("kustomize", "manifests/base"))
    installed = yaml.safe_load_all((ROOT / "manifests/install.yaml").read_text())
    assert sorted(map(_identity, built)) == sorted(map(_identity, installed))


def _identity(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)


def test_the_manifests_are_what_the_chart_renders(helm_program: str):
    assert (ROOT / DEPLOYMENT).read_text() == deployment(helm_program), "run: python -m tidegate.codegen --helm helm"


def test_the_chart_has_no_faults(helm: Run):
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART)


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_what_the_chart_renders_is_accepted(
    kubectl: Run, helm: Run, namespace: str, values: dict[str, Any], tmp_path: Path
):
    rendered = helm("template", "tidegate", CHART, "--namespace", namespace, values=values)
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered)
    kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", str(file))


def test_namespaced_mode_has_roles_only(kubectl: Run, helm: Run, namespace: str):
    values = {"watch": {"namespaces": [namespace]}, "rbac": {"aggregate": False}, "crds": {"enabled": False}}
    rendered = helm("template", "tidegate", CHART, "--namespace", namespace, values=values)
    kinds = {document["kind"] for document in yaml.safe_load_all(rendered) if document}
    assert not {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"} & kinds
    kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", input=rendered)


def test_monitors_are_rendered_for_the_prometheus_operator(helm: Run):
    rendered = helm("template", "tidegate", CHART, values={"metrics": MONITORS})
    kinds = {document["kind"] for document in yaml.safe_load_all(rendered) if document}
    assert {"ServiceMonitor", "PodMonitor", "PrometheusRule"} <= kinds


def test_crds_can_be_left_out_or_given_up(helm: Run):
    assert "CustomResourceDefinition" not in helm("template", "t", CHART, values={"crds": {"enabled": False}})
    assert "helm.sh/resource-policy: keep" in helm("template", "t", CHART)
    assert "helm.sh/resource-policy" not in helm("template", "t", CHART, values={"crds": {"keep": False}})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replicas": 2}, "replicas"),
        ({"image": {"repo": "x"}}, "repo"),
        ({"logging": {"level": "LOUD"}}, "level"),
        ({"replicaCount": 2, "leaderElection": {"enabled": False}}, "leaderElection.enabled"),
    ],
    ids=["unknown value", "unknown nested value", "unknown level", "two without a lease"],
)
def test_mistakes_in_values_are_told(helm: Run, values: dict[str, Any], words: str):
    with pytest.raises(AssertionError, match=words):
        helm("template", "tidegate", CHART, values=values)


def test_the_operators_account_can_what_it_needs_and_nothing_more(kubectl: Run, helm: Run, namespace: str):
    release = f"tidegate-{namespace}"
    values = {"watch": {"namespaces": [namespace]}, "rbac": {"aggregate": False}, "crds": {"enabled": False}}
    rendered = helm("template", release, CHART, "--namespace", namespace, "--set", "replicaCount=0", values=values)
    kubectl("apply", "-f", "-", input=rendered)

    def may(verb: str, resource: str, where: str = namespace) -> bool:
        account = f"system:serviceaccount:{namespace}:{release}"
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": account, "resourceAttributes": _attributes(verb, resource, where)},
        }
        answer = kubectl("create", "-f", "-", "-o", "jsonpath={.status.allowed}", input=json.dumps(review))
        return answer == "true"

    allowed = [
        ("watch", "tidegate.dev/flowruns"),
        ("create", "tidegate.dev/flowruns"),
        ("update", "tidegate.dev/flowruns/status"),
        ("create", "batch/jobs"),
        ("update", "batch/jobs"),
        ("list", "/pods"),
        ("get", "/configmaps"),
        ("create", "coordination.k8s.io/leases"),
        ("update", "tidegate.dev/flowapprovals/status"),
        ("update", "tidegate.dev/backfills/status"),
        ("create", "authorization.k8s.io/localsubjectaccessreviews"),
        ("get", "apps/deployments"),
    ]
    refused = [
        ("get", "/secrets"),
        ("list", "apps/deployments"),
        ("create", "tidegate.dev/flowapprovals"),
        ("update", "tidegate.dev/backfills"),
        ("update", "tidegate.dev/flows"),
        ("patch", "batch/jobs"),
        ("update", "tidegate.dev/flowruns"),
        ("create", "/pods"),
        ("delete", "/configmaps"),
        ("delete", "coordination.k8s.io/leases"),
    ]
    assert {pair for pair in allowed if not may(*pair)} == set()
    assert {pair for pair in refused if may(*pair)} == set()
    assert not may("list", "/pods", "default")


def _attributes(verb: str, resource: str, where: str) -> dict[str, str]:
    group, plural, *subresource = resource.split("/")
    return {
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": "".join(subresource),
        "namespace": where,
    }


def test_a_release_becomes_ready_and_its_own_test_passes(
    kubectl: Run, helm: Run, kubeconfig: Path, namespace: str, operator_image: str
):
    repository, tag = operator_image.split(":")
    values = {
        "replicaCount": 2,
        "image": {"repository": repository, "tag": tag},
        "watch": {"namespaces": [namespace]},
        "rbac": {"aggregate": False},
        "crds": {"enabled": False},
    }
    where = ("--namespace", namespace, "--kubeconfig", str(kubeconfig))
    helm("install", "tidegate", CHART, *where, "--wait", "--timeout=90s", values=values)
    try:
        assert "Succeeded" in helm("test", "tidegate", *where, "--timeout=60s")
        assert kubectl("get", "-n", namespace, "lease", "tidegate-operator", "-o", "jsonpath={.spec.holderIdentity}")
    finally:
        helm("uninstall", "tidegate", *where)
