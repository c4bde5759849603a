"""Flows that follow each other under seeded faults: one run begins for each end, or each set, whatever crashes."""

import pytest

from simulation.afterflows import simulate_chains
from tidegate.engine import afterflows

PAGE = 4


@pytest.mark.parametrize("first", range(0, 4 * PAGE, PAGE))
def test_one_run_begins_for_each_end_whatever_happens(first: int):
    broken, begun = [], 0
    for seed in range(first, first + PAGE):
        chains = simulate_chains(seed)
        begun += chains.begun
        broken += [f"seed {seed}: {'; '.join(chains.violations[:3])}"] if chains.violations else []
    assert not broken, "\n".join(broken)
    assert begun > PAGE * 20


def test_an_end_that_nothing_follows_is_found(monkeypatch):
    monkeypatch.setattr(afterflows, "unhandled", _without_some)
    assert any(simulate_chains(seed).violations for seed in range(6))


_UNHANDLED = afterflows.unhandled


def _without_some(mark, known):
    return [run for run in _UNHANDLED(mark, known) if not run.uid.endswith("7")]
