"""A scenario: the Flows, the runs and what users do to them; drawn from a seed, or written down by hand.

It says nothing of timing below that: latencies, crashes and the lives of pods are thrown while it is played.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulation.chance import FAULTS, INTENSITIES
from simulation.flows import callee_for, flow_for

USERS = ("cancel", "terminate", "run_deleted", "job_deleted", "pod_deleted", "job_preempted", "child_deleted", "rerun")
"""Faults that are somebody's act; see `users.py` for what each does."""

FLOWS, RUNS = 3, 12
_STARTS, _PATIENCE = 20.0, 40.0


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does, `at` seconds after the beginning; `pick` chooses among several victims."""

    at: float
    what: str
    run: str
    pick: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that is settled before the first throw. `runs` has the Flow and the instant of creation of each run."""

    seed: int
    faults: frozenset[str]
    flows: tuple[dict[str, Any], ...]
    runs: dict[str, tuple[str, float]]
    acts: tuple[Act, ...] = ()
    intensity: float = 1.0
    aftermath: bool = False
    """Whether the end is followed until retention has taken everything."""


def drawn(seed: int, faults: frozenset[str] | None = None) -> Scenario:
    """Draw the scenario of a seed.

    Args:
        seed: the same gives the same.
        faults: those that may strike, instead of a drawn subset (so that rare combinations occur).
    """
    rng = random.Random(seed)
    some = frozenset(name for name in FAULTS if rng.random() < 0.35) if rng.random() < 0.9 else frozenset()
    chosen = some if faults is None else faults
    flows = tuple(flow_for(seed, rng, f"flow-{index}") for index in range(FLOWS))
    names = [flow["metadata"]["name"] for flow in flows]
    flows = (*flows, callee_for(seed))
    runs = {f"run-{number}": (rng.choice(names), rng.uniform(0, _STARTS)) for number in range(RUNS)}
    acts = tuple(sorted(_acts(rng, runs, chosen), key=lambda act: act.at))
    return Scenario(seed, chosen, flows, runs, acts, rng.choice(INTENSITIES), rng.random() < 0.2)


def _acts(rng: random.Random, runs: dict[str, tuple[str, float]], faults: frozenset[str]) -> Iterator[Act]:
    for run, (_, start) in runs.items():
        for what in USERS:
            again = what in faults
            while again and rng.random() < FAULTS[what]:
                yield Act(start + _PATIENCE * rng.random() ** 2, what, run, rng.random())
                again = what in ("job_deleted", "pod_deleted", "job_preempted")
