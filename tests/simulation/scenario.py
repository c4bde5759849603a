"""A scenario: the Flows, the runs and what users do to them; drawn from a seed, or written down by hand.

It says nothing of timing below that: latencies, crashes and the lives of pods are thrown while it is played.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulation.chance import FAULTS, INTENSITIES
from simulation.flows import callee_for, flow_for

USERS = (
    "cancel",
    "terminate",
    "run_deleted",
    "job_deleted",
    "pod_deleted",
    "job_preempted",
    "child_deleted",
    "rerun",
    "pause",
    "flow_edited",
    "priority_changed",
)
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
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What some runs say beyond their Flow: fields of their spec; `owned` when their Flow is to own them."""
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
    details = {name: _details(rng) for name in runs}
    acts = tuple(sorted(_acts(rng, runs, chosen), key=lambda act: act.at))
    return Scenario(seed, chosen, flows, runs, acts, rng.choice(INTENSITIES), details, rng.random() < 0.2)


def _details(rng: random.Random) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if rng.random() < 0.5:
        details["params"] = {"lane": rng.choice(["a", "b"])}
    if rng.random() < 0.3:
        details["priority"] = rng.randint(-1, 1)
    if rng.random() < 0.1:
        details["ttlSecondsAfterFinished"] = rng.choice([0, 30, 600])
    if rng.random() < 0.4:
        details["owned"] = True
    return details


def _acts(rng: random.Random, runs: dict[str, tuple[str, float]], faults: frozenset[str]) -> Iterator[Act]:
    for run, (_, start) in runs.items():
        for what in USERS:
            again = what in faults
            while again and rng.random() < FAULTS[what]:
                yield Act(start + _PATIENCE * rng.random() ** 2, what, run, rng.random())
                again = what in ("job_deleted", "pod_deleted", "job_preempted")
