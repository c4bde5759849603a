"""Pods read live: whether one may still run, and whether its Job has counted it. Seen ones are `observing.py`'s."""

from collections.abc import Iterable

from tidegate.kube.client import Client, Object
from tidegate.kube.resources import PODS

_ENDED = ("Succeeded", "Failed")
_UNCOUNTED = "batch.kubernetes.io/job-tracking"
"""The finalizer of a pod that its Job's controller has not counted yet."""


def is_live(pod: Object) -> bool:
    """Whether a pod may still run."""
    return (pod.get("status") or {}).get("phase") not in _ENDED


async def has_live_pod(client: Client, namespace: str, labels: str) -> bool:
    """Whether one of the pods that a label selector matches may still run."""
    return any(map(is_live, (await client.list(PODS, namespace, labels=labels)).items))


def has_counted(job: Object, pods: Iterable[Object]) -> bool:
    """Whether a Job, read after pods were listed of which none lives, says all it will of those that ended well.

    Its controller counts a pod that reaches the phase Succeeded also when it was told to end: in
    `uncountedTerminatedPods` first, then it takes the finalizer away, then the numbers and conditions change.
    """
    uncounted = (job.get("status") or {}).get("uncountedTerminatedPods") or {}
    return not uncounted.get("succeeded") and not any(_is_to_be_counted(job, pod) for pod in pods)


def _is_to_be_counted(job: Object, pod: Object) -> bool:
    meta, status = pod["metadata"], pod.get("status") or {}
    is_own = any(owner["uid"] == job["metadata"]["uid"] for owner in meta.get("ownerReferences") or ())
    return is_own and status.get("phase") == "Succeeded" and _UNCOUNTED in (meta.get("finalizers") or ())
