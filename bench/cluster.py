"""On a real cluster: a chain of tasks against a plain client that waits for nothing but the container's end."""

import asyncio
import contextlib
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.flows import chain
from bench.processes import OperatorProcess, operator
from bench.tables import spread, table
from tidegate.kube.credentials import load_credentials
from tidegate.kube.http import HttpClient
from tidegate.kube.resources import FLOWRUNS, FLOWS, JOBS, PODS

LENGTH = 10
REPEATS = 3
NAME = "bench"
KUBECTL = Path("e2e/cluster/kubectl")


def run() -> None:
    """Measure both in turn, several times, and count the operator's writes."""
    with _cluster() as kubeconfig, operator(kubeconfig) as process:
        idle = process.resident_megabytes()
        ours, plain, writes = asyncio.run(_compare(kubeconfig, process))
        version = _kubectl(kubeconfig, "version", "-o", "json").split('"serverVersion"')[1].split('"gitVersion": "')[1]
    ratio = statistics.median(ours) / statistics.median(plain)
    heads = ("who", "min", "median", "max")
    rows = [["plain client, next Job at container exit", *spread(plain)], ["Tidegate", *spread(ours)]]
    table(f"chain of {LENGTH}, real pods, Kubernetes {version.split(chr(34))[0]}, controllers at 300 QPS", heads, rows)
    print(f"\nratio of medians {ratio:.3f} (target 1.1); operator idle {idle:.1f} MB (target 90 MB)")
    table(
        f"writes of ours for one chain of {LENGTH}; 2n + 3 = {2 * LENGTH + 3}",
        ("write", "count"),
        sorted(writes.items()),
    )


async def _compare(kubeconfig: str, process: OperatorProcess) -> tuple[list[float], list[float], dict[str, int]]:
    client = HttpClient(load_credentials(kubeconfig=kubeconfig), rng=random.Random(1))  # noqa: S311  jitter
    try:
        await client.create(FLOWS, "default", chain(LENGTH))
        await _ours(client, "warm")
        ours, plain = [], []
        for index in range(REPEATS):
            plain.append(await _plain(client, f"plain-{index}"))
            before = process.writes()
            ours.append(await _ours(client, f"ours-{index}"))
            after = process.writes()
        return ours, plain, {what: after[what] - before.get(what, 0) for what in after}
    finally:
        await client.close()


async def _ours(client: HttpClient, name: str) -> float:
    body = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "FlowRun", "metadata": {"name": name}}
    began = time.perf_counter()
    created = await client.create(FLOWRUNS, "default", {**body, "spec": {"flowRef": {"name": f"chain-{LENGTH}"}}})
    version = created["metadata"]["resourceVersion"]
    async for change in client.watch(FLOWRUNS, "default", resource_version=version):
        obj = change.object
        if obj["metadata"].get("name") == name and "completionTime" in (obj.get("status") or {}):
            return time.perf_counter() - began
    raise AssertionError(f"the watch ended before {name}")


async def _plain(client: HttpClient, name: str) -> float:
    """Create each Job when the container of the one before has terminated."""
    page = await client.list(PODS, "default")
    began = time.perf_counter()
    await client.create(JOBS, "default", _job(f"{name}-0", name))
    done = 0
    async for change in client.watch(PODS, "default", resource_version=page.resource_version, labels=f"bench={name}"):
        if change.type == "BOOKMARK" or not _has_ended(change.object, f"{name}-{done}"):
            continue
        done += 1
        if done == LENGTH:
            return time.perf_counter() - began
        await client.create(JOBS, "default", _job(f"{name}-{done}", name))
    raise AssertionError(f"the watch ended before {name}")


def _has_ended(pod: dict[str, Any], job: str) -> bool:
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    mine = pod["metadata"]["labels"].get("batch.kubernetes.io/job-name") == job
    return mine and any("terminated" in state["state"] for state in states)


def _job(name: str, run: str) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox:1.36", "command": ["true"]}
    template = {"metadata": {"labels": {"bench": run}}, "spec": {"restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": template},
    }


@contextlib.contextmanager
def _cluster() -> Iterator[str]:
    """Start a cluster of our own with our CRDs; take it down at the end."""
    command = [sys.executable, "-m", "e2e.cluster"]
    subprocess.run([*command, "up", "--name", NAME], check=True, stdout=subprocess.DEVNULL)
    try:
        found = subprocess.run([*command, "env", "--name", NAME], check=True, capture_output=True, text=True).stdout
        kubeconfig = found.strip().removeprefix("export KUBECONFIG=")
        for crd in ("flows", "flowruns"):
            _kubectl(kubeconfig, "apply", "-f", f"crds/{crd}.tidegate.dev.yaml")
        _kubectl(
            kubeconfig, "wait", "crd/flowruns.tidegate.dev", "crd/flows.tidegate.dev", "--for=condition=Established"
        )
        yield kubeconfig
    finally:
        subprocess.run([*command, "down", "--name", NAME], check=True, stdout=subprocess.DEVNULL)


def _kubectl(kubeconfig: str, *args: str) -> str:
    env = {**os.environ, "KUBECONFIG": kubeconfig}
    return subprocess.run([KUBECTL, *args], check=True, capture_output=True, text=True, env=env).stdout
