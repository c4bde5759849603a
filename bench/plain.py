"""The least that a chain of Jobs can take: a client that creates each when the container before has terminated."""

import time
from typing import Any

from bench.runs import NAMESPACE
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import JOBS, PODS


async def plain(client: Client, name: str, length: int) -> float:
    """Run a chain without Tidegate; give seconds from before the first POST to the last container's end, as seen.

    Raises:
        RuntimeError: a container failed, or the watch ended before the chain did.
    """
    version = (await client.list(PODS, NAMESPACE, labels=f"bench={name}")).resource_version
    began = time.perf_counter()
    await client.create(JOBS, NAMESPACE, _job(name, 0))
    done = 0
    async for change in client.watch(PODS, NAMESPACE, resource_version=version, labels=f"bench={name}"):
        if change.type == "BOOKMARK" or not _has_ended(change.object, f"{name}-{done}"):
            continue
        done += 1
        if done == length:
            return time.perf_counter() - began
        await client.create(JOBS, NAMESPACE, _job(name, done))
    raise RuntimeError(f"the watch ended before the chain {name} did")


def _has_ended(pod: Object, job: str) -> bool:
    if pod["metadata"]["labels"].get("batch.kubernetes.io/job-name") != job:
        return False
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if ended := container["state"].get("terminated"):
            if ended["exitCode"]:
                raise RuntimeError(f"the container of Job {job} ended with {ended['exitCode']}; expected 0")
            return True
    return False


def _job(chain: str, index: int) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox:1.36", "command": ["true"]}
    pod = {"restartPolicy": "Never", "enableServiceLinks": False, "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{chain}-{index}"},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": {"bench": chain}}, "spec": pod}},
    }
