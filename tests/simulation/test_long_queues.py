"""Many runs in one queue, on a simulated cluster: what they ask of the API server does not grow with their number."""

import asyncio
from collections import Counter

from simulation.chance import Chance, dice
from simulation.cluster import Cluster
from simulation.node import Node
from simulation.operators import OperatorProcess
from simulation.test_limits import a_flow, create
from simulation.test_poisoned import reason, until
from tidegate.kube.standings import LATER
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS
from virtual_loop import on_virtual_time

RUNS = 200
LONG = [{"name": "a", "wait": {"seconds": 36_000}}]


async def settled(counts: Counter[str]) -> None:
    """Wait until nobody has asked for anything for a while."""
    for _ in range(60):
        before = counts.total()
        await asyncio.sleep(10)
        if counts.total() == before:
            return


def has_joined(cluster: Cluster) -> bool:
    return reason(cluster, f"run-{RUNS - 1:03}") == "Queued"


@on_virtual_time
async def test_what_a_queue_asks_for_does_not_grow_with_its_length():
    chance, cluster, counts = Chance(frozenset(), dice(1)), Cluster(), Counter[str]()
    Node(cluster, chance)
    limit = {"policy": "Queue", "limit": 1, "queueLimit": 1000}
    cluster.world.create(FLOWS, a_flow(concurrency=limit, tasks=LONG), namespace="default")
    create(cluster, "run-000")
    life = asyncio.create_task(OperatorProcess("only", cluster, chance, counts).run())
    await until(lambda: reason(cluster, "run-000") == "Running")
    for number in range(1, RUNS):
        create(cluster, f"run-{number:03}")
        await asyncio.sleep(1)
    await until(lambda: has_joined(cluster))
    await settled(counts)
    assert counts["LIST flowruns"] <= RUNS + RUNS / LATER, "one list for each run that comes"

    counts.clear()
    await asyncio.sleep(600)
    assert counts["LIST flowruns"] <= 600 / LATER, "only the first in line looks again and again"
    assert counts["PUT flowruns"] == 0

    counts.clear()
    cluster.world.patch_merge(FLOWRUNS, "default", "run-000", {"spec": {"desiredState": "Cancelled"}})
    await until(lambda: reason(cluster, "run-001") == "Running")
    await settled(counts)
    assert counts["LIST flowruns"] <= 3, "the line moves on by one look"
    assert counts["PUT flowruns"] <= 20, "only those are told that can see the end of the line"
    assert cluster.world.get(FLOWRUNS, "default", "run-002")["status"]["why"].startswith("Queued: place 1 in")
    last = cluster.world.get(FLOWRUNS, "default", f"run-{RUNS - 1:03}")["status"]["why"]
    assert last == "Queued: at least 100 runs are before it in the queue"
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)


@on_virtual_time
async def test_a_queue_whose_flow_is_gone_asks_once_and_goes_on_when_there_is_one_again():
    chance, cluster, counts = Chance(frozenset(), dice(1)), Cluster(), Counter[str]()
    Node(cluster, chance)
    flow = a_flow(concurrency={"policy": "Queue", "limit": 1}, tasks=LONG)
    cluster.world.create(FLOWS, flow, namespace="default")
    create(cluster, "live")
    life = asyncio.create_task(OperatorProcess("only", cluster, chance, counts).run())
    await until(lambda: reason(cluster, "live") == "Running")
    names = [f"run-{number}" for number in range(30)]
    for name in names:
        create(cluster, name)
    await until(lambda: {reason(cluster, name) for name in names} == {"Queued"})
    await settled(counts)

    counts.clear()
    cluster.world.delete(FLOWS, "default", "flow")
    await until(lambda: {reason(cluster, name) for name in names} == {"FlowNotFound"})
    assert counts["GET flows"] <= 3

    cluster.world.create(FLOWS, flow, namespace="default")
    await until(lambda: {reason(cluster, name) for name in names} == {"Queued"})
    assert reason(cluster, "live") == "Running"
    active = cluster.world.get(FLOWS, "default", "flow")["status"]["active"]
    assert [entry["name"] for entry in active] == ["live"], "who lives keeps its place, also in a new Flow"
    cluster.world.patch_merge(FLOWRUNS, "default", "live", {"spec": {"desiredState": "Cancelled"}})
    await until(lambda: [reason(cluster, name) for name in names].count("Running") == 1)
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
