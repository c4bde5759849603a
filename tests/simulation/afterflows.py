"""Simulations of hours in which Flows follow each other, while operators crash and people meddle."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulation.chance import FAULTS, Chance, dice
from simulation.cluster import START, Cluster
from simulation.ends import UPSTREAM, Ends
from simulation.node import Node
from simulation.operators import OperatorProcess
from simulation.schedules import OPERATORS_FAULTS
from tidegate.errors import ApiError
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS
from virtual_loop import run as run_virtually

SECONDS = 4000.0
CALM_SECONDS = 1800.0
FIRST = ("load", "clean")


@dataclass(frozen=True, slots=True)
class Chains:
    """What a simulation showed: `begun` are the runs that followed others."""

    violations: tuple[str, ...]
    begun: int
    crashes: int


def simulate_chains(seed: int) -> Chains:
    """Draw Flows that follow each other, and play an hour of their lives."""
    return run_virtually(_play(seed), start=START)


async def _play(seed: int) -> Chains:
    rng = random.Random(seed)
    faults = frozenset(name for name in OPERATORS_FAULTS if rng.random() < 0.4)
    assert faults <= FAULTS.keys()
    chance, cluster = Chance(faults, dice(seed)), Cluster()
    ends = Ends(cluster)
    Node(cluster, chance)
    for name in FIRST:
        cluster.world.create(FLOWS, _an_early_flow(rng, name), namespace="default")
    for name in ("each", "both", "last"):
        cluster.world.create(FLOWS, _a_late_flow(rng, name), namespace="default")
    names = [f"operator-{number}" for number in range(2 if "two_operators" in faults else 1)]
    operators = [OperatorProcess(name, cluster, chance, Counter()) for name in names]
    lives = [asyncio.create_task(operator.run()) for operator in operators]
    meddling = asyncio.create_task(_meddle(cluster, rng, ends))
    await asyncio.sleep(SECONDS)
    meddling.cancel()
    chance.calm = True
    _stop_schedules(cluster)
    await asyncio.sleep(CALM_SECONDS)
    ends.check_end()
    for life in (*lives, meddling):
        life.cancel()
    await asyncio.gather(*lives, meddling, return_exceptions=True)
    errors = [repr(error) for operator in operators for error in operator.errors]
    begun = sum(len(uids) for known in ends.begun.values() for uids in known.values())
    return Chains((*ends.violations, *errors), begun, sum(operator.crashes for operator in operators))


def _an_early_flow(rng: random.Random, name: str) -> dict[str, Any]:
    every = rng.choice([60, 200, 600])
    fails = {"name": "a", "fail": {"message": "no"}, "when": "run.time.endsWith('0:00')"}
    return _flow_of(
        rng, name, [{"name": "often", "interval": {"everySeconds": every}}], [_FREE, {**fails, "name": "b"}]
    )


def _a_late_flow(rng: random.Random, name: str) -> dict[str, Any]:
    if name == "both":
        flow = {"flows": [*FIRST], "all": True, "withinSeconds": rng.choice([30, 300, 3600])}
        labels = {f"{UPSTREAM}{one}": f"$[[ event.runs.{one}.uid ]]" for one in FIRST}
    else:
        flow = {"flows": ["each", "both"] if name == "last" else [*FIRST][: rng.randint(1, 2)]}
        labels = {f"{UPSTREAM}one": "$[[ event.run.uid ]]"}
    if rng.random() < 0.3:
        flow["results"] = ["Succeeded", "Failed", "Cancelled"]
    return _flow_of(rng, name, [{"name": "after", "flow": flow, "labels": labels}], [_FREE])


def _flow_of(rng: random.Random, name: str, triggers: list[Any], tasks: list[Any]) -> dict[str, Any]:
    spec = {
        "tasks": tasks,
        "triggers": triggers,
        "history": {"succeeded": rng.randint(0, 2), "failed": rng.randint(0, 2)},
        "concurrency": {"policy": rng.choice(["Allow", "Allow", "Queue"])},
    }
    return {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": name}, "spec": spec}


_FREE = {"name": "a", "set": {"x": 1}}


def _stop_schedules(cluster: Cluster) -> None:
    """See that the last chains can come to their end."""
    for name in FIRST:
        flow = cluster.world.get(FLOWS, "default", name)
        spec = {**flow["spec"], "suspend": True}
        cluster.change(partial(cluster.world.replace, FLOWS, {**flow, "spec": spec}))


async def _meddle(cluster: Cluster, rng: random.Random, ends: Ends) -> None:
    """Start and delete runs, edit and suspend Flows, replace one by another of its name."""
    acts = [
        partial(act, cluster, rng, ends) for act in (_start_run, _start_run, _delete_run, _edit, _suspend, _replace)
    ]
    while True:
        await asyncio.sleep(rng.uniform(10, 400))
        try:
            rng.choice(acts)()
        except ApiError:
            continue


def _start_run(cluster: Cluster, rng: random.Random, _: Ends) -> None:
    """Start some runs by hand that are gone at once when they have ended."""
    spec = {"flowRef": {"name": rng.choice(FIRST)}, "ttlSecondsAfterFinished": rng.choice([0, 0, 30])}
    for _number in range(rng.choice([1, 1, 20])):
        name = f"by-hand-{rng.randrange(16**6):06x}"
        run = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "FlowRun", "metadata": {"name": name}, "spec": spec}
        cluster.change(partial(cluster.world.create, FLOWRUNS, run, namespace="default"))


def _delete_run(cluster: Cluster, rng: random.Random, ends: Ends) -> None:
    runs = cluster.world.list(FLOWRUNS, "default")
    if runs:
        meta = rng.choice(runs)["metadata"]
        ends.exempt.add(meta["uid"])
        cluster.change(partial(cluster.world.delete, FLOWRUNS, "default", meta["name"]))


def _late(cluster: Cluster, rng: random.Random) -> dict[str, Any]:
    return dict(cluster.world.get(FLOWS, "default", rng.choice(["each", "both", "last"])))


def _edit(cluster: Cluster, rng: random.Random, _: Ends) -> None:
    flow = _late(cluster, rng)
    spec = {**flow["spec"], "description": str(rng.random())}
    cluster.change(partial(cluster.world.replace, FLOWS, {**flow, "spec": spec}))


def _suspend(cluster: Cluster, rng: random.Random, ends: Ends) -> None:
    if rng.random() < 0.7:
        return
    flow = _late(cluster, rng)
    ends.exempt.add(flow["metadata"]["uid"])
    new = {**flow, "spec": {**flow["spec"], "suspend": not flow["spec"].get("suspend", False)}}
    cluster.change(partial(cluster.world.replace, FLOWS, new))


def _replace(cluster: Cluster, rng: random.Random, ends: Ends) -> None:
    """Replace a Flow; its runs go with it, so that nobody can be asked to follow them any more."""
    if rng.random() < 0.7:
        return
    name = _late(cluster, rng)["metadata"]["name"]
    runs = cluster.world.list(FLOWRUNS, "default", fields=f"spec.flowRef.name={name}")
    ends.exempt |= {run["metadata"]["uid"] for run in runs}
    cluster.change(partial(cluster.world.delete, FLOWS, "default", name))
    cluster.change(partial(cluster.world.create, FLOWS, _a_late_flow(rng, name), namespace="default"))
