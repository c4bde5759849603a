"""One FlowRun from its creation to its end, as a client sees it; the same on a cluster and in the sandbox."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS

NAMESPACE = "default"

_SEEN = str.maketrans("OH", "IP")
"""Letters of the ledger that say only what was seen: a write that changes nothing else is for people to read."""


@dataclass(frozen=True, slots=True)
class Timed:
    """How long a run took, from before its POST until its end was seen, and the writes of its status meanwhile."""

    seconds: float
    deciding: int
    cosmetic: int


async def timed(client: Client, flow: str, name: str) -> Timed:
    """Run a Flow once.

    Raises:
        RuntimeError: it did not succeed, or the watch ended before the run did.
    """
    body = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "FlowRun", "metadata": {"name": name}}
    began = time.perf_counter()
    seen = await client.create(FLOWRUNS, NAMESPACE, {**body, "spec": {"flowRef": {"name": flow}}})
    deciding = cosmetic = 0
    version, last = seen["metadata"]["resourceVersion"], _decisions(seen)
    async for change in client.watch(FLOWRUNS, NAMESPACE, resource_version=version):
        if change.type == "BOOKMARK" or change.object["metadata"]["name"] != name:
            continue
        now = _decisions(change.object)
        deciding, cosmetic = (deciding + 1, cosmetic) if now != last else (deciding, cosmetic + 1)
        last = now
        if now.get("completionTime"):
            return _judged(change.object, Timed(time.perf_counter() - began, deciding, cosmetic))
    raise RuntimeError(f"the watch ended before FlowRun {name} did")


def _judged(run: Object, found: Timed) -> Timed:
    why = run["status"]["why"]
    if not why.startswith("Completed"):
        raise RuntimeError(f"FlowRun {run['metadata']['name']} was to succeed: {why}")
    return found


def _decisions(run: Mapping[str, Any]) -> dict[str, Any]:
    """Give what of a run's status decides something."""
    status = run.get("status") or {}
    ledger = status.get("ledger") or {}
    kept = {key: status.get(key) for key in ("frozen", "outputs", "completionTime")}
    return {**kept, "ledger": {**ledger, "slots": ledger.get("slots", "").translate(_SEEN)}}
