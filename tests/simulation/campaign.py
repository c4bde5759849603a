"""Many seeds on all cores, and what they came to."""

import gc
import logging
import multiprocessing
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from simulation.flows import PAGE
from simulation.simulation import Result, simulate

Batch = tuple[int, int, frozenset[str] | None]


@dataclass(slots=True)
class Tally:
    """Sums over simulations; `broken` has a line for each that broke a rule, `failed` their seeds."""

    scenarios: int = 0
    runs: int = 0
    crashes: int = 0
    changes: int = 0
    requests: int = 0
    cpu: float = 0.0
    """Seconds of processor time."""
    struck: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Take in one simulation."""
        self.scenarios += 1
        self.runs, self.crashes = self.runs + result.runs, self.crashes + result.crashes
        self.changes, self.requests = self.changes + result.changes, self.requests + result.counts.total()
        self.struck += result.struck
        if result.violations:
            self.broken.append(result.told())
            self.failed.append(result.scenario.seed)

    def merge(self, other: "Tally") -> None:
        """Take in the sums of other simulations."""
        for name in ("scenarios", "runs", "crashes", "changes", "requests", "cpu", "struck", "broken", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def told(self, seconds: float, processes: int) -> str:
        """Give the sums as lines to read."""
        faults = ", ".join(f"{name} {count:,}" for name, count in sorted(self.struck.items())) or "none"
        return (
            f"{self.scenarios:,} scenarios, {self.runs:,} runs, {self.crashes:,} operator crashes, "
            f"{self.requests:,} requests, {self.changes:,} changes\n"
            f"faults: {faults}\n"
            f"{seconds:.1f} s on {processes} processes, {self.runs / seconds:.0f} runs/s; "
            f"{self.cpu:.1f} s of processor time, {self.runs / max(self.cpu, 1e-9):.0f} runs a second of it"
        )


def campaign(
    seeds: range,
    faults: frozenset[str] | None = None,
    *,
    processes: int | None = None,
    told: Callable[[str], None] = print,
) -> Tally:
    """Simulate seeds, in batches that share Flows; tells of each violation as it is found, then the sums."""
    count = processes or os.cpu_count() or 1
    began, tally = time.perf_counter(), Tally()
    with multiprocessing.get_context("fork").Pool(count, be_quiet) as pool:
        for part in pool.imap_unordered(_simulate, _batches(seeds, faults)):
            tally.merge(part)
            for line in part.broken:
                told(f"VIOLATION at {commit()}: {line}")
    told(tally.told(time.perf_counter() - began, count))
    return tally


def be_quiet() -> None:
    """Log only what must never happen, and collect garbage seldom: worlds are short-lived and full of cycles."""
    logging.disable(logging.WARNING)
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def commit() -> str:
    """Give the commit that is simulated."""
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or "an unknown commit"


def _batches(seeds: range, faults: frozenset[str] | None) -> Iterator[Batch]:
    first = seeds.start
    while first < seeds.stop:
        end = min(seeds.stop, (first // PAGE + 1) * PAGE)
        yield first, end, faults
        first = end


def _simulate(batch: Batch) -> Tally:
    first, end, faults = batch
    began, tally = time.process_time(), Tally()
    for seed in range(first, end):
        tally.add(simulate(seed, faults))
    tally.cpu = time.process_time() - began
    return tally
