"""What the metrics of the reconciler say of a run without faults."""

import asyncio
from collections import Counter

from prometheus_client import CollectorRegistry

from simulation.chance import Chance
from simulation.cluster import Cluster
from simulation.node import Node
from simulation.operators import OperatorProcess
from tidegate.metrics import Metrics
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS
from virtual_loop import on_virtual_time

TASKS = [{"name": f"t{i}", "needs": [f"t{i - 1}"] if i else [], "image": "x", "command": ["true"]} for i in range(5)]


@on_virtual_time
async def test_a_hop_is_measured_from_hearing_of_the_end_and_not_from_what_came_before():
    chance = Chance(frozenset(), lambda: 0.9)  # as on a real cluster: a pod's phase and its Job follow a second later
    cluster = Cluster()
    Node(cluster, chance)
    cluster.world.create(FLOWS, {"metadata": {"name": "chain"}, "spec": {"tasks": TASKS}}, namespace="default")
    run = {"metadata": {"name": "run"}, "spec": {"flowRef": {"name": "chain"}}}
    cluster.world.create(FLOWRUNS, run, namespace="default")
    registry = CollectorRegistry()
    operator = OperatorProcess("only", cluster, chance, Counter(), Metrics(registry))
    life = asyncio.create_task(operator.run())
    for _ in range(120):
        if "completionTime" in (cluster.world.get(FLOWRUNS, "default", "run").get("status") or {}):
            break
        await asyncio.sleep(1.0)
    assert registry.get_sample_value("tidegate_hop_seconds_count") == len(TASKS) - 1
    assert registry.get_sample_value("tidegate_hop_seconds_sum") < 0.2 * (len(TASKS) - 1)
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
