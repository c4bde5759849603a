"""Schedules under seeded faults: one run of each instant begins, whatever crashes, and the others are counted."""

import pytest

from simulation.schedules import simulate_hours
from tidegate.engine.due import Due

PAGE = 6


@pytest.mark.parametrize("first", range(0, 4 * PAGE, PAGE))
def test_one_run_begins_for_each_instant_whatever_happens(first: int):
    broken, begun = [], 0
    for seed in range(first, first + PAGE):
        hours = simulate_hours(seed)
        begun += hours.begun
        broken += [f"seed {seed}: {'; '.join(hours.violations[:3])}"] if hours.violations else []
    assert not broken, "\n".join(broken)
    assert begun > PAGE * 20


def test_a_count_of_missed_instants_that_is_wrong_is_found(monkeypatch):
    monkeypatch.setattr(
        "tidegate.engine.due.Due", lambda start, missed, *rest: Due(start, missed + bool(missed), *rest)
    )
    assert any(simulate_hours(seed).violations for seed in range(12))
