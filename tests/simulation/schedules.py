"""Simulations of hours in which Flows are due, while operators crash, clocks jump and people meddle."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulation.chance import FAULTS, Chance, dice
from simulation.cluster import START, Cluster
from simulation.instants import Instants
from simulation.node import Node
from simulation.operators import OperatorProcess
from tidegate.errors import ApiError
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS
from virtual_loop import run as run_virtually

HOURS = 3
CALM_SECONDS = 1800.0
DAY = 86_400.0

_STRIKE = ("crash_before", "crash_after", "outage", "frozen", "request_lost", "reply_lost", "applied_late", "throttled")
_SEE = ("slow", "lagging_view", "gap_in_view", "two_operators", "slow_kubelet", "pod_fails")
OPERATORS_FAULTS = (*_STRIKE, *_SEE)


@dataclass(frozen=True, slots=True)
class Hours:
    """What hours of simulation showed: `begun` are the instants of which a run began."""

    violations: tuple[str, ...]
    begun: int
    crashes: int


def simulate_hours(seed: int) -> Hours:
    """Draw Flows with triggers, and play some hours of their lives."""
    return run_virtually(_play(seed), start=START)


async def _play(seed: int) -> Hours:
    rng = random.Random(seed)
    faults = frozenset(name for name in OPERATORS_FAULTS if rng.random() < 0.4)
    assert faults <= FAULTS.keys()
    chance, cluster = Chance(faults, dice(seed)), Cluster()
    instants = Instants(cluster)
    Node(cluster, chance)
    for number in range(3):
        cluster.world.create(FLOWS, _a_flow(rng, f"flow-{number}"), namespace="default")
    names = [f"operator-{number}" for number in range(2 if "two_operators" in faults else 1)]
    operators = [OperatorProcess(name, cluster, chance, Counter()) for name in names]
    lives = [asyncio.create_task(operator.run()) for operator in operators]
    jumps = rng.random() < 0.4
    meddling = asyncio.create_task(_meddle(cluster, rng, instants, operators if jumps else []))
    await asyncio.sleep(HOURS * 3600)
    meddling.cancel()
    chance.calm = True
    for operator in operators:
        operator.skew = lambda: 0.0
    await asyncio.sleep(CALM_SECONDS + (DAY if jumps else 0.0))  # what a clock ahead has done is not done again
    instants.check_end()
    for life in (*lives, meddling):
        life.cancel()
    await asyncio.gather(*lives, meddling, return_exceptions=True)
    errors = [repr(error) for operator in operators for error in operator.errors]
    crashes = sum(operator.crashes for operator in operators)
    return Hours((*instants.violations, *errors), len(instants.begun), crashes)


def _a_flow(rng: random.Random, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "tasks": [{"name": "a", "image": "busybox", "command": ["true"]} if rng.random() < 0.3 else _FREE],
        "triggers": [_a_trigger(rng, f"t{number}") for number in range(rng.randint(1, 2))],
        "history": {"succeeded": rng.randint(0, 2), "failed": rng.randint(0, 2)},
        "concurrency": {"policy": rng.choice(["Allow", "Allow", "Queue", "Forbid", "Replace"])},
    }
    return {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": name}, "spec": spec}


_FREE = {"name": "a", "set": {"x": 1}}


def _a_trigger(rng: random.Random, name: str) -> dict[str, Any]:
    timing: dict[str, Any] = {"catchUp": rng.choice(["None", "Latest", "All"])}
    if timing["catchUp"] == "All":
        timing["catchUpLimit"] = rng.choice([2, 10, 100])
    if rng.random() < 0.3:
        timing["startingDeadlineSeconds"] = rng.choice([10, 300])
    if rng.random() < 0.3:
        timing["jitterSeconds"] = rng.choice([5, 120])
    if rng.random() < 0.5:
        return {"name": name, "interval": {"everySeconds": rng.choice([300, 600, 3600]), **timing}}
    schedules = rng.choice([["*/5 * * * *"], ["*/10 * * * *", "5 * * * *"], ["0 * * * *"], ["7,37 * * * *"]])
    return {"name": name, "cron": {"schedules": schedules, "timeZone": "Europe/Berlin", **timing}}


async def _meddle(cluster: Cluster, rng: random.Random, instants: Instants, operators: list[OperatorProcess]) -> None:
    """Delete runs, edit and suspend Flows, replace one by another of its name, and set clocks."""
    acts = [partial(_set_clock, rng, operators)] if operators else []
    acts += [partial(act, cluster, rng, instants) for act in (_delete_run, _edit, _suspend, _replace)]
    while True:
        await asyncio.sleep(rng.uniform(30, 1200))
        try:
            rng.choice(acts)()
        except ApiError:
            continue


def _set_clock(rng: random.Random, operators: list[OperatorProcess]) -> None:
    by = rng.choice([0.0, 0.0, 100.0, -100.0, DAY, -DAY])
    rng.choice(operators).skew = lambda: by


def _delete_run(cluster: Cluster, rng: random.Random, _: Instants) -> None:
    runs = cluster.world.list(FLOWRUNS, "default")
    if runs:
        name = rng.choice(runs)["metadata"]["name"]
        cluster.change(partial(cluster.world.delete, FLOWRUNS, "default", name))


def _flow(cluster: Cluster, rng: random.Random) -> dict[str, Any]:
    return dict(rng.choice(cluster.world.list(FLOWS, "default")))


def _edit(cluster: Cluster, rng: random.Random, _: Instants) -> None:
    flow, text = _flow(cluster, rng), str(rng.random())
    new = {**flow, "spec": {**flow["spec"], "description": text}}
    cluster.change(partial(cluster.world.replace, FLOWS, new))


def _suspend(cluster: Cluster, rng: random.Random, instants: Instants) -> None:
    if rng.random() < 0.7:
        return
    flow = _flow(cluster, rng)
    instants.toggled.add(flow["metadata"]["uid"])
    new = {**flow, "spec": {**flow["spec"], "suspend": not flow["spec"].get("suspend", False)}}
    cluster.change(partial(cluster.world.replace, FLOWS, new))


def _replace(cluster: Cluster, rng: random.Random, _: Instants) -> None:
    if rng.random() < 0.7:
        return
    name = _flow(cluster, rng)["metadata"]["name"]
    cluster.change(partial(cluster.world.delete, FLOWS, "default", name))
    cluster.change(partial(cluster.world.create, FLOWS, _a_flow(rng, name), namespace="default"))
