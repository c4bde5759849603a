"""Backfills under seeded faults: one run of each instant begins, whatever crashes, and its end is counted."""

import pytest

from simulation.backfills import simulate_backfills
from tidegate.kube import backfillclaims
from tidegate.kube.triggering import Claim

PAGE = 6


@pytest.mark.parametrize("first", range(0, 4 * PAGE, PAGE))
def test_one_run_begins_for_each_instant_that_is_asked_for_whatever_happens(first: int):
    broken, begun = [], 0
    for seed in range(first, first + PAGE):
        hours = simulate_backfills(seed)
        begun += hours.begun
        broken += [f"seed {seed}: {'; '.join(hours.violations[:3])}"] if hours.violations else []
    assert not broken, "\n".join(broken)
    assert begun > PAGE * 10


def test_a_run_that_begins_without_being_named_is_found(monkeypatch):
    monkeypatch.setattr(backfillclaims, "_claim", lambda *_: Claim.NAMED)
    assert any(simulate_backfills(seed).violations for seed in range(6))
