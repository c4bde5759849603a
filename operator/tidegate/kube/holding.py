"""Holding a name: a Job that must not run, or not run again, stays where it is, but stopped.

A Job is suspended rather than deleted: between a deletion and anything that took its place, a request that is still
on its way could bring it back. Where there is none, one that does nothing is created.

A Job in a queue of Kueue is deleted all the same: suspended, it would be let go again as soon as it is admitted, and
without its label it would keep its quota. What comes late is suspended by Kueue as it comes in, so it starts no pod.
"""

from collections.abc import Callable
from typing import Any

from tidegate.api import keys
from tidegate.api.conditions import timestamp
from tidegate.engine.facts import FINISHED, JobFact, JobState
from tidegate.errors import AlreadyExists, Conflict, NotFound, Unavailable
from tidegate.kube.client import Client, Object
from tidegate.kube.observing import see_job
from tidegate.kube.resources import JOBS

HARMLESS = FINISHED | {JobState.TOMBSTONE}
_ATTEMPTS = 5


async def hold_name(client: Client, tombstone: Object, wall: Callable[[], float]) -> Object:
    """See that a Job's name is held by something that starts no pod any more; give what holds it.

    Args:
        client: the API server.
        tombstone: what is created when the name is free.
        wall: gives the seconds since the epoch; read when the Job is stopped, for it is held from then on.

    Raises:
        Unavailable: it could not be held yet; try again.
        ApiError: the API server refuses.
    """
    namespace, name = tombstone["metadata"]["namespace"], tombstone["metadata"]["name"]
    for _ in range(_ATTEMPTS):
        try:
            found = await client.get(JOBS, namespace, name)
            if "deletionTimestamp" in found["metadata"]:
                break
            if is_harmless(found):
                return found
            if keys.LABEL_QUEUE not in (found["metadata"].get("labels") or {}):
                return await client.replace(JOBS, stopped(found, wall()))
            await client.delete(JOBS, namespace, name, uid=found["metadata"]["uid"])
        except Conflict:
            continue
        except NotFound:
            try:
                return await client.create(JOBS, namespace, tombstone)
            except (AlreadyExists, Conflict):
                continue
    raise Unavailable(409, "Conflict", f"the name of Job {name} could not be held yet")


def is_harmless(job: Object) -> bool:
    """Whether a Job will start no pod any more."""
    seen = see_job(job)
    return seen is not None and isinstance(seen.fact, JobFact) and seen.fact.state in HARMLESS


def stopped(job: Object, now: float) -> Object:
    """Give a Job as it is stopped: suspended, so that its pods go, and marked, so that it is never taken for live."""
    meta = job["metadata"]
    labels = {**(meta.get("labels") or {}), keys.LABEL_TOMBSTONE: "true"}
    annotations = {**(meta.get("annotations") or {}), keys.ANNOTATION_STOPPED: timestamp(now)}
    spec: dict[str, Any] = {**job["spec"], "suspend": True}
    return {**job, "metadata": {**meta, "labels": labels, "annotations": annotations}, "spec": spec}
