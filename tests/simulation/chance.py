"""Chance: everything that may go wrong in a simulated cluster, drawn from one seed."""

import random

FAULTS = {
    "crash_before": 0.02,
    "crash_after": 0.02,
    "request_lost": 0.05,
    "reply_lost": 0.05,
    "applied_late": 0.03,
    "throttled": 0.05,
    "slow": 0.1,
    "lagging_view": 0.3,
    "gap_in_view": 0.05,
    "two_operators": 1.0,
    "pod_fails": 0.15,
    "pod_evicted": 0.1,
    "pod_deleted": 0.05,
    "job_deleted": 0.05,
    "cancel": 0.3,
    "terminate": 0.2,
    "run_deleted": 0.1,
    "slow_kubelet": 0.3,
}
"""Every fault with how likely it is where it may strike."""


class Chance:
    """The dice of one simulation. A seed picks a subset of the faults (so that rare combinations occur), then throws.

    Args:
        seed: makes everything that follows the same again.
        faults: the faults to use instead of a drawn subset.
    """

    def __init__(self, seed: int, faults: frozenset[str] | None = None) -> None:
        self.rng = random.Random(seed)
        drawn = frozenset(name for name in FAULTS if self.rng.random() < 0.35)
        if self.rng.random() < 0.1:
            drawn = frozenset()
        self.faults = drawn if faults is None else faults
        self.calm = False
        """Whether faults have stopped, so that every run must come to its end."""

    def strikes(self, fault: str) -> bool:
        """Throw for a fault."""
        return fault in self.faults and not self.calm and self.rng.random() < FAULTS[fault]

    def seconds(self, low: float, high: float) -> float:
        """Draw a duration."""
        return self.rng.uniform(low, high)

    def latency(self) -> float:
        """Draw how long half of a request takes."""
        return self.seconds(0.5, 20.0) if self.strikes("slow") else self.seconds(0.001, 0.02)
