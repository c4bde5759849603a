"""Webhooks under seeded faults: one run an event, however often it is sent and whatever crashes."""

import pytest

from simulation.webhooks import EVENTS, simulate_days

PAGE = 6


@pytest.mark.parametrize("first", range(0, 4 * PAGE, PAGE))
def test_one_run_begins_for_each_event_whatever_happens(first: int):
    broken, begun, crashes = [], 0, 0
    for seed in range(first, first + PAGE):
        days = simulate_days(seed)
        begun, crashes = begun + days.begun, crashes + days.crashes
        broken += [f"seed {seed}: {'; '.join(days.violations[:3])}"] if days.violations else []
    assert not broken, "\n".join(broken)
    assert begun == PAGE * EVENTS
    assert crashes > 0
