"""Jobs whose pods are refused, on a simulated cluster: why is told, and the run goes on when pods are taken again."""

import asyncio

from simulation.test_limits import a_cluster, create
from simulation.test_poisoned import reason, until
from tidegate.sandbox.kinds import FLOWRUNS, JOBS
from virtual_loop import on_virtual_time

WORDS = "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0"


@on_virtual_time
async def test_a_run_whose_pods_are_refused_says_why_and_goes_on_when_they_are_not():
    async with a_cluster() as cluster:
        cluster.world.refuse_pods("default", WORDS)
        create(cluster, "run")
        told = f"a waits: PodsRefused: {WORDS}"
        begun = asyncio.get_running_loop().time()
        await until(lambda: cluster.world.get(FLOWRUNS, "default", "run").get("status", {}).get("why") == told)
        assert asyncio.get_running_loop().time() - begun < 30
        cluster.world.refuse_pods("default", "")
        await until(lambda: reason(cluster, "run") == "Completed")
        assert len(cluster.world.list(JOBS, "default")) == 1


@on_virtual_time
async def test_a_task_that_gets_no_pod_in_time_fails_with_the_words():
    tasks = [{"name": "a", "image": "x", "command": ["true"], "startDeadlineSeconds": 45}]
    async with a_cluster(tasks=tasks) as cluster:
        cluster.world.refuse_pods("default", WORDS)
        create(cluster, "run")
        await until(lambda: reason(cluster, "run") == "TaskFailed")
        (row,) = cluster.world.get(FLOWRUNS, "default", "run")["status"]["tasks"]
        assert row["reason"] == "StartDeadlineExceeded"
        assert row["message"] == f"its container did not run within 45 s: PodsRefused: {WORDS}"
