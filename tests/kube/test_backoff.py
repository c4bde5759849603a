"""Backoff grows, stays within its bounds, and differs between clients."""

import random

import pytest

from tidegate.kube.backoff import backoff


@pytest.mark.parametrize(
    ("failures", "full"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (50, 30.0), (10_000, 30.0)]
)
def test_lies_between_half_and_all_of_the_doubled_base(failures, full):
    rng = random.Random(1)
    delays = [backoff(failures, rng, base=0.5, cap=30.0) for _ in range(200)]
    assert all(full / 2 <= delay <= full for delay in delays)
    assert len(set(delays)) > 100
