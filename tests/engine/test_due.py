"""What is due: being late, being away, catching up, jitter, jumping clocks; and the cases of Kubernetes' CronJob."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.api.triggers import Trigger
from tidegate.engine.due import MOST_COUNTED, delay_of, due
from tidegate.engine.schedules import schedule_of

MINUTE, HOUR, DAY = 60, 3600, 86_400
TEN = int(datetime(2026, 5, 20, 10, tzinfo=UTC).timestamp())
"""Ten o'clock; the schedule of most tests fires then, and every hour."""


def hourly(**timing):
    return Trigger.model_validate({"name": "t", "cron": {"schedules": ["0 * * * *"], **timing}})


def judge(trigger, handled, now, delay=0):
    """Give the instants to run, relative to ten o'clock; the missed; the new mark; the next."""
    found = due(schedule_of(trigger), trigger.timing, handled, now, delay)
    return [one - TEN for one in found.start], found.missed, found.handled - TEN, found.next - TEN


LATE = [
    # catchUp, startingDeadlineSeconds, seconds after ten: what was handled last, now -> runs, missed, handled, next
    ("before its time", {}, -HOUR, -1, [], 0, -HOUR, 0),
    ("at its time", {}, -HOUR, 0, [0], 0, 0, HOUR),
    ("already dealt with", {}, 0, 1, [], 0, 0, HOUR),
    ("a little late", {"catchUp": "None"}, -HOUR, 60, [0], 0, 0, HOUR),
    ("too late for None", {"catchUp": "None"}, -HOUR, 61, [], 1, 0, HOUR),
    ("None with a longer deadline", {"catchUp": "None", "startingDeadlineSeconds": 300}, -HOUR, 300, [0], 0, 0, HOUR),
    ("None beyond it", {"catchUp": "None", "startingDeadlineSeconds": 300}, -HOUR, 301, [], 1, 0, HOUR),
    ("Latest, late", {}, -HOUR, 3599, [0], 0, 0, HOUR),
    ("Latest, within the deadline", {"startingDeadlineSeconds": 10}, -HOUR, 10, [0], 0, 0, HOUR),
    ("Latest, beyond it", {"startingDeadlineSeconds": 10}, -HOUR, 11, [], 1, 0, HOUR),
    ("Latest after an outage", {}, -5 * HOUR, 30, [0], 4, 0, HOUR),
    ("All after an outage", {"catchUp": "All"}, -3 * HOUR, 30, [-2 * HOUR, -HOUR, 0], 0, 0, HOUR),
    ("All with a cap", {"catchUp": "All", "catchUpLimit": 2}, -5 * HOUR, 30, [-HOUR, 0], 3, 0, HOUR),
    ("All with a deadline", {"catchUp": "All", "startingDeadlineSeconds": HOUR}, -5 * HOUR, 0, [-HOUR, 0], 3, 0, HOUR),
    ("None after an outage", {"catchUp": "None"}, -5 * HOUR, 30, [0], 4, 0, HOUR),
    ("None after an outage, late", {"catchUp": "None"}, -5 * HOUR, 90, [], 5, 0, HOUR),
    # Clocks that jump a day.
    ("ahead by a day: the latest, once", {}, 0, DAY, [DAY], 23, DAY, DAY + HOUR),
    ("back by a day: nothing is done twice", {}, 0, -DAY, [], 0, 0, HOUR),
]


@pytest.mark.parametrize("case", LATE, ids=[case[0] for case in LATE])
def test_what_is_due_gets_a_run_and_the_rest_is_counted(case):
    _, timing, handled, now, *expected = case
    assert judge(hourly(**timing), TEN + handled, TEN + now) == tuple(expected)


# TestControllerV2SyncCronJob of Kubernetes, as far as it is about time: what it calls
# "never ran", "prev ran but done" is only what was handled last; policies while a run is active are not about time.
CRONJOB = [
    ("never ran, not valid time", {}, -HOUR, -1, 0),
    ("never ran, is time", {}, -HOUR, 1, 1),
    ("never ran, is time, past deadline", {"startingDeadlineSeconds": 10}, -HOUR, MINUTE, 0),
    ("never ran, is time, not past deadline", {"startingDeadlineSeconds": 80}, -HOUR, MINUTE, 1),
    ("prev ran but done, not time", {}, -HOUR, -1, 0),
    ("prev ran but done, is time", {}, -HOUR, 1, 1),
    ("prev ran but done, is time, past deadline", {"startingDeadlineSeconds": 10}, -HOUR, MINUTE, 0),
    ("prev ran but done, long overdue, not past deadline", {"startingDeadlineSeconds": 604_800}, -7 * DAY, 1, 1),
    ("prev ran but done, long overdue, past medium deadline", {"startingDeadlineSeconds": 86_400}, -7 * DAY, 1, 1),
    ("prev ran but done, long overdue, past short deadline", {"startingDeadlineSeconds": 10}, -7 * DAY, 1, 1),
    ("prev ran but done, long overdue, no deadline", {}, -7 * DAY, 1, 1),
    ("missed so many that CronJob gives up", {"startingDeadlineSeconds": 7 * DAY}, -30 * DAY, 1, 1),
]


@pytest.mark.parametrize(("name", "timing", "handled", "now", "runs"), CRONJOB)
def test_the_cases_of_the_cronjob_controller(name, timing, handled, now, runs):
    started, missed, mark, _ = judge(hourly(**timing), TEN + handled, TEN + now)
    assert len(started) == runs, name
    assert started in ([], [0])
    assert mark == (0 if now > 0 else handled)
    assert missed == max(0, (mark - handled) // HOUR - runs)


def test_an_outage_of_a_year_is_counted_only_so_far():
    minutely = Trigger.model_validate({"name": "t", "cron": {"schedules": ["* * * * *"]}})
    assert judge(minutely, TEN - 365 * DAY, TEN) == ([0], MOST_COUNTED - 1, 0, 60)


def test_jitter_moves_the_start_and_not_the_instant():
    trigger = hourly(jitterSeconds=600)
    assert judge(trigger, TEN - HOUR, TEN + 99, delay=100) == ([], 0, -HOUR, 0)
    assert judge(trigger, TEN - HOUR, TEN + 100, delay=100) == ([0], 0, 0, HOUR)
    late = hourly(jitterSeconds=600, startingDeadlineSeconds=10)
    assert judge(late, TEN - HOUR, TEN + 110, delay=100)[0] == [0], "lateness counts from the moved start"


def test_jitter_is_drawn_once_and_spreads():
    timing = hourly(jitterSeconds=9).timing
    drawn = [delay_of(timing, f"uid-{number}", "t") for number in range(1000)]
    assert drawn == [delay_of(timing, f"uid-{number}", "t") for number in range(1000)]
    assert {*drawn} == {*range(10)}
    assert max(drawn.count(value) for value in range(10)) < 150
    assert delay_of(timing, "uid-1", "t") != delay_of(timing, "uid-1", "other") or drawn[1] != drawn[2]
    assert delay_of(hourly().timing, "uid-1", "t") == 0


def test_the_end_of_a_schedule_has_no_next():
    trigger = Trigger.model_validate({"name": "t", "cron": {"schedules": ["0 0 29 2 MON#5"]}})
    assert due(schedule_of(trigger), trigger.timing, TEN, TEN + 1).next is not None


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["None", "Latest", "All"]),
    st.lists(st.integers(-2 * DAY, 2 * DAY), min_size=1, max_size=12),
    st.sampled_from([None, 10, 1800]),
)
def test_however_the_clock_moves_each_instant_is_dealt_with_once_and_counted(policy, steps, deadline):
    timing = {"catchUp": policy, **({"startingDeadlineSeconds": deadline} if deadline else {})}
    trigger, handled, now, started, missed = hourly(**timing), TEN, TEN, [], 0
    for step in steps:
        now += step
        found = due(schedule_of(trigger), trigger.timing, handled, now)
        assert found.handled >= handled
        assert found.next is None or found.next > max(found.handled, now - 1)
        started += found.start
        missed, handled = missed + found.missed, found.handled
    all_of_them = list(itertools.takewhile(lambda one: one <= handled, schedule_of(trigger).after(TEN)))
    assert started == sorted(set(started))
    assert {*started} <= {*all_of_them}
    assert len(started) + missed == len(all_of_them)
