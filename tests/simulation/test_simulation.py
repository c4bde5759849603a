"""The production reconciler under seeded faults: no rule may break, and when faults stop everything must end."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from simulation.chance import dice, tape
from simulation.flows import PAGE
from simulation.scenario import drawn
from simulation.shrinker import Shrinker, kind_of, recorded_case
from simulation.simulation import play, simulate

SEEDS = 10 * PAGE
"""Scenarios of a dozen runs each; `make simulate` goes further, the night farther still."""


@pytest.mark.parametrize("first", range(0, SEEDS, PAGE))
def test_no_rule_breaks(first: int, record_property):
    began, runs, crashes, struck = time.process_time(), 0, 0, 0
    broken = []
    for seed in range(first, first + PAGE):
        result = simulate(seed)
        runs += result.runs
        crashes += result.crashes
        struck += result.struck.total()
        broken += [result.told()] if result.violations else []
    spent = time.process_time() - began
    record_property("simulated", (runs, crashes, struck, spent))
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("seed", [3, 11])
def test_the_same_seed_gives_the_same_history_whatever_python_hashes_strings_to(seed: int):
    code = (
        "from simulation.simulation import play; from simulation.scenario import drawn; "
        "from simulation.chance import dice; "
        f"print(play(drawn({seed}), dice({seed}), is_told=True).trace)"
    )
    path = os.pathsep.join(sys.path)
    traces = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hashes},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hashes in ("0", "1", "2")
    }
    assert len(traces) == 1
    assert traces != {"\n"}


def test_a_simulation_can_be_played_again_from_its_throws():
    case = recorded_case(5)
    once = play(drawn(5), dice(5), is_told=True)
    again = play(case.scenario, tape(case.throws), is_told=True)
    assert (once.trace, once.story) == (again.trace, again.story)


def test_without_faults_the_writes_stay_within_two_a_task_three_a_run_and_the_cosmetic_ones():
    result = simulate(1, frozenset())
    assert result.violations == ()
    jobs, runs = result.counts["POST jobs"], result.runs
    writes = sum(
        count
        for what, count in result.counts.items()
        if what.startswith(("POST", "PUT")) and not what.endswith((" events", " flows", " flowapprovals"))
    )
    cosmetic = jobs + runs  # at most one a second, and a task here takes at most a few
    assert 0 < writes <= 2 * jobs + 3 * runs + cosmetic


def test_an_oracle_that_fails_is_told_and_disturbs_nobody(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise KeyError("nobody thought of that")

    whole = simulate(1, frozenset())
    monkeypatch.setattr("simulation.budgets.Budgets.check_attempt", fail)
    result = simulate(1, frozenset())
    assert result.violations[0].startswith("the oracle failed: KeyError: 'nobody thought of that' (test_simulation.py:")
    assert result.counts["POST jobs"] == whole.counts["POST jobs"]


def test_what_fails_is_shrunk_to_what_matters(monkeypatch):
    """A planted bug that needs nothing but one finished task must be shown by nothing more."""
    monkeypatch.setattr("simulation.oracle.GRACE_SECONDS", 1e9)
    seed = next(seed for seed in range(100) if simulate(seed).violations)
    small = Shrinker(recorded_case(seed)).shrink()
    assert small.result.violations[0].startswith("rule 12")
    assert len(small.scenario.runs) == 1
    assert sum(len(flow["spec"]["tasks"]) for flow in small.scenario.flows) == 1
    assert not small.scenario.faults
    assert not any(small.throws)


def test_what_is_shrunk_stays_broken_in_the_same_way():
    """Two ways to break one rule are two bugs; where and when it happens is not what makes them different."""
    whole = simulate(1, frozenset())
    one, moved, other = (
        replace(whole, violations=(told,))
        for told in (
            "rule 4, at 47.700: ['run-0-again', 'run-3'] of ('flow-2', '') live, 1 are allowed",
            "rule 4, at 3.1: ['run-8', 'run-11'] of ('flow-0', 'a') live, 12 are allowed",
            "rule 4, at 3.1: run-8 got a place in ('flow-0', 'a') before run-3",
        )
    )
    assert kind_of(one) == kind_of(moved) != kind_of(other)
