"""Simulations of hours in which people ask for runs of what has passed, while operators crash and people meddle."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulation.asked import Asked
from simulation.chance import Chance, dice
from simulation.cluster import START, Cluster
from simulation.node import Node
from simulation.operators import OperatorProcess
from simulation.schedules import CALM_SECONDS, OPERATORS_FAULTS
from tidegate.api.conditions import timestamp
from tidegate.errors import ApiError
from tidegate.sandbox.kinds import BACKFILLS, FLOWRUNS, FLOWS
from virtual_loop import run as run_virtually

SECONDS = 3600.0
EVERY = 300
API = "tidegate.dev/v1alpha1"


@dataclass(frozen=True, slots=True)
class Asking:
    """What a simulation showed: `begun` are the instants of which a Backfill's run began."""

    violations: tuple[str, ...]
    begun: int
    crashes: int


def simulate_backfills(seed: int) -> Asking:
    """Draw Flows with a trigger, and Backfills of what has passed."""
    return run_virtually(_play(seed), start=START)


async def _play(seed: int) -> Asking:
    rng = random.Random(seed)
    faults = frozenset(name for name in OPERATORS_FAULTS if rng.random() < 0.4)
    chance, cluster = Chance(faults, dice(seed)), Cluster()
    asked = Asked(cluster)
    Node(cluster, chance)
    for number in range(2):
        cluster.world.create(FLOWS, _a_flow(rng, f"flow-{number}"), namespace="default")
        for _ in range(rng.randint(0, 4)):
            _create_run(cluster, rng)
    names = [f"operator-{number}" for number in range(2 if "two_operators" in faults else 1)]
    operators = [OperatorProcess(name, cluster, chance, Counter()) for name in names]
    lives = [asyncio.create_task(operator.run()) for operator in operators]
    meddling = asyncio.create_task(_meddle(cluster, rng, asked))
    await asyncio.sleep(SECONDS)
    meddling.cancel()
    chance.calm = True
    await asyncio.sleep(2 * CALM_SECONDS)
    asked.check_end()
    for life in (*lives, meddling):
        life.cancel()
    await asyncio.gather(*lives, meddling, return_exceptions=True)
    errors = [repr(error) for operator in operators for error in operator.errors]
    crashes = sum(operator.crashes for operator in operators)
    return Asking((*asked.violations, *errors), len(asked.begun), crashes)


def _a_flow(rng: random.Random, name: str) -> dict[str, Any]:
    timing = {"catchUp": rng.choice(["Latest", "All"]), "jitterSeconds": rng.choice([0, 0, 60])}
    free = {"name": "a", "set": {"x": 1}}
    spec: dict[str, Any] = {
        "params": [{"name": "day", "type": "string", "default": "$[[ run.date ]]"}],
        "tasks": [{"name": "a", "image": "busybox", "command": ["true"]} if rng.random() < 0.3 else free],
        "triggers": [{"name": "often", "interval": {"everySeconds": EVERY, **timing}}],
        "history": {"succeeded": rng.randint(0, 3), "failed": rng.randint(0, 3)},
        "concurrency": {"policy": rng.choice(["Allow", "Allow", "Queue", "Forbid", "Replace"])},
    }
    return {"apiVersion": API, "kind": "Flow", "metadata": {"name": name}, "spec": spec}


def _create_run(cluster: Cluster, rng: random.Random) -> None:
    """Create a run by hand that is meant for an instant."""
    flow = _some(cluster, rng, FLOWS)["metadata"]["name"]
    time = timestamp((START // EVERY - rng.randint(1, 20)) * EVERY)
    trigger = {"name": "often", "kind": "Interval", "time": time}
    metadata = {"name": f"by-hand-{rng.randrange(10**6)}"}
    run = {"apiVersion": API, "kind": "FlowRun", "metadata": metadata, "spec": {"flowRef": {"name": flow}}}
    run["spec"]["trigger"] = trigger  # type: ignore[index]  a dict of dicts
    cluster.world.create(FLOWRUNS, run, namespace="default")


def _create_backfill(cluster: Cluster, rng: random.Random, _: Asked) -> None:
    until = cluster.now() - rng.choice([0.0, 1.0, 400.0, 4000.0])
    spec = {
        "flowRef": {"name": _some(cluster, rng, FLOWS)["metadata"]["name"]},
        "trigger": "often",
        "from": timestamp(until - rng.randint(0, 20) * EVERY - 1),
        "to": timestamp(until),
        "reprocess": rng.choice(["None", "None", "Failed", "All"]),
        "parallelism": rng.choice([1, 1, 3, 8]),
        "order": rng.choice(["OldestFirst", "NewestFirst"]),
        "desiredState": rng.choice(["Running", "Running", "Running", "Paused"]),
    }
    backfill = {"apiVersion": API, "kind": "Backfill", "metadata": {"name": f"b{rng.randrange(3)}"}, "spec": spec}
    cluster.change(partial(cluster.world.create, BACKFILLS, backfill, namespace="default"))


async def _meddle(cluster: Cluster, rng: random.Random, asked: Asked) -> None:
    """Create, edit, pause, cancel and delete Backfills; delete runs, edit and replace Flows."""
    often = (_create_backfill, _create_backfill, _set_state, _set_parallelism, _delete_run)
    seldom = (_delete_backfill, _edit_flow, _replace_flow, _suspend)
    while True:
        await asyncio.sleep(rng.uniform(1, 200))
        try:
            rng.choice(often if rng.random() < 0.8 else seldom)(cluster, rng, asked)
        except ApiError:
            continue


def _some(cluster: Cluster, rng: random.Random, kind: Any) -> dict[str, Any]:
    return dict(rng.choice(cluster.world.list(kind, "default") or [{"metadata": {"name": "none"}, "spec": {}}]))


def _change(cluster: Cluster, kind: Any, obj: dict[str, Any], **spec: Any) -> None:
    if obj["spec"]:
        cluster.change(partial(cluster.world.replace, kind, {**obj, "spec": {**obj["spec"], **spec}}))


def _set_state(cluster: Cluster, rng: random.Random, _: Asked) -> None:
    state = rng.choice(["Running", "Running", "Paused", "Paused", "Cancelled"])
    _change(cluster, BACKFILLS, _some(cluster, rng, BACKFILLS), desiredState=state)


def _set_parallelism(cluster: Cluster, rng: random.Random, _: Asked) -> None:
    _change(cluster, BACKFILLS, _some(cluster, rng, BACKFILLS), parallelism=rng.choice([1, 2, 5]))


def _edit_flow(cluster: Cluster, rng: random.Random, _: Asked) -> None:
    _change(cluster, FLOWS, _some(cluster, rng, FLOWS), description=str(rng.random()))


def _suspend(cluster: Cluster, rng: random.Random, _: Asked) -> None:
    flow = _some(cluster, rng, FLOWS)
    _change(cluster, FLOWS, flow, suspend=not flow["spec"].get("suspend", False))


def _delete_run(cluster: Cluster, rng: random.Random, asked: Asked) -> None:
    run = _some(cluster, rng, FLOWRUNS)
    asked.deleted.add(run["metadata"].get("uid", ""))
    cluster.change(partial(cluster.world.delete, FLOWRUNS, "default", run["metadata"]["name"]))


def _delete_backfill(cluster: Cluster, rng: random.Random, _: Asked) -> None:
    name = _some(cluster, rng, BACKFILLS)["metadata"]["name"]
    cluster.change(partial(cluster.world.delete, BACKFILLS, "default", name))


def _replace_flow(cluster: Cluster, rng: random.Random, _: Asked) -> None:
    name = _some(cluster, rng, FLOWS)["metadata"]["name"]
    cluster.change(partial(cluster.world.delete, FLOWS, "default", name))
    cluster.change(partial(cluster.world.create, FLOWS, _a_flow(rng, name), namespace="default"))
