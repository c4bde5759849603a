"""Indexed Jobs in worlds, and short sentences about them."""

from sandbox.indexed_stories import identity
from sandbox.worlds import START, a_job, a_world
from tidegate.sandbox.kinds import JOBS, PODS

WITHOUT_LIMIT = 2**31 - 1


def an_indexed_job(completions, parallelism=None, *, per_index=None, name="job", **spec):
    by_index = {} if per_index is None else {"backoffLimitPerIndex": per_index, "backoffLimit": WITHOUT_LIMIT}
    width = {"completions": completions, "parallelism": parallelism or completions}
    return a_job(name, completionMode="Indexed", **width, **by_index, **spec)


def created(job, now=START):
    world = a_world(now=now)
    world.create(JOBS, job)
    world.step(now)
    return world


def start(world):
    """Run all pods that nobody has claimed yet; gives their uids by index."""
    started = {}
    for pod in world.pods_to_start():
        uid = started[identity(pod)[0]] = pod["metadata"]["uid"]
        world.claim(uid)
        world.pod_started(uid)
    world.step(world.now)
    return started


def die(world, uid, code=143):
    world.container_terminated(uid, "main", code)
    world.pod_gone(uid)
    return world.step(world.now)


def status(world):
    return world.get(JOBS, "default", "job")["status"]


def pods_of(world, index):
    return [pod for pod in world.list(PODS) if identity(pod)[0] == index]
