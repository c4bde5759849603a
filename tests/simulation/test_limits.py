"""Runs that share a limit, on a simulated cluster: one after another, replaced, turned away; history and TTL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from simulation.chance import Chance, dice
from simulation.cluster import Cluster
from simulation.node import Node
from simulation.operators import OperatorProcess
from simulation.test_poisoned import reason, until
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, JOBS
from virtual_loop import on_virtual_time


def a_flow(**spec: Any) -> dict[str, Any]:
    tasks = [{"name": "a", "image": "x", "command": ["true"]}]
    return {"metadata": {"name": "flow"}, "spec": {"tasks": tasks, **spec}}


@asynccontextmanager
async def a_cluster(operators: int = 1, **spec: Any) -> AsyncIterator[Cluster]:
    """Give a cluster with one Flow and operators at work."""
    chance = Chance(frozenset(), dice(1))
    cluster = Cluster()
    Node(cluster, chance)
    cluster.world.create(FLOWS, a_flow(**spec), namespace="default")
    processes = [OperatorProcess(f"operator-{index}", cluster, chance, Counter()) for index in range(operators)]
    lives = [asyncio.create_task(process.run()) for process in processes]
    try:
        yield cluster
        assert [error for process in processes for error in process.errors] == []
    finally:
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)


def create(cluster: Cluster, name: str, *, owned: bool = False, **spec: Any) -> None:
    metadata: dict[str, Any] = {"name": name}
    if owned:
        uid = cluster.world.get(FLOWS, "default", "flow")["metadata"]["uid"]
        owner = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "name": "flow", "uid": uid, "controller": True}
        metadata["ownerReferences"] = [owner]
    cluster.world.now = cluster.now()
    cluster.world.create(
        FLOWRUNS, {"metadata": metadata, "spec": {"flowRef": {"name": "flow"}, **spec}}, namespace="default"
    )


def runs_of(cluster: Cluster) -> list[str]:
    return [run["metadata"]["name"] for run in cluster.world.list(FLOWRUNS, "default")]


def jobs_begun(cluster: Cluster) -> list[str]:
    """Give the runs in the order in which their first Job was created."""
    jobs = sorted(cluster.world.list(JOBS, "default"), key=lambda job: int(job["metadata"]["uid"].rpartition("-")[2]))
    return [job["metadata"]["labels"]["tidegate.dev/run"] for job in jobs]


@on_virtual_time
async def test_runs_of_a_queue_go_one_after_another_by_priority_and_age():
    long = [{"name": "a", "image": "x", "command": ["true"]}, {"name": "b", "needs": ["a"], "wait": {"seconds": 60}}]
    async with a_cluster(operators=2, concurrency={"policy": "Queue", "limit": 1}, tasks=long) as cluster:
        create(cluster, "first")
        await until(lambda: reason(cluster, "first") == "Running")
        for name, priority in (("second", 0), ("third", 0), ("urgent", 5)):
            await asyncio.sleep(1.1)
            create(cluster, name, priority=priority)
        await until(lambda: reason(cluster, "third") in ("Queued", "Running", "Completed"))
        for name in ("second", "third", "urgent"):
            await until(lambda name=name: reason(cluster, name) == "Completed")
        assert jobs_begun(cluster) == ["first", "urgent", "second", "third"]


@on_virtual_time
async def test_a_queued_run_says_its_place_and_who_is_before_it():
    tasks = [{"name": "a", "wait": {"seconds": 60}}]
    async with a_cluster(concurrency={"policy": "Queue", "limit": 1}, tasks=tasks) as cluster:
        create(cluster, "first")
        await until(lambda: reason(cluster, "first") == "Running")
        create(cluster, "second")
        await until(lambda: "place 1" in str(cluster.world.get(FLOWRUNS, "default", "second").get("status")))
        status = cluster.world.get(FLOWRUNS, "default", "second")["status"]
        assert status["why"] == "Queued: place 1 in the queue: first of 1 allowed is live"
        assert status["frozen"]["key"] == ""
        await until(lambda: reason(cluster, "second") == "Completed")
        assert cluster.world.get(FLOWRUNS, "default", "second")["status"]["admittedTime"]


@on_virtual_time
async def test_keys_do_not_hinder_each_other():
    params = [{"name": "region", "type": "string"}]
    limit = {"policy": "Forbid", "limit": 1, "key": "$[[ params.region ]]"}
    async with a_cluster(concurrency=limit, params=params) as cluster:
        create(cluster, "eu", params={"region": "eu"})
        await until(lambda: reason(cluster, "eu") == "Running")
        create(cluster, "us", params={"region": "us"})
        create(cluster, "eu-again", params={"region": "eu"})
        await until(lambda: reason(cluster, "eu-again") == "ConcurrencyForbidden")
        await until(lambda: reason(cluster, "us") == "Completed")


@on_virtual_time
async def test_a_newer_run_replaces_the_live_one():
    tasks = [{"name": "a", "wait": {"seconds": 3600}}]
    async with a_cluster(concurrency={"policy": "Replace"}, tasks=tasks) as cluster:
        create(cluster, "old")
        await until(lambda: reason(cluster, "old") == "Running")
        create(cluster, "new")
        await until(lambda: reason(cluster, "old") == "ReplacedBy")
        await until(lambda: reason(cluster, "new") == "Running")


@on_virtual_time
async def test_a_queued_run_that_is_cancelled_ends_at_once():
    tasks = [{"name": "a", "wait": {"seconds": 3600}}]
    async with a_cluster(concurrency={"policy": "Queue"}, tasks=tasks) as cluster:
        create(cluster, "old")
        create(cluster, "new")
        await until(lambda: {reason(cluster, "old"), reason(cluster, "new")} == {"Running", "Queued"})
        waiting = next(name for name in ("old", "new") if reason(cluster, name) == "Queued")
        cluster.world.patch_merge(FLOWRUNS, "default", waiting, {"spec": {"desiredState": "Cancelled"}})
        await until(lambda: reason(cluster, waiting) == "Cancelled")


@on_virtual_time
async def test_a_flow_keeps_its_newest_finished_runs_and_never_deletes_those_of_people():
    async with a_cluster(history={"succeeded": 2, "failed": 1}) as cluster:
        create(cluster, "mine")
        for number in range(4):
            create(cluster, f"run-{number}", owned=True)
            await until(lambda name=f"run-{number}": reason(cluster, name) == "Completed")
            await asyncio.sleep(2)
        await until(lambda: set(runs_of(cluster)) == {"mine", "run-2", "run-3"})


@on_virtual_time
async def test_a_run_goes_when_its_ttl_has_passed():
    async with a_cluster() as cluster:
        create(cluster, "short", ttlSecondsAfterFinished=60)
        create(cluster, "kept")
        await until(lambda: reason(cluster, "short") == "Completed")
        assert "short" in runs_of(cluster)
        await asyncio.sleep(70)
        assert runs_of(cluster) == ["kept"]


@on_virtual_time
async def test_a_run_that_was_turned_away_goes_when_its_ttl_has_passed():
    tasks = [{"name": "a", "wait": {"seconds": 300}}]
    async with a_cluster(concurrency={"policy": "Forbid"}, tasks=tasks) as cluster:
        create(cluster, "first")
        await until(lambda: reason(cluster, "first") == "Running")
        create(cluster, "second", ttlSecondsAfterFinished=60)
        await until(lambda: reason(cluster, "second") == "ConcurrencyForbidden")
        await asyncio.sleep(70)
        assert runs_of(cluster) == ["first"]


@on_virtual_time
async def test_a_run_without_jobs_goes_when_its_ttl_has_passed():
    async with a_cluster(tasks=[{"name": "a", "set": {"x": 1}}]) as cluster:
        create(cluster, "short", ttlSecondsAfterFinished=60)
        await until(lambda: reason(cluster, "short") == "Completed")
        await asyncio.sleep(70)
        assert runs_of(cluster) == []


@on_virtual_time
async def test_a_flow_keeps_its_newest_finished_runs_also_when_the_newest_were_turned_away():
    tasks = [{"name": "a", "wait": {"seconds": 300}}]
    async with a_cluster(concurrency={"policy": "Forbid"}, history={"failed": 1}, tasks=tasks) as cluster:
        create(cluster, "first")
        await until(lambda: reason(cluster, "first") == "Running")
        for number in range(3):
            create(cluster, f"run-{number}", owned=True)
            await until(lambda name=f"run-{number}": reason(cluster, name) == "ConcurrencyForbidden")
            await asyncio.sleep(2)
        assert runs_of(cluster) == ["first", "run-2"]


@on_virtual_time
async def test_a_paused_run_that_waits_contends_for_nothing():
    async with a_cluster(concurrency={"policy": "Queue"}) as cluster:
        create(cluster, "paused", desiredState="Paused")
        await until(lambda: reason(cluster, "paused") == "Paused")
        create(cluster, "other")
        await until(lambda: reason(cluster, "other") == "Completed")
        cluster.world.patch_merge(FLOWRUNS, "default", "paused", {"spec": {"desiredState": "Running"}})
        await until(lambda: reason(cluster, "paused") == "Completed")


def edit(cluster: Cluster, **spec: Any) -> None:
    cluster.world.patch_merge(FLOWS, "default", "flow", {"spec": spec})


def wish(cluster: Cluster, name: str, state: str) -> None:
    cluster.world.patch_merge(FLOWRUNS, "default", name, {"spec": {"desiredState": state}})


def why(cluster: Cluster, name: str) -> str:
    return str((cluster.world.get(FLOWRUNS, "default", name).get("status") or {}).get("why", ""))


LONG = [{"name": "a", "wait": {"seconds": 3600}}]


@on_virtual_time
async def test_runs_that_began_before_there_was_a_limit_count_when_there_is_one():
    async with a_cluster(operators=2, tasks=LONG) as cluster:
        for name in ("one", "two"):
            create(cluster, name)
            await until(lambda name=name: reason(cluster, name) == "Running")
        edit(cluster, concurrency={"policy": "Queue", "limit": 2})
        create(cluster, "three")
        await until(lambda: reason(cluster, "three") == "Queued" and "one, two of 2 allowed" in why(cluster, "three"))
        wish(cluster, "one", "Cancelled")
        await until(lambda: reason(cluster, "three") == "Running")
        assert reason(cluster, "two") == "Running"


@on_virtual_time
async def test_a_queue_goes_on_while_its_flow_is_not_valid_and_lets_all_in_when_the_limit_goes():
    async with a_cluster(concurrency={"policy": "Queue"}, tasks=LONG) as cluster:
        for name in ("one", "two", "three", "four"):
            create(cluster, name)
            await until(lambda name=name: reason(cluster, name) in ("Running", "Queued"))
        edit(cluster, tasks=[{"name": "a", "needs": ["nobody"], "wait": {"seconds": 1}}])
        create(cluster, "five")
        await until(lambda: reason(cluster, "five") == "InvalidSpec")
        wish(cluster, "one", "Cancelled")
        await until(lambda: reason(cluster, "two") == "Running")
        edit(cluster, suspend=True, concurrency={"policy": "Allow"})
        await until(lambda: {reason(cluster, "three"), reason(cluster, "four")} == {"Running"})


@on_virtual_time
async def test_a_queue_is_turned_away_when_its_flow_forbids_waiting():
    async with a_cluster(concurrency={"policy": "Queue"}, tasks=LONG) as cluster:
        for name in ("one", "two", "three"):
            create(cluster, name)
            await until(lambda name=name: reason(cluster, name) in ("Running", "Queued"))
        edit(cluster, concurrency={"policy": "Forbid"})
        await until(lambda: {reason(cluster, "two"), reason(cluster, "three")} == {"ConcurrencyForbidden"})
        assert reason(cluster, "one") == "Running"


@on_virtual_time
async def test_a_queue_outlives_its_flow_and_goes_on_under_a_new_one():
    async with a_cluster(concurrency={"policy": "Queue"}, tasks=LONG) as cluster:
        for name in ("one", "two"):
            create(cluster, name)
            await until(lambda name=name: reason(cluster, name) in ("Running", "Queued"))
        cluster.world.delete(FLOWS, "default", "flow")
        await until(lambda: reason(cluster, "two") == "FlowNotFound")
        wish(cluster, "one", "Cancelled")
        await until(lambda: reason(cluster, "one") == "Cancelled")
        cluster.world.create(FLOWS, a_flow(concurrency={"policy": "Queue"}), namespace="default")
        await until(lambda: reason(cluster, "two") == "Running")
        tasks = cluster.world.get(FLOWRUNS, "default", "two")["status"]["tasks"]
        assert [task["state"] for task in tasks] == ["Waiting"], "it does what it was frozen to"


@on_virtual_time
async def test_who_is_replaced_keeps_its_place_as_long_as_its_finally_takes():
    last = [{"name": "z", "wait": {"seconds": 200}}]
    async with a_cluster(concurrency={"policy": "Replace"}, tasks=LONG, **{"finally": last}) as cluster:
        create(cluster, "old")
        await until(lambda: reason(cluster, "old") == "Running")
        create(cluster, "new")
        await until(lambda: why(cluster, "new").startswith("Queued: place 1 in the queue: old (stopping)"))
        create(cluster, "newer")
        await until(lambda: reason(cluster, "new") == "ReplacedBy")
        await asyncio.sleep(100)
        assert (reason(cluster, "newer"), reason(cluster, "old")) == ("Queued", "Running")
        await until(lambda: reason(cluster, "newer") == "Running")
        assert reason(cluster, "old") == "ReplacedBy"


@on_virtual_time
async def test_a_granted_run_that_is_cancelled_before_it_begins_gives_its_place_back():
    async with a_cluster(concurrency={"policy": "Queue"}, tasks=LONG) as cluster:
        for name in ("one", "two", "three"):
            create(cluster, name)
            await until(lambda name=name: reason(cluster, name) in ("Running", "Queued"))
        wish(cluster, "two", "Terminated")
        wish(cluster, "one", "Cancelled")
        await until(lambda: reason(cluster, "three") == "Running")
        assert [entry["name"] for entry in cluster.world.get(FLOWS, "default", "flow")["status"]["active"]] == ["three"]
