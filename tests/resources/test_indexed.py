"""How the items of a fan-out become Jobs: one Indexed Job for many, or one Job each."""

from typing import Any

from engine.harness import START, graph_of, pod
from tidegate.engine.actions import Share
from tidegate.engine.inputs import render_inputs
from tidegate.engine.run import Run
from tidegate.resources.job import job

RUN = Run("ns", "run-1", "uid-1", "flow", "rev", START)
CHUNK = Share("items-map", first=500, place=0, count=300, parallelism=40, max_failed=7)
ITEM = Share("items-map", first=12, place=5)


def job_of(share: Share, **more: Any) -> dict[str, Any]:
    strategy = "Jobs" if share.parallelism is None else "Indexed"
    graph = graph_of(pod("a", forEach={"items": ["x"], "strategy": strategy}, **more))
    context = {"params": {}, "run": RUN.context(), "tasks": {}, "item": "x", "index": 0}
    return job(graph, RUN, graph.nodes[0], (1, 1), render_inputs(graph, graph.nodes[0], context), share)


def spec_of(share: Share, **more: Any) -> dict[str, Any]:
    return dict(job_of(share, **more)["spec"])


def pod_of(share: Share, **more: Any) -> dict[str, Any]:
    return dict(spec_of(share, **more)["template"]["spec"])


def env_of(share: Share, **more: Any) -> dict[str, Any]:
    (main,) = pod_of(share, **more)["containers"]
    return {row["name"]: row.get("value", row.get("valueFrom")) for row in main["env"]}


def test_a_chunk_is_an_indexed_job_that_repeats_its_items_itself():
    spec = spec_of(CHUNK, retry={"limit": 2, "exceptExitCodes": [9, 3]})
    disrupted = [{"type": "DisruptionTarget", "status": "True"}]
    codes = {"containerName": "main", "operator": "In", "values": [3, 9]}
    assert {key: value for key, value in spec.items() if key != "template"} == {
        "completionMode": "Indexed",
        "completions": 300,
        "parallelism": 40,
        "backoffLimitPerIndex": 2,
        "maxFailedIndexes": 7,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": disrupted},
                {"action": "FailIndex", "onExitCodes": codes},
            ]
        },
    }
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_an_item_that_may_not_be_disrupted_fails_when_it_is():
    (rule,) = spec_of(CHUNK, retry={"maxDisruptions": 0})["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailIndex"


def test_each_pod_of_a_chunk_picks_its_item_by_its_index():
    spec = pod_of(CHUNK)
    assert spec["volumes"] == [{"name": "tidegate-items", "configMap": {"name": "items-map", "defaultMode": 0o444}}]
    mounts = {mount["mountPath"]: mount["subPathExpr"] for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts == {
        "/tidegate/item": "$(JOB_COMPLETION_INDEX)",
        "/tidegate/index": "$(JOB_COMPLETION_INDEX).index",
    }


def test_a_pod_of_its_own_job_sees_no_other_item():
    spec = pod_of(ITEM)
    assert spec["volumes"][0]["configMap"]["items"] == [
        {"key": "5", "path": "item"},
        {"key": "5.index", "path": "index"},
    ]
    mounts = {mount["mountPath"]: mount["subPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts == {"/tidegate/item": "item", "/tidegate/index": "index"}
    assert spec_of(ITEM)["completions"] == 1
    assert "completionMode" not in spec_of(ITEM)


def test_the_environment_names_the_files_and_counts_attempts_only_where_it_can():
    files = {"TIDEGATE_ITEM": "/tidegate/item", "TIDEGATE_INDEX": "/tidegate/index"}
    assert files.items() <= env_of(CHUNK).items()
    assert files.items() <= env_of(ITEM).items()
    assert "TIDEGATE_ATTEMPT" not in env_of(CHUNK)
    assert env_of(ITEM)["TIDEGATE_ATTEMPT"] == "1"


def test_every_item_has_a_key_of_its_own_that_stays_the_same():
    keys = [env_of(share)["TIDEGATE_IDEMPOTENCY_KEY"] for share in (CHUNK, ITEM, Share("items-map", 13, 6))]
    assert len(set(keys)) == 3
    assert keys[0].endswith("-$(JOB_COMPLETION_INDEX)")
    assert env_of(Share("other", 12, 0))["TIDEGATE_IDEMPOTENCY_KEY"] == keys[1]


def test_the_index_comes_before_what_names_it_and_before_what_users_write():
    (main,) = pod_of(CHUNK, env=[{"name": "MINE", "value": "$(JOB_COMPLETION_INDEX)"}])["containers"]
    names = [row["name"] for row in main["env"]]
    assert names.index("JOB_COMPLETION_INDEX") < names.index("TIDEGATE_IDEMPOTENCY_KEY") < names.index("MINE")
