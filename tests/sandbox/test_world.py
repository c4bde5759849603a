"""The model as an API server: verbs, preconditions, refusals, history."""

import json

import pytest

from sandbox.worlds import START, a_job, a_world
from tidegate.errors import AlreadyExists, Conflict, Forbidden, Gone, NotFound, Rejected
from tidegate.sandbox.kinds import (
    BACKFILLS,
    CONFIGMAPS,
    FLOWRUNS,
    FLOWS,
    JOBS,
    KINDS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICEACCOUNTS,
    find,
)


def a_map(name="settings", **fields):
    return {"metadata": {"name": name}, "data": {"a": "1"}, **fields}


def test_a_new_object_gets_what_only_the_server_says():
    world = a_world()
    made = world.create(FLOWS, {"metadata": {"name": "hello"}, "spec": {"tasks": []}})
    assert made["apiVersion"], made["kind"] == ("tidegate.dev/v1alpha1", "Flow")
    assert made["metadata"] == {
        "name": "hello",
        "namespace": "default",
        "uid": made["metadata"]["uid"],
        "creationTimestamp": "2027-01-15T08:00:00Z",
        "generation": 1,
        "resourceVersion": str(world.resource_version),
    }
    assert made["status"] == {"observedGeneration": -1}


def test_what_goes_in_is_copied():
    world = a_world()
    given = a_map()
    world.create(CONFIGMAPS, given)
    given["data"]["a"] = "changed"
    assert world.get(CONFIGMAPS, "default", "settings")["data"] == {"a": "1"}


def test_status_is_dropped_at_creation_and_by_writes_of_the_object():
    world = a_world()
    run = {"metadata": {"name": "r"}, "spec": {}, "status": {"progress": "9/9"}}
    made = world.create(FLOWRUNS, run)
    assert made["status"] == {"observedGeneration": -1}
    written = world.replace(FLOWRUNS, {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}, "status": {}})
    assert (written["status"], written["metadata"]["labels"]) == ({"observedGeneration": -1}, {"a": "b"})


def test_a_write_of_status_changes_only_status_and_no_generation():
    world = a_world()
    made = world.create(FLOWRUNS, {"metadata": {"name": "r"}, "spec": {"params": {"a": 1}}})
    changed = {**made, "spec": {}, "status": {"outputs": {"x": None, "y": [{"z": None}]}, "tries": 2.0}}
    written = world.replace(FLOWRUNS, changed, subresource="status")
    assert written["spec"] == {"params": {"a": 1}}
    assert json.dumps(written["status"]) == '{"outputs": {"x": null, "y": [{"z": null}]}, "tries": 2}'
    assert written["metadata"]["generation"] == 1


def test_names_are_made_from_a_prefix_and_differ():
    world = a_world()
    names = {world.create(CONFIGMAPS, {"metadata": {"generateName": "c-"}})["metadata"]["name"] for _ in range(300)}
    assert len(names) == 300
    assert all(len(name) == 7 and name.startswith("c-") for name in names)


def test_a_long_prefix_is_cut_so_that_the_name_fits_a_label():
    made = a_world().create(CONFIGMAPS, {"metadata": {"generateName": "c" * 70}})
    assert len(made["metadata"]["name"]) == 63


def test_the_same_calls_give_the_same_world():
    def build():
        world = a_world()
        world.create(JOBS, a_job())
        world.step(START + 1)
        return world.snapshot()

    assert build() == build()


@pytest.mark.parametrize(
    ("obj", "error", "message"),
    [
        (a_map("taken"), AlreadyExists, 'configmaps "taken" already exists'),
        ({"metadata": {"name": "x", "namespace": "nowhere"}}, NotFound, 'namespaces "nowhere" not found'),
        ({"metadata": {}}, Rejected, "name or generateName is required"),
        ({"metadata": {"name": "Not_A_Name"}}, Rejected, 'metadata.name: Invalid value: "Not_A_Name"'),
        ({"metadata": {"name": "x", "labels": {"a": "v" * 64}}}, Rejected, "must be no more than 63 characters"),
        ({"metadata": {"name": "x", "labels": ["a"]}}, Rejected, "metadata.labels: found a list, expected an object"),
        ({"metadata": "x"}, Rejected, "metadata: found a string, expected an object"),
        ({"metadata": {"name": "x", "ownerReferences": [{"kind": "Flow"}]}}, Rejected, "ownerReferences.uid: Required"),
    ],
)
def test_what_cannot_be_created_is_refused_with_a_sentence(obj, error, message):
    world = a_world()
    world.create(CONFIGMAPS, a_map("taken"))
    with pytest.raises(error) as caught:
        world.create(CONFIGMAPS, obj)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"template": None}, 422, "spec.template.spec.restartPolicy: Required value"),
        ({"template": []}, 400, "spec.template: found a list, expected an object"),
        (
            {"template": {"spec": {"restartPolicy": "Always", "containers": [{"name": "m", "image": "i"}]}}},
            422,
            "spec.template.spec.restartPolicy: Required value",
        ),
        ({"template": {"spec": {"restartPolicy": "Never"}}}, 422, "spec.template.spec.containers: Required value"),
        ({"template": {"spec": {"restartPolicy": "Never", "containers": ["m"]}}}, 400, "containers[0]: found a string"),
        ({"backoffLimit": -1}, 422, "spec.backoffLimit: Invalid value: -1"),
        ({"backoffLimit": "1"}, 400, "spec.backoffLimit: found a string, expected a whole number"),
        ({"completionMode": "Sorted"}, 422, "spec.completionMode: Unsupported value"),
    ],
)
def test_an_impossible_job_is_refused(change, status, message):
    job = a_job()
    job["spec"] |= change
    with pytest.raises(Rejected) as caught:
        a_world().create(JOBS, job)
    assert caught.value.status == status
    assert message in caught.value.message


def test_the_name_of_a_job_must_fit_a_label():
    with pytest.raises(Rejected, match="must be no more than 63 characters"):
        a_world().create(JOBS, a_job("j" * 64))


def test_a_stale_write_is_a_conflict_and_a_blind_one_wins_where_kubernetes_allows_it():
    world = a_world()
    made = world.create(CONFIGMAPS, a_map())
    world.replace(CONFIGMAPS, {**made, "data": {"a": "2"}})
    with pytest.raises(Conflict, match="the object has been modified"):
        world.replace(CONFIGMAPS, {**made, "data": {"a": "3"}})
    world.replace(CONFIGMAPS, a_map(data={"a": "4"}))
    assert world.get(CONFIGMAPS, "default", "settings")["data"] == {"a": "4"}


@pytest.mark.parametrize("kind", [FLOWS, FLOWRUNS, LEASES])
def test_custom_resources_and_leases_are_never_written_blindly(kind):
    world = a_world()
    world.create(kind, {"metadata": {"name": "x"}, "spec": {}})
    with pytest.raises(Rejected, match="must be specified for an update"):
        world.replace(kind, {"metadata": {"name": "x", "namespace": "default"}, "spec": {}})


def test_a_write_that_changes_nothing_leaves_no_trace():
    world = a_world()
    made = world.create(CONFIGMAPS, a_map())
    before = world.resource_version
    assert world.replace(CONFIGMAPS, json.loads(json.dumps(made))) is made
    assert world.patch_merge(CONFIGMAPS, "default", "settings", {"data": {"a": "1"}}) is made
    assert world.resource_version == before


def test_generation_counts_changes_of_what_is_wanted():
    world = a_world()
    world.create(FLOWS, {"metadata": {"name": "f"}, "spec": {"a": 1}})
    patch = lambda change: world.patch_merge(FLOWS, "default", "f", change)["metadata"]["generation"]  # noqa: E731
    assert patch({"metadata": {"labels": {"a": "b"}}}) == 1
    assert patch({"spec": {"a": 2}}) == 2


def test_a_merge_patch_removes_with_null_and_keeps_no_nulls():
    world = a_world()
    world.create(FLOWRUNS, {"metadata": {"name": "r"}, "spec": {}})
    change = {"status": {"a": 1, "b": {"c": None, "d": [{"e": None, "f": 1}]}}}
    world.patch_merge(FLOWRUNS, "default", "r", change, subresource="status")
    patched = world.patch_merge(FLOWRUNS, "default", "r", {"status": {"a": None}}, subresource="status")
    assert patched["status"] == {"observedGeneration": -1, "b": {"d": [{"f": 1}]}}


def test_a_merge_patch_with_a_stale_version_is_a_conflict():
    world = a_world()
    version = world.create(CONFIGMAPS, a_map())["metadata"]["resourceVersion"]
    world.patch_merge(CONFIGMAPS, "default", "settings", {"data": {"a": "2"}})
    with pytest.raises(Conflict):
        world.patch_merge(
            CONFIGMAPS, "default", "settings", {"metadata": {"resourceVersion": version}, "data": {"a": "3"}}
        )


@pytest.mark.parametrize(
    ("kind", "obj", "patch", "message"),
    [
        (CONFIGMAPS, a_map("x", immutable=True), {"data": {"a": "2"}}, "data: Forbidden: field is immutable"),
        (CONFIGMAPS, a_map("x", immutable=True), {"immutable": None}, "immutable: Forbidden: field is immutable"),
        (SECRETS, {"metadata": {"name": "x"}, "type": "Opaque"}, {"type": "other"}, "type: Invalid value"),
        (JOBS, a_job("x"), {"spec": {"template": {"spec": {"hostname": "h"}}}}, "spec.template: Invalid value"),
        (JOBS, a_job("x"), {"spec": {"completions": 2}}, "spec.completions: Invalid value"),
        (
            FLOWRUNS,
            {"metadata": {"name": "x"}, "spec": {"params": {}}},
            {"spec": {"params": {"a": 1}}},
            "params cannot",
        ),
        (
            FLOWRUNS,
            {"metadata": {"name": "x"}, "spec": {"desiredState": "Terminated"}},
            {"spec": {"desiredState": "Cancelled"}},
            "desiredState never goes back",
        ),
        (
            BACKFILLS,
            {"metadata": {"name": "x"}, "spec": {"order": "OldestFirst"}},
            {"spec": {"order": None}},
            "order cannot change after creation: create another Backfill",
        ),
        (
            BACKFILLS,
            {"metadata": {"name": "x"}, "spec": {"desiredState": "Cancelled"}},
            {"spec": {"desiredState": "Paused"}},
            "desiredState never goes back from Cancelled",
        ),
    ],
)
def test_what_may_not_change_does_not(kind, obj, patch, message):
    world = a_world()
    made = world.create(kind, obj)
    with pytest.raises(Rejected) as caught:
        world.patch_merge(kind, "default", "x", patch)
    assert caught.value.status == 422
    assert message in caught.value.message
    assert world.get(kind, "default", "x") is made


def test_a_run_can_be_cancelled_and_a_job_suspended():
    world = a_world()
    world.create(FLOWRUNS, {"metadata": {"name": "r"}, "spec": {}})
    world.create(JOBS, a_job())
    world.patch_merge(FLOWRUNS, "default", "r", {"spec": {"desiredState": "Cancelled"}})
    assert world.patch_merge(JOBS, "default", "job", {"spec": {"suspend": True}})["metadata"]["generation"] == 2


def test_a_suspended_job_may_be_placed_before_it_starts():
    world = a_world()
    world.create(JOBS, a_job(suspend=True))
    world.step(START)
    patch = {"spec": {"template": {"spec": {"nodeSelector": {"zone": "a"}}}}}
    assert world.patch_merge(JOBS, "default", "job", patch)["spec"]["template"]["spec"]["nodeSelector"] == {"zone": "a"}


@pytest.mark.parametrize("subresource", ["scale", "status"])
def test_a_subresource_that_does_not_exist_is_not_found(subresource):
    world = a_world()
    world.create(CONFIGMAPS, a_map())
    with pytest.raises(NotFound):
        world.replace(CONFIGMAPS, a_map(), subresource=subresource)


def test_lists_are_sorted_and_selected():
    world = a_world()
    world.create(NAMESPACES, {"metadata": {"name": "other"}})
    for namespace, name, color in (("other", "a", "red"), ("default", "c", "red"), ("default", "b", "blue")):
        world.create(CONFIGMAPS, {"metadata": {"name": name, "labels": {"color": color}}}, namespace=namespace)
    names = lambda *args, **how: [obj["metadata"]["name"] for obj in world.list(CONFIGMAPS, *args, **how)]  # noqa: E731
    assert names() == ["b", "c", "a"]
    assert names("default") == ["b", "c"]
    assert names(labels="color=red") == ["c", "a"]
    assert names(labels="color in (blue,green)") == ["b"]
    assert names(labels="color notin (blue),!size") == ["c", "a"]
    assert names(labels="color!=red,color") == ["b"]
    assert names(fields="metadata.name!=b,metadata.namespace=default") == ["c"]


def test_lists_by_run_follow_every_change_of_the_label():
    world = a_world()
    label = "tidegate.dev/run-uid"
    for name in "ab":
        world.create(CONFIGMAPS, {"metadata": {"name": name, "labels": {label: "1"}}})
    world.patch_merge(CONFIGMAPS, "default", "a", {"metadata": {"labels": {label: "2"}}})
    world.delete(CONFIGMAPS, "default", "b")
    found = {
        value: [obj["metadata"]["name"] for obj in world.list(CONFIGMAPS, labels=f"{label}={value}")] for value in "12"
    }
    assert found == {"1": [], "2": ["a"]}
    assert [obj["metadata"]["name"] for obj in world.list(CONFIGMAPS, "default", labels=f"{label}=2,!x")] == ["a"]
    assert world.list(CONFIGMAPS, "other", labels=f"{label}=2") == []
    world.delete(CONFIGMAPS, "default", "a")
    assert [world.list(CONFIGMAPS, labels=f"{label}={value}") for value in "12"] == [[], []]


def test_runs_are_selected_by_the_fields_that_their_definition_names():
    world = a_world()
    for name, flow in (("a", "x"), ("b", "y")):
        world.create(FLOWRUNS, {"metadata": {"name": name}, "spec": {"flowRef": {"name": flow}}})
    chosen = world.list(FLOWRUNS, fields="spec.flowRef.name=x,status.completionTime=")
    assert [run["metadata"]["name"] for run in chosen] == ["a"]


@pytest.mark.parametrize(("how"), [{"labels": "a ~ b"}, {"fields": "spec.secret=1"}, {"fields": "nonsense"}])
def test_a_selector_that_cannot_be_read_is_refused(how):
    with pytest.raises(Rejected) as caught:
        a_world().list(CONFIGMAPS, **how)
    assert caught.value.status == 400


def test_history_tells_every_change_in_order():
    world = a_world()
    start = world.resource_version
    world.create(CONFIGMAPS, a_map())
    world.patch_merge(CONFIGMAPS, "default", "settings", {"data": {"a": "2"}})
    world.delete(CONFIGMAPS, "default", "settings")
    changes = world.events_since(CONFIGMAPS, start)
    assert [(change, obj.get("data")) for change, obj, _ in changes] == [
        ("ADDED", {"a": "1"}),
        ("MODIFIED", {"a": "2"}),
        ("DELETED", {"a": "2"}),
    ]
    assert [obj["metadata"]["resourceVersion"] for _, obj, _ in changes] == [str(version) for *_, version in changes]
    assert world.events_since(CONFIGMAPS, start + 2) == changes[2:]
    assert world.events_since(CONFIGMAPS, world.resource_version) == []


def test_history_that_is_not_kept_is_gone_and_nothing_is_skipped():
    world = a_world(history=5)
    for number in range(20):
        world.create(CONFIGMAPS, a_map(f"m{number}"))
    with pytest.raises(Gone, match="too old resource version"):
        world.events_since(CONFIGMAPS, 0)
    recent = world.events_since(CONFIGMAPS, world.resource_version - 5)
    assert [obj["metadata"]["name"] for _, obj, _ in recent] == [f"m{number}" for number in range(15, 20)]


def test_listeners_hear_each_change():
    world = a_world()
    heard = []
    world.on_change(lambda kind, change, obj: heard.append((kind.kind, change, obj["metadata"]["name"])))
    world.create(CONFIGMAPS, a_map())
    world.delete(CONFIGMAPS, "default", "settings")
    assert heard == [("ConfigMap", "ADDED", "settings"), ("ConfigMap", "DELETED", "settings")]


def test_deletion_checks_whom_it_meets():
    world = a_world()
    made = world.create(CONFIGMAPS, a_map())
    with pytest.raises(Conflict, match="Precondition failed: UID in precondition: other"):
        world.delete(CONFIGMAPS, "default", "settings", uid="other")
    with pytest.raises(Conflict):
        world.delete(CONFIGMAPS, "default", "settings", resource_version="1")
    world.delete(CONFIGMAPS, "default", "settings", uid=made["metadata"]["uid"])
    with pytest.raises(NotFound, match='configmaps "settings" not found'):
        world.delete(CONFIGMAPS, "default", "settings")


def test_a_finalizer_holds_an_object_and_its_name():
    world = a_world()
    world.create(CONFIGMAPS, {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}})
    world.delete(CONFIGMAPS, "default", "held")
    with pytest.raises(AlreadyExists, match="object is being deleted"):
        world.create(CONFIGMAPS, a_map("held"))
    with pytest.raises(Rejected, match="no new finalizers can be added"):
        world.patch_merge(CONFIGMAPS, "default", "held", {"metadata": {"finalizers": ["a/b", "example.com/hold"]}})
    world.patch_merge(CONFIGMAPS, "default", "held", {"metadata": {"finalizers": None}})
    assert world.list(CONFIGMAPS) == []


def test_an_ending_namespace_takes_its_content_along_and_accepts_nothing():
    world = a_world()
    world.create(NAMESPACES, {"metadata": {"name": "team"}})
    world.create(CONFIGMAPS, {"metadata": {"name": "held", "finalizers": ["a/b"]}}, namespace="team")
    world.create(CONFIGMAPS, a_map(), namespace="team")
    world.step(START)
    assert [account["metadata"]["name"] for account in world.list(SERVICEACCOUNTS, "team")] == ["default"]
    world.delete(NAMESPACES, None, "team")
    world.step(START)
    assert world.get(NAMESPACES, None, "team")["status"]["phase"] == "Terminating"
    assert [obj["metadata"]["name"] for obj in world.list(CONFIGMAPS, "team")] == ["held"]
    with pytest.raises(Forbidden, match="because it is being terminated"):
        world.create(CONFIGMAPS, a_map("late"), namespace="team")
    world.patch_merge(CONFIGMAPS, "team", "held", {"metadata": {"finalizers": None}})
    world.step(START)
    with pytest.raises(NotFound):
        world.get(NAMESPACES, None, "team")


def test_there_is_a_namespace_and_a_node_from_the_start():
    world = a_world()
    assert [obj["metadata"]["name"] for obj in world.list(NAMESPACES)] == ["default", "kube-system"]
    assert [obj["metadata"]["name"] for obj in world.list(NODES)] == ["sandbox"]
    assert world.get(SERVICEACCOUNTS, "default", "default")
    assert world.list(PODS) == []


def test_defaults_from_outside_are_part_of_a_new_object():
    world = a_world(default=lambda kind, obj: {**obj, "status": {"kind": kind.kind}})
    assert world.create(FLOWS, {"metadata": {"name": "f"}, "spec": {}})["status"] == {"kind": "Flow"}


def test_kinds_are_found_by_group_and_plural():
    assert find("batch", "jobs") is JOBS
    assert find("", "jobs") is None
    assert len({kind.key for kind in KINDS}) == len(KINDS)
    assert (JOBS.resource, JOBS.qualified, JOBS.api_version, JOBS.singular) == (
        "jobs.batch",
        "Job.batch",
        "batch/v1",
        "job",
    )
