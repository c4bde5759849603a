"""The least that a chain of Jobs can take: a client that creates each when the container before has terminated."""

import time
from collections.abc import Mapping
from typing import Any

from bench.runs import NAMESPACE
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import JOBS, PODS

BARE: Mapping[str, Any] = {
    "backoffLimit": 0,
    "template": {
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "busybox:1.36", "command": ["true"]}],
        }
    },
}
"""A Job's spec as somebody writes it who wants nothing in particular."""

_COPIED = ("completions", "parallelism", "backoffLimit", "podReplacementPolicy", "podFailurePolicy")


async def like_ours(client: Client, run: str) -> dict[str, Any]:
    """Give the spec of a Job that Tidegate made for a run: with others, pods start faster or slower than ours."""
    jobs = (await client.list(JOBS, NAMESPACE)).items
    spec = next(job["spec"] for job in jobs if job["metadata"]["ownerReferences"][0]["name"] == run)
    return {field: spec[field] for field in _COPIED} | {"template": {"spec": spec["template"]["spec"]}}


async def plain(client: Client, name: str, length: int, spec: Mapping[str, Any]) -> float:
    """Run a chain without Tidegate; give seconds from before the first POST to the last container's end, as seen.

    Raises:
        RuntimeError: a container failed, or the watch ended before the chain did.
    """
    version = (await client.list(PODS, NAMESPACE, labels=f"bench={name}")).resource_version
    began = time.perf_counter()
    await client.create(JOBS, NAMESPACE, _job(name, 0, spec))
    done = 0
    async for change in client.watch(PODS, NAMESPACE, resource_version=version, labels=f"bench={name}"):
        if change.type == "BOOKMARK" or job_of(change.object) != f"{name}-{done}" or not has_ended(change.object):
            continue
        done += 1
        if done == length:
            return time.perf_counter() - began
        await client.create(JOBS, NAMESPACE, _job(name, done, spec))
    raise RuntimeError(f"the watch ended before the chain {name} did")


def job_of(pod: Object) -> str:
    """Give the name of a pod's Job."""
    return str(pod["metadata"]["labels"]["batch.kubernetes.io/job-name"])


def has_ended(pod: Object) -> bool:
    """Whether the container of a pod has terminated; RuntimeError when it failed."""
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if ended := container["state"].get("terminated"):
            if ended["exitCode"]:
                raise RuntimeError(f"the container of Job {job_of(pod)} ended with {ended['exitCode']}; expected 0")
            return True
    return False


def _job(chain: str, index: int, spec: Mapping[str, Any]) -> dict[str, Any]:
    template = {"metadata": {"labels": {"bench": chain}}, "spec": spec["template"]["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{chain}-{index}"},
        "spec": {**spec, "template": template},
    }
