"""Worlds, Jobs and short sentences about them for the tests of the model."""

import itertools

from tidegate.sandbox.kinds import JOBS, PODS
from tidegate.sandbox.world import World

START = 1_800_000_000.0


def a_world(now=START, *, uids="uid", **options):
    count = itertools.count(1)
    return World(now=now, new_uid=lambda: f"{uids}-{next(count)}", **options)


def a_job(name="job", *, labels=None, owners=(), pod=None, **spec):
    return {
        "metadata": {"name": name, "labels": labels or {}, "ownerReferences": list(owners)},
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            **spec,
            "template": {
                "metadata": {"labels": labels or {}, "annotations": {"note": "from the template"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "none"}], **(pod or {})},
            },
        },
    }


def begin(world, job, namespace="default"):
    """Create a Job and let its pod run; gives the pod's uid."""
    name = world.create(JOBS, job, namespace=namespace)["metadata"]["name"]
    world.step(world.now)
    return run(world, name, namespace)


def run(world, job="job", namespace="default"):
    """Start the pod of a Job that no runtime has yet; gives its uid."""
    pods = [pod for pod in world.pods_to_start() if pod["metadata"]["labels"]["job-name"] == job]
    assert [pod["metadata"]["namespace"] for pod in pods] == [namespace]
    uid = pods[0]["metadata"]["uid"]
    world.claim(uid)
    world.pod_started(uid)
    world.step(world.now)
    return uid


def end(world, uid, code=0, **report):
    world.container_terminated(uid, "main", code, **report)
    return world.step(world.now)


def conditions(obj):
    return [(each["type"], each["status"], each.get("reason", "")) for each in obj["status"].get("conditions", ())]


def job_end(world, name="job"):
    """Give (last condition, its reason) of a Job."""
    condition = world.get(JOBS, "default", name)["status"]["conditions"][-1]
    return condition["type"], condition["reason"]


def the_pod(world, namespace="default"):
    (pod,) = world.list(PODS, namespace)
    return pod
