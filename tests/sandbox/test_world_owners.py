"""Owners in the model: what goes with whom, in the three propagation policies."""

import pytest

from sandbox.worlds import START, a_job, a_world, begin, end
from tidegate.sandbox.kinds import CONFIGMAPS, FLOWRUNS, JOBS, NAMESPACES, PODS


def a_run(world, name="run", namespace="default"):
    return world.create(FLOWRUNS, {"metadata": {"name": name}, "spec": {}}, namespace=namespace)


def owner(obj, **more):
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        **{k: obj["metadata"][k] for k in ("name", "uid")},
        **more,
    }


def owned(world, name, *owners, namespace="default"):
    obj = {"metadata": {"name": name, "ownerReferences": list(owners)}}
    return world.create(CONFIGMAPS, obj, namespace=namespace)


def names(world, kind):
    return [obj["metadata"]["name"] for obj in world.list(kind)]


def test_everything_that_a_run_owns_goes_with_it():
    world = a_world()
    run = a_run(world)
    end(world, begin(world, a_job(owners=[owner(run)])))
    owned(world, "data", owner(run))
    world.delete(FLOWRUNS, "default", "run")
    assert names(world, JOBS) == ["job"]
    world.step(START)
    assert (names(world, JOBS), names(world, PODS), names(world, CONFIGMAPS)) == ([], [], [])


def test_an_object_stays_while_one_of_its_owners_lives():
    world = a_world()
    first, second = a_run(world, "first"), a_run(world, "second")
    owned(world, "shared", owner(first), owner(second))
    for run, left in (("first", ["shared"]), ("second", [])):
        world.delete(FLOWRUNS, "default", run)
        world.step(START)
        assert names(world, CONFIGMAPS) == left


def test_what_is_created_for_an_owner_that_is_gone_is_collected():
    world = a_world()
    run = a_run(world)
    world.delete(FLOWRUNS, "default", "run")
    world.create(JOBS, a_job(owners=[owner(run)]))
    world.step(START)
    assert (names(world, JOBS), names(world, PODS)) == ([], [])


def test_an_owner_in_another_namespace_is_none():
    world = a_world()
    world.create(NAMESPACES, {"metadata": {"name": "other"}})
    owned(world, "data", owner(a_run(world, namespace="other")))
    world.step(START)
    assert names(world, CONFIGMAPS) == []


def test_an_object_that_is_given_a_dead_owner_is_collected():
    world = a_world()
    owned(world, "data")
    dead = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "dead"}
    world.patch_merge(CONFIGMAPS, "default", "data", {"metadata": {"ownerReferences": [dead]}})
    world.step(START)
    assert names(world, CONFIGMAPS) == []


def test_in_the_foreground_the_owner_waits_for_its_dependents():
    world = a_world()
    uid = begin(world, a_job())
    world.delete(JOBS, "default", "job", propagation="Foreground")
    world.step(START)
    assert world.get(JOBS, "default", "job")["metadata"]["finalizers"] == ["foregroundDeletion"]
    world.pod_gone(uid)
    world.step(START)
    assert (names(world, JOBS), names(world, PODS)) == ([], [])


def test_in_the_foreground_a_held_dependent_holds_its_owner():
    world = a_world()
    held = {"metadata": {"name": "held", "finalizers": ["a/b"], "ownerReferences": [owner(a_run(world))]}}
    world.create(CONFIGMAPS, held)
    world.delete(FLOWRUNS, "default", "run", propagation="Foreground")
    world.step(START)
    assert names(world, FLOWRUNS) == ["run"]
    world.patch_merge(CONFIGMAPS, "default", "held", {"metadata": {"finalizers": None}})
    world.step(START)
    assert names(world, FLOWRUNS) == []


def test_orphans_stay_without_an_owner():
    world = a_world()
    end(world, begin(world, a_job()))
    world.delete(JOBS, "default", "job", propagation="Orphan")
    world.step(START)
    (pod,) = world.list(PODS)
    assert (names(world, JOBS), pod["metadata"]["ownerReferences"]) == ([], [])


@pytest.mark.parametrize("propagation", ["Background", "Foreground", "Orphan"])
def test_a_job_without_dependents_goes_in_any_policy(propagation):
    world = a_world()
    world.create(JOBS, a_job(suspend=True))
    world.step(START)
    world.delete(JOBS, "default", "job", propagation=propagation)
    world.step(START)
    assert names(world, JOBS) == []
