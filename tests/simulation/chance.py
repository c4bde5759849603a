"""Chance: everything that may go wrong in a simulated cluster, thrown one after another from one seed.

A throw is a number from 0 to 1, and 0 always stands for the least that can happen: no fault, no delay. A simulation
can therefore be repeated from its list of throws, cut short or with some of them set to 0: that is how it is shrunk.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

FAULTS = {
    "crash_before": 0.02,
    "crash_after": 0.02,
    "outage": 0.3,
    "frozen": 0.02,
    "request_lost": 0.05,
    "reply_lost": 0.05,
    "applied_late": 0.03,
    "throttled": 0.05,
    "slow": 0.1,
    "lagging_view": 0.3,
    "gap_in_view": 0.05,
    "two_operators": 1.0,
    "pod_fails": 0.15,
    "pod_oom": 0.15,
    "pod_again": 0.3,
    "pod_evicted": 0.1,
    "slow_kubelet": 0.3,
    "pod_deleted": 0.3,
    "job_deleted": 0.3,
    "job_preempted": 0.3,
    "child_deleted": 0.1,
    "rerun": 0.2,
    "pause": 0.2,
    "flow_edited": 0.1,
    "priority_changed": 0.2,
    "cancel": 0.3,
    "terminate": 0.2,
    "run_deleted": 0.1,
    "early_decision": 0.3,
    "second_decision": 0.3,
    "wrong_decision": 0.3,
    "decision_deleted": 0.2,
    "not_permitted": 0.2,
    "pods_refused": 0.05,
}
"""Every fault with how likely it is where it may strike; those of `scenario.USERS` strike once for each run."""

INTENSITIES = (0.3, 1.0, 1.0, 3.0)


class Chance:
    """The dice of one simulation.

    Args:
        faults: those that may strike.
        throw: gives the next throw; see `dice` and `tape`.
        intensity: by how much everything is likelier than usual.
    """

    def __init__(self, faults: frozenset[str], throw: Callable[[], float], *, intensity: float = 1.0) -> None:
        self.throw, self.faults = throw, faults
        self.likely = {fault: min(1.0, FAULTS[fault] * intensity) for fault in faults}
        self.calm = False
        """Whether faults have stopped, so that every run must come to its end."""
        self.struck: Counter[str] = Counter()

    def strikes(self, fault: str) -> bool:
        """Throw for a fault."""
        if fault not in self.faults or self.calm or self.throw() < 1.0 - self.likely[fault]:
            return False
        self.struck[fault] += 1
        return True

    def seconds(self, low: float, high: float) -> float:
        """Throw for a duration."""
        return low + (high - low) * self.throw()

    def latency(self) -> float:
        """Throw for how long half of a request takes: often next to nothing, so that other things come between."""
        if self.strikes("slow"):
            return self.seconds(0.5, 20.0)
        thrown = self.throw()
        return 0.0 if thrown < 0.5 else (thrown - 0.5) * 0.04


def dice(seed: int) -> Callable[[], float]:
    """Give the throws of a seed, without end."""
    return random.Random(seed).random


def tape(throws: Sequence[float]) -> Callable[[], float]:
    """Give throws that were recorded, and then zeros without end."""
    left = iter(throws)
    return lambda: next(left, 0.0)


def recorded(throw: Callable[[], float], into: list[float]) -> Callable[[], float]:
    """Give the same throws and keep them."""

    def record() -> float:
        value = throw()
        into.append(value)
        return value

    return record
