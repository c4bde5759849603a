"""What only people read is written at most once a second for a run, however much changes meanwhile."""

import asyncio
from collections import Counter
from itertools import pairwise
from typing import Any

from simulation.chance import Chance, dice
from simulation.cluster import Cluster
from simulation.node import Node
from simulation.operators import OperatorProcess
from simulation.test_poisoned import reason, until
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, Kind
from virtual_loop import on_virtual_time

TASKS = [{"name": f"t{number}", "image": "x", "command": ["true"]} for number in range(30)]
_SEEN = str.maketrans("OH", "IP")


class Writes:
    """When status of a run was written, without a decision, to tell how far it is."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._decided = cluster, ""
        self.told: list[float] = []
        cluster.world.on_change(self._changed)

    def _changed(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        ledger = (obj.get("status") or {}).get("ledger") if kind is FLOWRUNS and change == "MODIFIED" else None
        if ledger is None:
            return
        decided = ledger["slots"].translate(_SEEN)
        if decided == self._decided:
            self.told.append(self._cluster.now())
        self._decided = decided


@on_virtual_time
async def test_a_run_is_told_of_at_most_once_a_second():
    chance = Chance(frozenset({"slow_kubelet"}), dice(1), intensity=1e9)  # pods begin one after another, and run long
    cluster = Cluster()
    Node(cluster, chance)
    writes = Writes(cluster)
    cluster.world.create(FLOWS, {"metadata": {"name": "wide"}, "spec": {"tasks": TASKS}}, namespace="default")
    run = {"metadata": {"name": "run"}, "spec": {"flowRef": {"name": "wide"}}}
    cluster.world.create(FLOWRUNS, run, namespace="default")
    life = asyncio.create_task(OperatorProcess("only", cluster, chance, Counter()).run())
    await until(lambda: reason(cluster, "run") == "Completed")
    assert len(writes.told) > 5
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(writes.told))
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
