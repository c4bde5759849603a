"""Runs that run other Flows, on a simulated cluster: created once, followed, stopped, deleted, turned away."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulation.chance import Chance, dice
from simulation.cluster import Cluster
from simulation.node import Node
from simulation.operators import OperatorProcess
from simulation.test_poisoned import reason, until
from tidegate.resources.names import job_name
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, JOBS, PODS, REVISIONS
from virtual_loop import on_virtual_time

WORK = {"name": "work", "image": "x", "command": ["true"]}
LONG = [WORK, {"name": "hour", "wait": {"seconds": 3600}}]


def calls(**flow: Any) -> list[dict[str, Any]]:
    return [{"name": "call", "flow": {"name": "inner", **flow}}]


@asynccontextmanager
async def a_cluster(operators: int = 1, **flows: dict[str, Any]) -> AsyncIterator[Cluster]:
    """Give a cluster with these Flows and operators at work."""
    chance = Chance(frozenset(), dice(1))
    cluster = Cluster()
    Node(cluster, chance)
    for name, spec in flows.items():
        cluster.world.create(FLOWS, {"metadata": {"name": name}, "spec": spec}, namespace="default")
    processes = [OperatorProcess(f"operator-{index}", cluster, chance, Counter()) for index in range(operators)]
    lives = [asyncio.create_task(process.run()) for process in processes]
    try:
        yield cluster
        assert [error for process in processes for error in process.errors] == []
    finally:
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)


def create(cluster: Cluster, name: str, flow: str = "outer", metadata: Any = None, **spec: Any) -> None:
    cluster.world.now = cluster.now()
    body = {"metadata": {"name": name, **(metadata or {})}, "spec": {"flowRef": {"name": flow}, **spec}}
    cluster.world.create(FLOWRUNS, body, namespace="default")


def patch(cluster: Cluster, name: str, **spec: Any) -> None:
    cluster.world.now = cluster.now()
    cluster.world.patch_merge(FLOWRUNS, "default", name, {"spec": spec})


def delete(cluster: Cluster, name: str) -> None:
    cluster.world.now = cluster.now()
    cluster.world.delete(FLOWRUNS, "default", name)


def run_of(cluster: Cluster, name: str) -> dict[str, Any]:
    return cluster.world.get(FLOWRUNS, "default", name)


def children(cluster: Cluster, parent: str) -> list[dict[str, Any]]:
    """Give the child runs of a run, oldest first."""
    found = cluster.world.list(FLOWRUNS, "default", labels=f"tidegate.dev/parent={parent}")
    return sorted(found, key=lambda run: int(run["metadata"]["labels"]["tidegate.dev/slot"]))


def child(cluster: Cluster, parent: str = "run") -> str:
    """Give the name of a run's only child; empty while it has none."""
    names = [run["metadata"]["name"] for run in children(cluster, parent)]
    assert len(names) < 2, names
    return "".join(names)


def child_is(cluster: Cluster, wanted: str, parent: str = "run") -> bool:
    name = child(cluster, parent)
    return bool(name) and reason(cluster, name) == wanted


def live_pods(cluster: Cluster) -> list[str]:
    pods = cluster.world.list(PODS, "default")
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]


def row(cluster: Cluster, name: str, task: str = "call") -> dict[str, Any]:
    return next(row for row in run_of(cluster, name)["status"]["tasks"] if row["name"] == task)


@on_virtual_time
async def test_params_go_in_and_outputs_come_back():
    inner = {
        "params": [{"name": "n", "type": "integer"}],
        "tasks": [WORK, {"name": "sum", "needs": ["work"], "set": {"twice": "$[[ 2 * params.n ]]"}}],
        "outputs": [{"name": "twice", "value": "$[[ tasks.sum.outputs.twice ]]"}],
    }
    after = {"name": "after", "needs": ["call"], "set": {"more": "$[[ tasks.call.outputs.twice + 1 ]]"}}
    async with a_cluster(2, outer={"tasks": [*calls(params={"n": "$[[ 7 * 3 ]]"}), after]}, inner=inner) as cluster:
        create(cluster, "run")
        await until(lambda: reason(cluster, "run") == "Completed")
        assert run_of(cluster, "run")["status"]["outputs"]["after"] == {"more": 43}
        assert row(cluster, "run")["child"] == child(cluster)
        inside = run_of(cluster, child(cluster))
        assert inside["spec"]["params"] == {"n": 21}
        assert inside["status"]["frozen"]["depth"] == 1
        (owner,) = inside["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("FlowRun", "run", True)


@on_virtual_time
async def test_a_child_that_fails_fails_its_parent_in_its_own_words():
    async with a_cluster(
        outer={"tasks": calls()}, inner={"tasks": [{"name": "no", "fail": {"message": "not today"}}]}
    ) as cluster:
        create(cluster, "run")
        await until(lambda: reason(cluster, "run") == "TaskFailed")
        assert row(cluster, "run")["reason"] == "ChildFailed"
        assert row(cluster, "run")["message"] == f"{child(cluster)} ended TaskFailed: no failed: Fail: not today"


@on_virtual_time
async def test_wrong_params_are_the_childs_and_told_by_the_parent():
    inner = {"tasks": [WORK], "params": [{"name": "n", "type": "integer"}]}
    async with a_cluster(outer={"tasks": calls(params={"n": "many"})}, inner=inner) as cluster:
        create(cluster, "run")
        await until(lambda: reason(cluster, "run") == "TaskFailed")
        assert 'ended InvalidParams: n: got "many"; expected an integer' in row(cluster, "run")["message"]


@on_virtual_time
async def test_a_flow_that_does_not_exist_yet_is_waited_for_and_the_parent_says_so():
    async with a_cluster(outer={"tasks": calls()}) as cluster:
        create(cluster, "run")
        await until(lambda: "FlowNotFound" in run_of(cluster, "run").get("status", {}).get("why", ""))
        cluster.world.now = cluster.now()
        cluster.world.create(FLOWS, {"metadata": {"name": "inner"}, "spec": {"tasks": [WORK]}}, namespace="default")
        await until(lambda: reason(cluster, "run") == "Completed")


@on_virtual_time
async def test_a_run_that_is_let_go_lives_on_without_its_parent():
    async with a_cluster(outer={"tasks": calls(wait=False)}, inner={"tasks": LONG}) as cluster:
        create(cluster, "run")
        await until(lambda: reason(cluster, "run") == "Completed")
        name = child(cluster)
        assert run_of(cluster, "run")["status"]["outputs"]["call"] == {"run": name}
        (owner,) = run_of(cluster, name)["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("Flow", "inner")
        delete(cluster, "run")
        await asyncio.sleep(60)
        assert reason(cluster, name) == "Running"


@pytest.mark.parametrize(("desired", "tidy"), [("Cancelled", "Succeeded"), ("Terminated", "Cancelled")])
@on_virtual_time
async def test_the_stop_of_a_parent_is_its_childs_which_does_its_finally_after_a_cancel(desired: str, tidy: str):
    inner = {"tasks": LONG, "finally": [{**WORK, "name": "tidy"}]}
    async with a_cluster(2, outer={"tasks": calls()}, inner=inner) as cluster:
        create(cluster, "run")
        await until(lambda: child_is(cluster, "Running") and live_pods(cluster))
        patch(cluster, "run", desiredState=desired)
        await until(lambda: reason(cluster, "run") == "Cancelled")
        assert reason(cluster, child(cluster)) == "ParentStopped"
        ended = run_of(cluster, child(cluster))["status"]
        assert ended["stop"]["state"] == desired
        assert [row["state"] for row in ended["tasks"] if row["name"] == "tidy"] == [tidy]
        assert ended["completionTime"] <= run_of(cluster, "run")["status"]["completionTime"]


@on_virtual_time
async def test_a_stop_reaches_the_children_of_children_too():
    async with a_cluster(
        outer={"tasks": [{"name": "call", "flow": {"name": "middle"}}]},
        middle={"tasks": calls()},
        inner={"tasks": LONG},
    ) as cluster:
        create(cluster, "run")
        await until(lambda: child(cluster) and child_is(cluster, "Running", child(cluster)))
        patch(cluster, "run", desiredState="Cancelled")
        await until(lambda: reason(cluster, "run") == "Cancelled")
        assert [reason(cluster, child(cluster)), reason(cluster, child(cluster, child(cluster)))] == [
            "ParentStopped",
            "ParentStopped",
        ]


@on_virtual_time
async def test_a_deleted_child_fails_its_task_and_never_comes_back():
    async with a_cluster(2, outer={"tasks": calls()}, inner={"tasks": LONG}) as cluster:
        create(cluster, "run")
        await until(lambda: child_is(cluster, "Running") and live_pods(cluster))
        delete(cluster, child(cluster))
        await until(lambda: reason(cluster, "run") == "TaskFailed")
        assert row(cluster, "run")["reason"] == "ChildDeleted"
        left = run_of(cluster, child(cluster))
        assert left["metadata"]["labels"]["tidegate.dev/tombstone"] == "true"
        assert "ledger" not in left["status"]
        assert live_pods(cluster) == []


@on_virtual_time
async def test_children_go_with_their_parent():
    async with a_cluster(outer={"tasks": calls()}, inner={"tasks": LONG}) as cluster:
        create(cluster, "run")
        await until(lambda: child_is(cluster, "Running"))
        delete(cluster, "run")
        await until(lambda: not cluster.world.list(FLOWRUNS, "default") and not cluster.world.list(PODS, "default"))


@on_virtual_time
async def test_a_flow_that_calls_itself_ends():
    async with a_cluster(outer={"tasks": [{"name": "call", "flow": {"name": "outer"}}]}) as cluster:
        create(cluster, "run")
        await until(lambda: reason(cluster, "run") == "TaskFailed")
        runs = cluster.world.list(FLOWRUNS, "default")
        assert sorted(run["status"]["frozen"].get("depth", 0) for run in runs) == list(range(11))
        deepest = next(run for run in runs if run["status"]["frozen"].get("depth") == 10)
        assert deepest["status"]["tasks"][0]["reason"] == "TooDeep"


@on_virtual_time
async def test_a_flow_that_calls_itself_without_waiting_ends_too():
    async with a_cluster(outer={"tasks": [{"name": "call", "flow": {"name": "outer", "wait": False}}]}) as cluster:
        create(cluster, "run")
        await asyncio.sleep(120)
        assert len(cluster.world.list(FLOWRUNS, "default")) == 11


@on_virtual_time
async def test_a_child_whose_parent_has_finished_with_it_never_begins():
    """The request that creates it may arrive long after its sender gave up."""
    async with a_cluster(outer={"tasks": calls()}, inner={"tasks": [WORK]}) as cluster:
        create(cluster, "run")
        await until(lambda: reason(cluster, "run") == "Completed")
        before = len(cluster.world.list(JOBS, "default"))
        late = run_of(cluster, child(cluster))
        late["metadata"]["labels"]["tidegate.dev/attempt"] = "2"
        metadata = {key: late["metadata"][key] for key in ("labels", "annotations", "ownerReferences")}
        create(cluster, "late", "inner", metadata)
        await until(lambda: reason(cluster, "late") == "ParentStopped")
        assert len(cluster.world.list(JOBS, "default")) == before


@on_virtual_time
async def test_a_name_that_somebody_else_has_is_left_to_them():
    async with a_cluster(outer={"tasks": calls()}, inner={"tasks": LONG}) as cluster:
        create(cluster, "run", desiredState="Paused")
        await until(lambda: reason(cluster, "run") in ("Paused", ""))
        uid = run_of(cluster, "run")["metadata"]["uid"]
        create(cluster, job_name("run", "call", uid, 0, 1), "inner")
        patch(cluster, "run", desiredState="Running")
        await until(lambda: reason(cluster, "run") == "TaskFailed")
        assert row(cluster, "run")["reason"] == "NameCollision"
        assert reason(cluster, job_name("run", "call", uid, 0, 1)) == "Running"


@on_virtual_time
async def test_a_parent_that_cannot_be_read_any_more_still_stops_its_children():
    async with a_cluster(outer={"tasks": calls()}, inner={"tasks": LONG}) as cluster:
        create(cluster, "run")
        await until(lambda: child_is(cluster, "Running"))
        revision = run_of(cluster, "run")["status"]["frozen"]["revision"]
        cluster.world.delete(REVISIONS, "default", revision)
        cluster.world.now = cluster.now()
        status = {**run_of(cluster, "run")["status"], "attempt": 7}
        cluster.world.replace(FLOWRUNS, {**run_of(cluster, "run"), "status": status}, subresource="status")
        await until(lambda: reason(cluster, "run") == "InternalError")
        patch(cluster, "run", desiredState="Cancelled")
        await until(lambda: reason(cluster, "run") == "Cancelled")
        assert reason(cluster, child(cluster)) == "ParentStopped"


@on_virtual_time
async def test_each_item_has_its_own_run():
    task = {"name": "call", "forEach": {"items": [3, 1, 2], "parallelism": 2}}
    inner = {
        "params": [{"name": "n", "type": "integer"}],
        "tasks": [WORK],
        "outputs": [{"name": "twice", "value": "$[[ 2 * params.n ]]"}],
    }
    total = {"name": "total", "needs": ["call"], "set": {"all": "$[[ tasks.call.outputs.map(o, o.twice) ]]"}}
    outer = {"tasks": [{**task, "flow": {"name": "inner", "params": {"n": "$[[ item ]]"}}}, total]}
    async with a_cluster(2, outer=outer, inner=inner) as cluster:
        create(cluster, "run")
        await until(lambda: reason(cluster, "run") == "Completed")
        assert run_of(cluster, "run")["status"]["outputs"]["total"] == {"all": [6, 2, 4]}
        assert [run["spec"]["params"]["n"] for run in children(cluster, "run")] == [3, 1, 2]


@on_virtual_time
async def test_a_child_that_needs_the_place_its_parent_holds_fails_at_once():
    outer = {"tasks": [{"name": "call", "flow": {"name": "outer"}}], "concurrency": {"policy": "Queue", "limit": 1}}
    async with a_cluster(outer=outer) as cluster:
        create(cluster, "run")
        await until(lambda: reason(cluster, "run") == "TaskFailed")
        assert row(cluster, "run")["reason"] == "ChildFailed"
