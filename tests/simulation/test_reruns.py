"""Runs that do again what an ended one did, on a simulated cluster."""

import asyncio
from typing import Any

import pytest

from simulation.cluster import Cluster
from simulation.test_calls import a_cluster, create, delete, patch, run_of
from simulation.test_poisoned import reason, until
from tidegate.sandbox.kinds import CONFIGMAPS, FLOWRUNS, FLOWS, JOBS, REVISIONS
from virtual_loop import on_virtual_time

WORK: dict[str, Any] = {"image": "x", "command": ["true"]}
FAILS = {"name": "maybe", "needs": ["first"], "fail": {"message": "not today"}}
LAST = {"name": "last", "needs": ["maybe"], "set": {"n": "$[[ tasks.first.outputs.n ]]"}}
SPEC = {"tasks": [{"name": "first", **WORK}, FAILS, LAST], "params": [{"name": "p", "type": "string", "default": "x"}]}
GOOD = {"name": "maybe", "needs": ["first"], "set": {"ok": True}}


async def a_failed_run(cluster: Cluster, **spec: Any) -> None:
    create(cluster, "old", **spec)
    await until(lambda: reason(cluster, "old") == "TaskFailed")


def states(cluster: Cluster, name: str) -> dict[str, tuple[str, str]]:
    return {row["name"]: (row["state"], row.get("reason", "")) for row in run_of(cluster, name)["status"]["tasks"]}


def jobs(cluster: Cluster, run: str) -> list[str]:
    found = cluster.world.list(JOBS, "default", labels=f"tidegate.dev/run={run}")
    return [job["metadata"]["labels"]["tidegate.dev/task"] for job in found]


@on_virtual_time
async def test_what_went_well_is_not_done_again_and_its_outputs_are_there():
    async with a_cluster(2, outer=SPEC) as cluster:
        await a_failed_run(cluster)
        create(cluster, "again", rerun={"of": "old"})
        await until(lambda: reason(cluster, "again") == "TaskFailed")  # the same revision fails in the same way
        assert states(cluster, "again")["first"] == ("Succeeded", "Reused")
        assert jobs(cluster, "again") == []
        assert states(cluster, "again")["maybe"] == ("Failed", "Fail")


@on_virtual_time
async def test_a_rerun_has_the_revision_params_time_and_identity_of_the_old_run():
    async with a_cluster(outer=SPEC) as cluster:
        await a_failed_run(cluster, params={"p": "y"})
        old = run_of(cluster, "old")
        changed = {"spec": {**SPEC, "tasks": [GOOD]}}
        cluster.world.patch_merge(FLOWS, "default", "outer", changed)
        await asyncio.sleep(5000)
        create(cluster, "again", rerun={"of": "old", "mode": "All"})
        await until(lambda: reason(cluster, "again") == "TaskFailed")
        frozen = run_of(cluster, "again")["status"]["frozen"]
        assert (frozen["params"], frozen["root"]) == ({"p": "y"}, old["metadata"]["uid"])
        assert frozen["scheduledTime"] == old["metadata"]["creationTimestamp"]
        assert jobs(cluster, "again") == ["first"]
        snapshots = [
            cluster.world.get(REVISIONS, "default", run_of(cluster, name)["status"]["frozen"]["revision"])
            for name in ("old", "again")
        ]
        assert snapshots[0]["data"] == snapshots[1]["data"]
        create(cluster, "third", rerun={"of": "again"})
        await until(lambda: reason(cluster, "third") == "TaskFailed")
        assert run_of(cluster, "third")["status"]["frozen"]["root"] == old["metadata"]["uid"]


@on_virtual_time
async def test_the_old_run_may_be_deleted_once_the_rerun_waits_for_its_place():
    limited = {**SPEC, "concurrency": {"policy": "Queue", "limit": 1}}
    holder = {"tasks": [{"name": "hour", "wait": {"seconds": 3600}}]}
    async with a_cluster(outer=limited) as cluster:
        await a_failed_run(cluster)
        cluster.world.patch_merge(FLOWS, "default", "outer", {"spec": {**limited, **holder}})
        await asyncio.sleep(5)
        create(cluster, "holder")
        await until(lambda: reason(cluster, "holder") == "Running")
        create(cluster, "again", rerun={"of": "old"})
        await until(lambda: reason(cluster, "again") == "Queued")
        assert run_of(cluster, "again")["status"]["frozen"]["reuse"]
        delete(cluster, "old")
        patch(cluster, "holder", desiredState="Cancelled")
        await until(lambda: reason(cluster, "again") == "TaskFailed")
        assert states(cluster, "again")["first"] == ("Succeeded", "Reused")
        stored = cluster.world.list(CONFIGMAPS, "default")
        assert {one["metadata"]["ownerReferences"][0]["name"] for one in stored} == {"again"}


@pytest.mark.parametrize(
    ("rerun", "more", "wanted", "told"),
    [
        ({"of": "nobody"}, {}, "InvalidRerun", 'there is no run "nobody" in namespace default'),
        ({"of": "live"}, {}, "InvalidRerun", "run live has not ended; cancel it, or wait for its end"),
        ({"of": "refused"}, {}, "InvalidRerun", "run refused never began (InvalidParams"),
        ({"of": "of-other"}, {}, "InvalidRerun", "run of-other is of Flow other; spec.flowRef.name says outer"),
        ({"of": "old", "mode": "From", "tasks": ["frst"]}, {}, "InvalidRerun", 'did you mean "first"?'),
        ({"of": "old", "mode": "From"}, {}, "InvalidRerun", "mode From needs tasks"),
        ({"of": "old"}, {"params": {"p": "z"}}, "InvalidParams", "a rerun takes the params of run old"),
    ],
)
@on_virtual_time
async def test_a_rerun_that_makes_no_sense_is_refused_with_a_sentence(
    rerun: dict[str, Any], more: dict[str, Any], wanted: str, told: str
):
    other = {"tasks": [{"name": "hour", "wait": {"seconds": 3600}}]}
    async with a_cluster(outer=SPEC, other=other) as cluster:
        await a_failed_run(cluster)
        create(cluster, "refused", params={"q": 1})
        create(cluster, "of-other", "other", desiredState="Cancelled")
        create(cluster, "live", "other")
        await until(lambda: reason(cluster, "live") == "Running" and reason(cluster, "refused") == "InvalidParams")
        flow = "other" if rerun["of"] == "live" else "outer"
        create(cluster, "again", flow, rerun=rerun, **more)
        await until(lambda: reason(cluster, "again") == wanted)
        assert told in run_of(cluster, "again")["status"]["why"]
        assert jobs(cluster, "again") == []


@on_virtual_time
async def test_a_rerun_of_a_run_that_lost_its_snapshot_is_refused():
    async with a_cluster(outer=SPEC) as cluster:
        await a_failed_run(cluster)
        cluster.world.delete(REVISIONS, "default", run_of(cluster, "old")["status"]["frozen"]["revision"])
        create(cluster, "again", rerun={"of": "old"})
        await until(lambda: reason(cluster, "again") == "InvalidRerun")
        assert "something the run depends on was deleted" in run_of(cluster, "again")["status"]["why"]


@pytest.mark.parametrize("same", [{"p": "y"}, {}])
@on_virtual_time
async def test_params_may_be_repeated(same: dict[str, Any]):
    async with a_cluster(outer=SPEC) as cluster:
        await a_failed_run(cluster, params={"p": "y"})
        create(cluster, "again", rerun={"of": "old"}, params=same)
        await until(lambda: reason(cluster, "again") == "TaskFailed")


@on_virtual_time
async def test_from_a_task_on_it_is_done_again_for_those_who_ended_well_too():
    async with a_cluster(outer={"tasks": [{"name": "first", **WORK}, GOOD, LAST]}) as cluster:
        create(cluster, "old")
        await until(lambda: reason(cluster, "old") == "Completed")
        create(cluster, "again", rerun={"of": "old", "mode": "From", "tasks": ["maybe"]})
        await until(lambda: reason(cluster, "again") == "Completed")
        assert states(cluster, "again") == {
            "first": ("Succeeded", "Reused"),
            "maybe": ("Succeeded", ""),
            "last": ("Succeeded", ""),
        }
        assert run_of(cluster, "again")["status"]["outputs"]["last"] == {"n": 1}
        assert len(cluster.world.list(FLOWRUNS, "default")) == 2
