"""Kept results on a simulated cluster: none is lost with the operator, none comes back that somebody deleted."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from simulation import operators
from simulation.chance import Chance, dice
from simulation.client import SimulatedClient
from simulation.cluster import Cluster
from simulation.node import Node
from simulation.operators import OperatorProcess
from simulation.test_poisoned import reason, until
from tidegate.errors import Unavailable
from tidegate.kube.client import Object
from tidegate.kube.resources import Resource
from tidegate.sandbox.kinds import CACHEENTRIES, FLOWRUNS, FLOWS, JOBS, PODS
from virtual_loop import on_virtual_time


class Moment(Chance):
    """Strikes once, with one fault, as soon as something is true of the cluster."""

    def __init__(self, fault: str, has_come: Callable[[], bool]) -> None:
        super().__init__(frozenset({fault}), dice(1))
        self._has_come = has_come

    def strikes(self, fault: str) -> bool:
        """Whether this is the moment."""
        if fault not in self.faults or self.struck[fault] or not self._has_come():
            return False
        self.struck[fault] += 1
        return True


def a_flow() -> dict[str, Any]:
    task = {"name": "a", "image": "x", "command": ["true"], "cache": {}}
    later = {"name": "b", "needs": ["a"], "wait": {"seconds": 60}}
    return {"metadata": {"name": "flow"}, "spec": {"tasks": [task, later]}}


def create(cluster: Cluster, name: str) -> None:
    cluster.world.create(
        FLOWRUNS, {"metadata": {"name": name}, "spec": {"flowRef": {"name": "flow"}}}, namespace="default"
    )


def ledger(cluster: Cluster, name: str) -> str:
    status = cluster.world.get(FLOWRUNS, "default", name).get("status") or {}
    return str((status.get("ledger") or {}).get("slots", ""))


def entries(cluster: Cluster) -> list[str]:
    """Give the runs whose results are kept."""
    return [entry["spec"]["run"] for entry in cluster.world.list(CACHEENTRIES, "default")]


def has_run(cluster: Cluster) -> bool:
    """Whether a container has ended."""
    statuses = (pod.get("status", {}).get("containerStatuses", ()) for pod in cluster.world.list(PODS, "default"))
    return any("terminated" in container["state"] for found in statuses for container in found)


MOMENTS = {
    "as the success becomes durable": ("crash_after", lambda cluster: ledger(cluster, "first").startswith("S")),
    "as the entry is there": ("crash_after", entries),
    "before the entry is there": ("crash_before", has_run),
    "as the entry is asked for": ("request_lost", has_run),
    "as the entry is answered": ("reply_lost", has_run),
}


@pytest.mark.parametrize("moment", MOMENTS)
@on_virtual_time
async def test_a_result_is_kept_whatever_befalls_the_operator(moment: str):
    fault, has_come = MOMENTS[moment]
    cluster = Cluster()
    chance = Moment(fault, lambda: bool(has_come(cluster)))
    Node(cluster, chance)
    cluster.world.create(FLOWS, a_flow(), namespace="default")
    create(cluster, "first")
    life = asyncio.create_task(OperatorProcess("only", cluster, chance, Counter()).run())
    await until(lambda: reason(cluster, "first") == "Completed")
    create(cluster, "second")
    await until(lambda: reason(cluster, "second") == "Completed")
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    assert chance.struck[fault] == 1
    assert (ledger(cluster, "second"), entries(cluster)) == ("CS", ["first"])
    assert len(cluster.world.list(JOBS, "default")) == 1


class Crossed(SimulatedClient):
    """Keeps no results until, once one should be kept, somebody edits the run right before it is written."""

    is_crossed = False

    async def create(self, resource: Resource, namespace: str | None, body: Mapping[str, Any]) -> Object:
        """POST, but of no result."""
        if resource.plural == "cacheentries" and not self.is_crossed:
            raise Unavailable(503, "ServiceUnavailable", "busy")
        return await super().create(resource, namespace, body)

    async def replace(self, resource: Resource, body: Mapping[str, Any], *, subresource: str = "") -> Object:
        """PUT, after somebody else did."""
        if resource.plural == "flowruns" and not self.is_crossed and ledger(self._cluster, "first").startswith("S"):
            edited = {"metadata": {"labels": {"by": "somebody"}}}
            self._cluster.world.patch_merge(FLOWRUNS, "default", "first", edited)
            self.is_crossed = True
        return await super().replace(resource, body, subresource=subresource)


@on_virtual_time
async def test_an_entry_that_is_still_to_be_written_outlives_a_conflict(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(operators, "SimulatedClient", Crossed)
    cluster, calm = Cluster(), Chance(frozenset(), dice(1))
    Node(cluster, calm)
    cluster.world.create(FLOWS, a_flow(), namespace="default")
    create(cluster, "first")
    life = asyncio.create_task(OperatorProcess("only", cluster, calm, Counter()).run())
    await until(lambda: reason(cluster, "first") == "Completed")
    await until(lambda: entries(cluster) == ["first"])
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)


@on_virtual_time
async def test_an_entry_that_somebody_deleted_does_not_come_back_with_a_new_operator():
    cluster, calm = Cluster(), Chance(frozenset(), dice(1))
    Node(cluster, calm)
    cluster.world.create(FLOWS, a_flow(), namespace="default")
    create(cluster, "first")
    life = asyncio.create_task(OperatorProcess("old", cluster, calm, Counter()).run())
    await until(lambda: ledger(cluster, "first").startswith("S"))
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    (entry,) = cluster.world.list(CACHEENTRIES, "default")
    cluster.world.delete(CACHEENTRIES, "default", entry["metadata"]["name"])
    life = asyncio.create_task(OperatorProcess("new", cluster, calm, Counter()).run())
    await until(lambda: reason(cluster, "first") == "Completed")
    assert entries(cluster) == []
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
