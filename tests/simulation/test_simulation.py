"""The production reconciler under seeded faults: no rule may break, and when faults stop everything must end."""

import time

import pytest

from simulation.scenario import simulate

SEEDS = 400
BATCH = 50
REGRESSIONS = [2250, 2506, 8279, 9049, 9232]
"""Seeds that once found something: a deleted Job brought back by a late request, a Job that no watch told the end of,
a Job brought back between its deletion and its tombstone."""


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


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_was_found_once_stays_mended(seed: int):
    assert simulate(seed).violations == ()


@pytest.mark.parametrize("seed", [3, 11])
def test_the_same_seed_gives_the_same_history(seed: int):
    assert simulate(seed).trace == simulate(seed).trace


def test_without_faults_the_writes_stay_within_two_a_task_three_a_run_and_the_cosmetic_ones():
    result = simulate(1, frozenset())
    assert result.violations == ()
    jobs, runs = result.counts["POST jobs"], result.runs
    writes = sum(count for what, count in result.counts.items() if not what.endswith(("events", " flows")))
    cosmetic = jobs + runs  # at most one a second, and a task here takes at most a few
    assert 0 < writes <= 2 * jobs + 3 * runs + cosmetic
