"""One simulation from its seed: Flows, runs, users, operators, faults; then calm, in which everything must end."""

import asyncio
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from simulation.chance import Chance
from simulation.cluster import Cluster
from simulation.operators import OperatorProcess
from simulation.oracle import Oracle
from tidegate.errors import ApiError
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, JOBS, PODS
from virtual_loop import run as run_virtually

STORM_SECONDS = 120.0
CALM_SECONDS = 900.0
SILENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a simulation showed."""

    seed: int
    faults: frozenset[str]
    violations: tuple[str, ...]
    runs: int
    crashes: int
    counts: Counter[str]
    trace: str

    def told(self) -> str:
        """Say all that is needed to see it again."""
        return f"seed {self.seed}, faults {sorted(self.faults)}: " + "; ".join(self.violations[:5])


def simulate(seed: int, faults: frozenset[str] | None = None) -> Result:
    """Run one simulation."""
    return run_virtually(_simulate(seed, Chance(seed, faults)))


async def _simulate(seed: int, chance: Chance) -> Result:
    cluster = Cluster(chance)
    flows = {flow["metadata"]["name"]: flow for flow in (a_flow(chance, index) for index in range(2))}
    oracle = Oracle(cluster, flows)
    trace = hashlib.sha256()
    cluster.world.on_change(lambda kind, change, obj: trace.update(_line(kind.plural, change, obj)))
    counts: Counter[str] = Counter()
    count = 2 if "two_operators" in chance.faults else 1
    operators = [OperatorProcess(f"operator-{index}", cluster, chance, counts) for index in range(count)]
    lives = [asyncio.create_task(operator.run()) for operator in operators]
    for flow in flows.values():
        cluster.world.create(FLOWS, flow, namespace="default")
    runs = [_run(chance, cluster, oracle, name, number) for number, name in enumerate([*flows, *flows])]
    users = [asyncio.create_task(run) for run in runs]
    await asyncio.sleep(STORM_SECONDS)
    chance.calm = True
    await _until_the_end(oracle)
    violations = [*oracle.violations, *(repr(error) for operator in operators for error in operator.errors)]
    violations += [f"rule 15: did not end: {run}" for run in oracle.unfinished()]
    violations += await _noise(oracle)
    for task in (*users, *lives):
        task.cancel()
    await asyncio.gather(*users, *lives, return_exceptions=True)
    crashes = sum(operator.crashes for operator in operators)
    return Result(seed, chance.faults, tuple(violations), len(runs), crashes, counts, trace.hexdigest())


async def _until_the_end(oracle: Oracle) -> None:
    for _ in range(int(CALM_SECONDS)):
        if not oracle.unfinished():
            return
        await asyncio.sleep(1.0)


async def _noise(oracle: Oracle) -> list[str]:
    """After the end there must be silence, once the last things have settled."""
    await asyncio.sleep(SILENCE_SECONDS)
    before = oracle.writes
    await asyncio.sleep(SILENCE_SECONDS)
    noise = oracle.writes - before
    return [f"rule 15: {noise} writes in {SILENCE_SECONDS:.0f} s after everything had ended"] if noise else []


def a_flow(chance: Chance, index: int) -> dict[str, Any]:
    """Draw a Flow: a few tasks, each with some needs among those before it."""
    rng = chance.rng
    tasks: list[dict[str, Any]] = []
    for number in range(rng.randint(1, 6)):
        needs = [task["name"] for task in tasks if rng.random() < 0.4]
        tasks.append({"name": f"t{number}", "needs": needs, **_body(chance, needs)})
    return {
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "Flow",
        "metadata": {"name": f"flow-{index}"},
        "spec": {"tasks": tasks, "parallelism": rng.choice([1, 2, 50])},
    }


def _body(chance: Chance, needs: list[str]) -> dict[str, Any]:
    rng = chance.rng
    kind = rng.random()
    if kind < 0.1:
        return {"set": {"x": 1}}
    if kind < 0.15:
        return {"wait": {"seconds": rng.randint(0, 20)}}
    body: dict[str, Any] = {"image": "busybox", "command": ["true"]}
    if rng.random() < 0.6:
        body["retry"] = {"limit": rng.randint(0, 3), "delaySeconds": rng.choice([0, 1, 5])}
    if needs and rng.random() < 0.3:
        body["when"] = f"has(tasks.{needs[0]}.outputs) && tasks.{needs[0]}.attempts >= 0"
    return body


async def _run(chance: Chance, cluster: Cluster, oracle: Oracle, flow: str, number: int) -> None:
    """Start a run at some moment, and be the users who meddle with it."""
    await asyncio.sleep(chance.seconds(0, 20))
    name = f"run-{number}"
    body = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "FlowRun", "metadata": {"name": name}}
    cluster.world.now = cluster.now()
    cluster.world.create(FLOWRUNS, {**body, "spec": {"flowRef": {"name": flow}}}, namespace="default")
    while not chance.calm:
        await asyncio.sleep(chance.seconds(1, 15))
        cluster.world.now = cluster.now()
        try:
            _meddle(chance, cluster, oracle, name)
        except ApiError:
            continue


def _meddle(chance: Chance, cluster: Cluster, oracle: Oracle, name: str) -> None:
    world = cluster.world
    for fault, state in (("cancel", "Cancelled"), ("terminate", "Terminated")):
        if chance.strikes(fault):
            world.patch_merge(FLOWRUNS, "default", name, {"spec": {"desiredState": state}})
    for fault, kind in (("job_deleted", JOBS), ("pod_deleted", PODS)):
        found = world.list(kind, "default")
        if found and chance.strikes(fault):
            victim = chance.rng.choice(found)
            oracle.user_deletes(victim)
            world.delete(kind, "default", victim["metadata"]["name"])
    if chance.strikes("run_deleted"):
        world.delete(FLOWRUNS, "default", name)


def _line(plural: str, change: str, obj: dict[str, Any]) -> bytes:
    return json.dumps([plural, change, obj], sort_keys=True, default=str).encode()
