"""The watchdog: what is bad is told, what lasts ends the process, what passes does not."""

import asyncio

import pytest

from tidegate.kube.watchdog import Limits, Readings, Watchdog, verdict
from virtual_loop import on_virtual_time

LIMITS = Limits(watch_age=300, loop_lag=5, queue_age=60, work_age=120, lease_age=60, clock_skew=5, patience=30)


@pytest.mark.parametrize(
    ("readings", "lag"),
    [
        (Readings(), 0.0),
        (Readings(watch_ages={"jobs": 300.0, "pods": None}), 0.0),
        (Readings(queue_age=60.0, work_age=120.0, lease_age=60.0, clock_skew=-5.0), 5.0),
    ],
)
def test_what_is_within_the_limits_is_well(readings, lag):
    assert verdict(readings, LIMITS, loop_lag=lag) == []


@pytest.mark.parametrize(
    ("readings", "lag", "told"),
    [
        (Readings(watch_ages={"jobs": 301.0, "pods": 1.0}), 0.0, "nothing was heard of jobs for 301 s"),
        (Readings(), 5.5, "the event loop was late by 5.5 s"),
        (Readings(queue_age=61.0), 0.0, "waited 61 s for a worker"),
        (Readings(work_age=121.0), 0.0, "work on a key has taken 121 s"),
        (Readings(lease_age=61.0), 0.0, "the Lease was last reached 61 s ago"),
        (Readings(clock_skew=6.0), 0.0, "our clock is 6 s behind the API server's"),
        (Readings(clock_skew=-7.0), 0.0, "our clock is 7 s ahead of the API server's"),
        (Readings(regressed=["pods"]), 0.0, "the resourceVersion of pods went backwards"),
    ],
)
def test_each_bad_reading_is_told_alone(readings, lag, told):
    (reason,) = verdict(readings, LIMITS, loop_lag=lag)
    assert told in reason


def test_all_that_is_bad_is_told():
    assert len(verdict(Readings(queue_age=1e9, clock_skew=60, regressed=["jobs", "pods"]), LIMITS)) == 4


@on_virtual_time
async def test_what_lasts_makes_it_unready_at_once_and_ends_it_after_the_patience(caplog):
    readings, loop = Readings(), asyncio.get_running_loop()
    dog = Watchdog(lambda: readings, LIMITS)
    task = asyncio.create_task(dog.run())
    await asyncio.sleep(100)
    assert dog.reasons == []
    readings, since = Readings(queue_age=100.0), loop.time()
    await asyncio.sleep(2)
    assert len(dog.reasons) == 1
    assert not task.done()
    reasons = await task
    assert reasons == dog.reasons
    assert 30 <= loop.time() - since <= 33
    assert "waited 100 s" in caplog.text


@on_virtual_time
async def test_what_passes_does_not_end_it():
    readings = Readings()
    dog = Watchdog(lambda: readings, LIMITS)
    task = asyncio.create_task(dog.run())
    for _ in range(20):
        readings = Readings(clock_skew=60.0)
        await asyncio.sleep(25)
        readings = Readings()
        await asyncio.sleep(3)
    assert dog.reasons == []
    assert not task.done()
    task.cancel()


@on_virtual_time
async def test_a_loop_that_was_blocked_is_unready_for_one_round():
    lags, loop = [], asyncio.get_running_loop()
    dog = Watchdog(Readings, LIMITS, on_lag=lags.append)
    task = asyncio.create_task(dog.run())
    await asyncio.sleep(10.5)
    loop.advance(8)
    await asyncio.sleep(0.4)
    assert max(lags) == pytest.approx(7.5)
    assert "late by 7.5 s" in dog.reasons[0]
    await asyncio.sleep(2)
    assert dog.reasons == []
    task.cancel()


@on_virtual_time
async def test_the_outside_timer_is_set_anew_at_each_round():
    armed, loop = [], asyncio.get_running_loop()
    dog = Watchdog(Readings, LIMITS, arm=lambda seconds: armed.append((loop.time(), seconds)))
    task = asyncio.create_task(dog.run())
    await asyncio.sleep(10.5)
    task.cancel()
    assert len(armed) == 11
    assert {seconds for _, seconds in armed} == {35.0}
