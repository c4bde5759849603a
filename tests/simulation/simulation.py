"""Playing a scenario: operators, users and faults in a storm; then calm, in which everything must end; then silence."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from simulation.chance import Chance, dice
from simulation.cluster import START, Cluster
from simulation.deciders import Deciders
from simulation.decisions import Decisions
from simulation.node import Node
from simulation.operators import OperatorProcess
from simulation.oracle import Oracle
from simulation.scenario import Scenario, drawn
from simulation.trace import Story, TraceHash
from simulation.users import Users
from virtual_loop import Livelock
from virtual_loop import run as run_virtually

STORM_SECONDS = 120.0
CALM_SECONDS = 3600.0
SILENCE_SECONDS = 60.0
AFTERMATH_SECONDS = 100_000.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a simulation showed. `counts` are requests by verb and resource, `struck` are faults."""

    scenario: Scenario
    violations: tuple[str, ...]
    runs: int
    crashes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    changes: int = 0
    trace: str = ""
    story: tuple[str, ...] = ()

    def told(self) -> str:
        """Say all that is needed to see it again."""
        scenario = self.scenario
        return f"seed {scenario.seed}, faults {sorted(scenario.faults)}: " + "; ".join(self.violations[:5])


def simulate(seed: int, faults: frozenset[str] | None = None) -> Result:
    """Draw the scenario of a seed and play it."""
    return play(drawn(seed, faults), dice(seed))


def play(scenario: Scenario, throw: Callable[[], float], *, is_told: bool = False) -> Result:
    """Play a scenario.

    Args:
        scenario: what is settled.
        throw: everything else.
        is_told: keep a line for each change, and the trace's hash.
    """
    try:
        return run_virtually(_play(scenario, throw, is_told=is_told), start=START)
    except Livelock as error:
        return Result(scenario, (f"rule 15: {error}",), len(scenario.runs))


async def _play(scenario: Scenario, throw: Callable[[], float], *, is_told: bool) -> Result:
    chance = Chance(scenario.faults, throw, intensity=scenario.intensity)
    cluster = Cluster()
    oracle = Oracle(cluster, scenario.faults)
    hashed, story = (TraceHash(cluster), Story(cluster)) if is_told else (None, None)
    Node(cluster, chance)
    counts: Counter[str] = Counter()
    operators = _operators(cluster, chance, counts)
    lives = [asyncio.create_task(operator.run()) for operator in operators]
    decisions = Decisions(cluster, oracle)
    Deciders(cluster, chance)
    Users(cluster, chance, oracle).begin(scenario)
    await asyncio.sleep(STORM_SECONDS)
    chance.calm = True
    violations = await _calm(cluster, oracle, counts, is_long=scenario.aftermath)
    crashes = sum(operator.crashes for operator in operators)
    violations += [f"rule 15: {told}" for told in decisions.unanswered()]
    oracle.check_writes(len(operators), crashes)
    for life in lives:
        life.cancel()
    await asyncio.gather(*lives, return_exceptions=True)
    errors = [repr(error) for operator in operators for error in operator.errors]
    return Result(
        scenario,
        (*oracle.violations, *decisions.violations, *errors, *violations),
        len(oracle.runs),
        crashes,
        counts,
        chance.struck,
        cluster.changes,
        hashed.hexdigest() if hashed else "",
        tuple(story.lines) if story else (),
    )


def _operators(cluster: Cluster, chance: Chance, counts: Counter[str]) -> list[OperatorProcess]:
    count = 2 if chance.strikes("two_operators") else 1
    return [OperatorProcess(f"operator-{index}", cluster, chance, counts) for index in range(count)]


async def _calm(cluster: Cluster, oracle: Oracle, counts: Counter[str], *, is_long: bool) -> list[str]:
    """Wait until all runs have ended; then nothing may be written, but what retention deletes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CALM_SECONDS):
            await oracle.all_ended()
    violations = [f"rule 15: did not end: {run}" for run in oracle.unfinished()]
    await asyncio.sleep(SILENCE_SECONDS)
    before = counts.copy()
    await asyncio.sleep(SILENCE_SECONDS)
    noise = {what: count for what, count in (counts - before).items() if what.startswith(("POST", "PUT"))}
    if noise:
        violations.append(f"rule 15: {noise} in {SILENCE_SECONDS:.0f} s after everything had ended")
    if is_long:
        await asyncio.sleep(AFTERMATH_SECONDS)
        violations += [f"rule 15: retention has left {name}" for name in oracle.kept()]
    return violations
