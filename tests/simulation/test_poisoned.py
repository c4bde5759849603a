"""A run whose own records cannot be read: told so, in nobody's way, and still to be ended."""

import asyncio
from collections import Counter
from typing import Any

from simulation.chance import Chance, dice
from simulation.cluster import Cluster
from simulation.node import Node
from simulation.operators import OperatorProcess
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, JOBS, REVISIONS
from virtual_loop import on_virtual_time

FLOW: dict[str, Any] = {
    "metadata": {"name": "flow"},
    "spec": {"tasks": [{"name": "a", "image": "x", "command": ["true"]}, {"name": "b", "needs": ["a"], "image": "x"}]},
}


def a_run(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"flowRef": {"name": "flow"}}}


def reason(cluster: Cluster, name: str) -> str:
    conditions = (cluster.world.get(FLOWRUNS, "default", name).get("status") or {}).get("conditions") or ()
    return next((c["reason"] for c in conditions if c["type"] == "Succeeded"), "")


async def until(what: Any) -> None:
    for _ in range(600):
        if what():
            return
        await asyncio.sleep(0.5)
    raise AssertionError("it never happened")


@on_virtual_time
async def test_a_run_that_lost_its_revision_is_told_ended_on_cancel_and_disturbs_nobody():
    chance = Chance(frozenset(), dice(1))
    cluster = Cluster()
    Node(cluster, chance)
    cluster.world.create(FLOWS, FLOW, namespace="default")
    cluster.world.create(FLOWRUNS, a_run("bad"), namespace="default")
    first = asyncio.create_task(OperatorProcess("first", cluster, chance, Counter()).run())
    await until(lambda: cluster.world.list(JOBS, "default"))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    revision = cluster.world.list(REVISIONS, "default")[0]
    cluster.world.delete(REVISIONS, "default", revision["metadata"]["name"])

    second = OperatorProcess("second", cluster, chance, Counter())
    life = asyncio.create_task(second.run())
    await until(lambda: reason(cluster, "bad") == "InternalError")
    cluster.world.create(FLOWRUNS, a_run("good"), namespace="default")
    await until(lambda: reason(cluster, "good") == "Completed")

    cluster.world.patch_merge(FLOWRUNS, "default", "bad", {"spec": {"desiredState": "Cancelled"}})
    await until(lambda: reason(cluster, "bad") == "Cancelled")
    jobs = [
        job for job in cluster.world.list(JOBS, "default") if job["metadata"]["labels"]["tidegate.dev/run"] == "bad"
    ]
    done = {c["type"] for job in jobs for c in job["status"].get("conditions", ())}
    assert all(job["spec"].get("suspend") or "Complete" in done for job in jobs)
    assert second.errors == []
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)


@on_virtual_time
async def test_a_run_does_not_go_on_with_the_revision_of_another():
    """Who may write status must not make a run do what its Flow never said."""
    chance = Chance(frozenset(), dice(1))
    cluster = Cluster()
    Node(cluster, chance)
    cluster.world.create(FLOWS, FLOW, namespace="default")
    for name in ("other", "bad"):
        cluster.world.create(FLOWRUNS, a_run(name), namespace="default")
    life = asyncio.create_task(OperatorProcess("only", cluster, chance, Counter()).run())
    runs = [
        lambda name=name: cluster.world.get(FLOWRUNS, "default", name).get("status") or {} for name in ("other", "bad")
    ]
    await until(lambda: all("ledger" in status() for status in runs))
    other, bad = (status() for status in runs)
    patch = {"status": {"frozen": {**bad["frozen"], "revision": other["frozen"]["revision"]}}}
    cluster.world.patch_merge(FLOWRUNS, "default", "bad", patch, subresource="status")
    await until(lambda: reason(cluster, "bad") == "InternalError")
    assert "belongs to another run" in cluster.world.get(FLOWRUNS, "default", "bad")["status"]["why"]
    await until(lambda: reason(cluster, "other") == "Completed")
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)


@on_virtual_time
async def test_a_status_that_somebody_spoilt_is_told_and_not_taken_for_a_new_run():
    chance = Chance(frozenset(), dice(1))
    cluster = Cluster()
    Node(cluster, chance)
    cluster.world.create(FLOWS, FLOW, namespace="default")
    run = cluster.world.create(FLOWRUNS, a_run("bad"), namespace="default")
    operator = OperatorProcess("only", cluster, chance, Counter())
    life = asyncio.create_task(operator.run())
    await until(lambda: (cluster.world.get(FLOWRUNS, "default", "bad").get("status") or {}).get("ledger"))
    patch = {"status": {"ledger": {"slots": "??", "attempts": [1, 0]}}}
    cluster.world.patch_merge(FLOWRUNS, "default", "bad", patch, subresource="status")
    await until(lambda: reason(cluster, "bad") == "InternalError")
    why = cluster.world.get(FLOWRUNS, "default", "bad")["status"]["why"]
    assert "set spec.desiredState to Cancelled" in why
    assert run["metadata"]["name"] == "bad"
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
