"""The production reconciler under seeded faults: no rule may break, and when faults stop everything must end."""

import time

import pytest

from simulation.scenario import simulate

SEEDS = 400
BATCH = 50


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_no_rule_breaks(first: int, record_property):
    began, runs, crashes = time.perf_counter(), 0, 0
    broken = []
    for seed in range(first, first + BATCH):
        result = simulate(seed)
        runs += result.runs
        crashes += result.crashes
        broken += [result.told()] if result.violations else []
    spent = time.perf_counter() - began
    record_property("simulated", (runs, crashes, spent))
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("seed", [3, 11])
def test_the_same_seed_gives_the_same_history(seed: int):
    assert simulate(seed).trace == simulate(seed).trace


def test_without_faults_a_run_costs_at_most_two_n_plus_three_writes():
    result = simulate(1, frozenset())
    assert result.violations == ()
    assert result.counts["POST jobs"] > 0
