"""How a task becomes a Job: the user's template, the task's own fields over it, safe defaults below."""

from typing import Any

import pytest

from engine.harness import START, graph_of, pod
from tidegate.engine.inputs import render_inputs
from tidegate.engine.run import Run
from tidegate.resources import configmaps
from tidegate.resources.job import job, tombstone
from tidegate.resources.names import MAX_JOB_NAME, job_name

RUN = Run("ns", "run-1", "uid-1", "flow", "rev", START)


def job_of(task: dict[str, Any], params: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    graph = graph_of(task, **spec)
    node = graph.nodes[0]
    context = {"params": params or {}, "run": RUN.context(), "tasks": {}}
    return job(graph, RUN, node, (0, 1), render_inputs(graph, node, context))


def spec_of(task: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(job_of(task, **more)["spec"]["template"]["spec"])


def main_of(task: dict[str, Any], **more: Any) -> dict[str, Any]:
    return next(c for c in spec_of(task, **more)["containers"] if c["name"] == "main")


def env_of(container: dict[str, Any]) -> dict[str, Any]:
    return {row["name"]: row.get("value", row.get("valueFrom")) for row in container["env"]}


def test_a_job_runs_one_pod_once_and_keeps_the_cause_of_a_disruption():
    spec = job_of(pod("a"))["spec"]
    fixed = {"completions": 1, "parallelism": 1, "backoffLimit": 0, "podReplacementPolicy": "Failed"}
    assert fixed.items() <= spec.items()
    assert spec["podFailurePolicy"]["rules"][0]["action"] == "FailJob"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_pods_fit_the_restricted_standard_unless_the_user_says_otherwise():
    spec = spec_of(pod("a"))
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    root = {"spec": {"securityContext": {"runAsUser": 0, "runAsNonRoot": False}}}
    said = spec_of(pod("a", podTemplate=root))["securityContext"]
    assert (said["runAsUser"], said["runAsNonRoot"]) == (0, False)
    assert said["seccompProfile"] == {"type": "RuntimeDefault"}


def test_a_task_with_a_service_account_gets_its_token():
    spec = spec_of(pod("a", serviceAccountName="etl"))
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("etl", True)


def test_sugar_wins_over_the_pod_template_and_lists_merge_by_name():
    template = {
        "metadata": {"labels": {"team": "data"}},
        "spec": {
            "containers": [
                {"name": "main", "image": "old", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                {"name": "proxy", "image": "proxy"},
            ]
        },
    }
    task = pod("a", image="new", env=[{"name": "B", "value": "3"}], podTemplate=template)
    main = main_of(task)
    assert main["image"] == "new"
    assert {"A": "1", "B": "3"}.items() <= env_of(main).items()
    assert [c["name"] for c in spec_of(task)["containers"]] == ["main", "proxy"]
    assert job_of(task)["spec"]["template"]["metadata"]["labels"]["team"] == "data"


def test_only_main_owns_the_output():
    template = {"spec": {"containers": [{"name": "main", "image": "a"}, {"name": "proxy", "image": "b"}]}}
    containers = {c["name"]: c for c in spec_of({"name": "a", "podTemplate": template})["containers"]}
    assert containers["main"]["terminationMessagePath"] == env_of(containers["main"])["TIDEGATE_OUTPUT"]
    assert "terminationMessagePath" not in containers["proxy"]


def test_the_users_own_termination_message_path_is_taken():
    template = {"spec": {"containers": [{"name": "main", "image": "a", "terminationMessagePath": "/out"}]}}
    assert env_of(main_of({"name": "a", "podTemplate": template}))["TIDEGATE_OUTPUT"] == "/out"


def test_the_only_container_of_a_template_becomes_main_whatever_its_name():
    template = {"spec": {"containers": [{"name": "work", "image": "a"}]}}
    assert main_of({"name": "a", "podTemplate": template})["image"] == "a"


def test_defaults_of_the_flow_lie_below_the_tasks_own_template():
    defaults = {"podTemplate": {"spec": {"nodeSelector": {"a": "1", "b": "1"}}}, "timeoutSeconds": 60}
    task = pod("a", podTemplate={"spec": {"nodeSelector": {"b": "2"}}})
    spec = spec_of(task, taskDefaults=defaults)
    assert spec["nodeSelector"] == {"a": "1", "b": "2"}
    assert spec["activeDeadlineSeconds"] == 60


def test_a_script_is_a_file_of_the_runs_own_configmap():
    task = {"name": "a", "image": "x", "script": "echo hi", "interpreter": ["sh", "-e"]}
    graph = graph_of(task)
    files = configmaps.programs(graph, RUN)
    assert files is not None
    assert files["immutable"] is True
    main = main_of(task)
    assert main["command"] == ["sh", "-e", "/tidegate/script/a"]
    assert main["volumeMounts"][0]["mountPath"] == "/tidegate/script/a"
    volume = spec_of(task)["volumes"][0]["configMap"]
    assert volume["name"] == files["metadata"]["name"]
    assert [files["data"][item["key"]] for item in volume["items"]] == ["echo hi"]


def test_relative_files_lie_in_the_working_directory():
    files = [{"path": "conf/a.ini", "content": "x"}, {"path": "/etc/b", "content": "y"}]
    paths = [mount["mountPath"] for mount in main_of(pod("a", files=files))["volumeMounts"]]
    assert paths == ["/tidegate/workdir", "/tidegate/workdir/conf/a.ini", "/etc/b"]
    main = main_of(pod("a", files=files, workingDir="/srv"))
    assert [mount["mountPath"] for mount in main["volumeMounts"]] == ["/srv/conf/a.ini", "/etc/b"]


def test_a_secret_param_is_a_reference_and_never_a_value():
    task = pod("a", env=[{"name": "TOKEN", "value": "$[[ params.token ]]"}])
    params = [{"name": "token", "type": "secret"}]
    graph = graph_of(task, params=params)
    context = {"params": {"token": {"name": "s", "key": "k"}}, "run": RUN.context(), "tasks": {}}
    body = job(graph, RUN, graph.nodes[0], (0, 1), render_inputs(graph, graph.nodes[0], context))
    main = body["spec"]["template"]["spec"]["containers"][0]
    assert env_of(main)["TOKEN"] == {"secretKeyRef": {"name": "s", "key": "k"}}


def test_only_the_run_template_propagates():
    metadata = {"labels": {"team": "data"}, "annotations": {"note": "x"}}
    body = job_of(pod("a"), runTemplate={"metadata": metadata})
    for meta in (body["metadata"], body["spec"]["template"]["metadata"]):
        assert meta["labels"]["team"] == "data"
        assert meta["annotations"] == {"note": "x"}


def test_the_idempotency_key_is_the_same_for_all_attempts_of_one_piece_of_work():
    graph = graph_of(pod("a"))
    node = graph.nodes[0]
    inputs = render_inputs(graph, node, {"params": {}, "run": RUN.context(), "tasks": {}})
    bodies = [job(graph, RUN, node, (0, attempt), inputs) for attempt in (1, 2)]
    found = [env_of(b["spec"]["template"]["spec"]["containers"][0]) for b in bodies]
    assert found[0]["TIDEGATE_IDEMPOTENCY_KEY"] == found[1]["TIDEGATE_IDEMPOTENCY_KEY"]
    assert [env["TIDEGATE_ATTEMPT"] for env in found] == ["1", "2"]


def test_a_tombstone_has_the_jobs_name_and_does_nothing():
    body, stone = job_of(pod("a")), tombstone(RUN, (0, 1), "a")
    assert stone["metadata"]["name"] == body["metadata"]["name"]
    assert stone["spec"]["suspend"] is True
    assert stone["spec"]["managedBy"] != "kubernetes.io/job-controller"


@pytest.mark.parametrize(("run", "task"), [("r" * 63, "t" * 40), ("a.b", "a_B"), ("x", "y"), ("r-" * 20, "t-" * 20)])
def test_names_are_short_legal_and_unlike(run: str, task: str):
    names = {job_name(run, task, "uid", slot, attempt) for slot in range(3) for attempt in range(3)}
    assert len(names) == 9
    for name in names:
        assert len(name) <= MAX_JOB_NAME
        assert name == name.lower()
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert not name.startswith("-")


@pytest.mark.parametrize(
    ("policy", "annotations"),
    [
        (None, {}),
        ("Allow", {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}),
        (
            "Avoid",
            {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"},
        ),
    ],
)
def test_disruption_is_told_to_autoscalers_by_the_pods_annotations(policy: str | None, annotations: dict[str, str]):
    task = pod("a", timeoutSeconds=60, **({"disruption": {"policy": policy}} if policy else {}))
    body = job_of(task)
    assert body["spec"]["template"]["metadata"].get("annotations", {}) == annotations
    assert "annotations" not in body["metadata"]


def test_a_tasks_disruption_wins_over_the_run_template():
    annotations = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    body = job_of(pod("a", disruption={"policy": "Allow"}), runTemplate={"metadata": {"annotations": annotations}})
    assert body["spec"]["template"]["metadata"]["annotations"] == {
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "true"
    }


def test_avoid_must_be_bounded():
    with pytest.raises(AssertionError, match="Avoid needs timeoutSeconds"):
        graph_of(pod("a", disruption={"policy": "Avoid"}))
    graph_of(pod("a"), taskDefaults={"disruption": {"policy": "Avoid"}, "timeoutSeconds": 60})


def test_a_queue_is_named_on_the_job_and_suspending_it_is_left_to_the_queue():
    body = job_of(pod("a", queueName="batch"))
    assert body["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "batch"
    assert "suspend" not in body["spec"]
    assert "kueue.x-k8s.io/queue-name" not in body["spec"]["template"]["metadata"]["labels"]
    assert "kueue.x-k8s.io/queue-name" not in tombstone(RUN, (0, 1), "a")["metadata"]["labels"]


def test_priority_is_the_pods_class():
    assert spec_of(pod("a", priority="high"))["priorityClassName"] == "high"
    assert "priorityClassName" not in spec_of(pod("a"))


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("priority", "low", ("spec", "template", "spec", "priorityClassName")),
        ("queueName", "batch", ("metadata", "labels", "kueue.x-k8s.io/queue-name")),
        ("serviceAccountName", "etl", ("spec", "template", "spec", "serviceAccountName")),
    ],
)
def test_defaults_are_taken_by_tasks_that_say_nothing(field: str, value: str, path: tuple[str, ...]):
    def at(body: Any) -> Any:
        for key in path:
            body = body[key]
        return body

    assert at(job_of(pod("a"), taskDefaults={field: value})) == value
    assert at(job_of(pod("a", **{field: "own"}), taskDefaults={field: value})) == "own"


def test_quantities_may_be_expressions_and_become_what_kubernetes_takes():
    resources = {
        "requests": {"cpu": "$[[ params.cores ]]", "memory": "$[[ params.gi * 2 ]]Gi"},
        "limits": {"memory": "$[[ params.limit ]]", "nvidia.com/gpu": 1},
    }
    task, params = pod("a", resources=resources), {"cores": 2, "gi": 3, "limit": "8Gi"}
    declared = [{"name": "cores", "type": "integer"}, {"name": "gi", "type": "integer"}, {"name": "limit"}]
    graph = graph_of(task, params=declared)
    node = graph.nodes[0]
    context = {"params": params, "run": RUN.context(), "tasks": {}}
    body = job(graph, RUN, node, (0, 1), render_inputs(graph, node, context))
    assert body["spec"]["template"]["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "2", "memory": "6Gi"},
        "limits": {"memory": "8Gi", "nvidia.com/gpu": "1"},
    }
