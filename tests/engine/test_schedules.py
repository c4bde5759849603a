"""The instants of schedules: across clock changes as a table, and for every zone against a plain count of minutes."""

import itertools
import random
import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.api.triggers import Trigger
from tidegate.engine import localtime
from tidegate.engine.schedules import ScheduleError, before, latest, schedule_of

HOUR, DAY = 3600, 86_400


def different_zones():
    """Give a name for each of all zones; of names whose clocks have shown the same since 1975, one."""
    shown = {}
    for name in sorted(zoneinfo.available_timezones()):
        zone = zoneinfo.ZoneInfo(name)
        offsets = tuple(localtime.offset(moment, zone) for moment in range(5 * 365 * DAY, 68 * 365 * DAY, 25 * DAY))
        shown.setdefault(offsets, name)
    return list(shown.values())


ZONES = different_zones()


def second(text):
    return int(datetime.fromisoformat(text).timestamp())


def cron(*schedules, zone="UTC"):
    return schedule_of(Trigger.model_validate({"name": "t", "cron": {"schedules": [*schedules], "timeZone": zone}}))


def interval(every, zone="UTC", anchor=None):
    source = {"everySeconds": every, "timeZone": zone, **({"anchor": anchor} if anchor else {})}
    return schedule_of(Trigger.model_validate({"name": "t", "interval": source}))


def shown(schedule, start, count):
    found = itertools.islice(schedule.after(second(start)), count)
    return [datetime.fromtimestamp(one, schedule.zone).strftime("%d %H:%M%z") for one in found]


# What clocks do, and what becomes of a time: Debian's cron(8), "Daylight Saving Time and other time changes".
DST = [
    # Skipped: once, at the instant at which the clocks go on.
    ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00Z", ["28 02:30+0100", "29 03:00+0200", "30 02:30+0200"]),
    ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["29 03:00+0200", "30 02:00+0200", "30 02:30+0200"]),
    ("0 3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["29 03:00+0200", "30 03:00+0200"]),
    ("0 2-3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["29 03:00+0200", "30 02:00+0200", "30 03:00+0200"]),
    ("15 2 29 3 *", "Europe/Berlin", "2026-03-28T12:00Z", ["29 03:00+0200", "29 02:15+0200"]),
    ("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00Z", ["24 01:00+0300", "25 00:00+0300"]),
    ("10 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", ["04 02:30+1100", "05 02:10+1100"]),
    ("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00Z", ["29 12:00-1000", "31 00:00+1400", "31 12:00+1400"]),
    # Twice: the first time.
    ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["25 02:30+0200", "26 02:30+0100"]),
    ("0,30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["25 02:00+0200", "25 02:30+0200", "26 02:00+0100"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00Z", ["05 01:45+1100", "06 01:45+1030"]),
    ("30 1 * * *", "America/New_York", "2026-11-01T00:00Z", ["01 01:30-0400", "02 01:30-0500"]),
    # A rhythm goes by what the clocks show: twice in an hour that comes twice, never in one that is skipped.
    ("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:29Z", ["29 01:30+0100", "29 03:00+0200", "29 03:30+0200"]),
    ("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["30 02:00+0200", "30 02:30+0200"]),
    ("0 * * * *", "Europe/Berlin", "2026-10-25T00:30Z", ["25 02:00+0100", "25 03:00+0100"]),
    (
        *("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z"),
        ["25 02:00+0200", "25 02:30+0200", "25 02:00+0100", "25 02:30+0100", "26 02:00+0100"],
    ),
    ("*/30 3 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", ["04 03:00+1100", "04 03:30+1100"]),
    ("*/20 * * * *", "Australia/Lord_Howe", "2026-10-03T15:00Z", ["04 01:40+1030", "04 02:40+1100"]),
    ("*/30 0 * * *", "Africa/Cairo", "2026-04-23T12:00Z", ["25 00:00+0300", "25 00:30+0300"]),
    # In UTC nothing ever happens.
    ("30 2 * * *", "UTC", "2026-03-28T12:00Z", ["29 02:30+0000", "30 02:30+0000"]),
]


@pytest.mark.parametrize(("text", "zone", "start", "expected"), DST, ids=[f"{row[0]} {row[1]} {row[2]}" for row in DST])
def test_a_time_that_clocks_skip_or_repeat_counts_once(text, zone, start, expected):
    assert shown(cron(text, zone=zone), start, len(expected)) == expected


def test_what_several_expressions_mean_counts_once():
    both = cron("0 2 * * *", "0 */2 * * *", "0 2 * * MON-FRI")
    assert shown(both, "2026-01-05T00:30Z", 3) == ["05 02:00+0000", "05 04:00+0000", "05 06:00+0000"]


INTERVALS = [
    (900, "UTC", None, "2026-01-05T00:05Z", ["05 00:15+0000", "05 00:30+0000"]),
    (7 * HOUR, "UTC", "2026-01-01T01:00:00Z", "2026-01-01T00:00Z", ["01 01:00+0000", "01 08:00+0000"]),
    (7 * HOUR, "UTC", "2030-01-01T01:00:00Z", "2026-01-01T00:00Z", ["01 02:00+0000", "01 09:00+0000"]),
    # Below a day in UTC: the local hour moves.
    (12 * HOUR, "Europe/Berlin", None, "2026-03-28T12:00Z", ["29 00:00+0100", "29 13:00+0200", "30 01:00+0200"]),
    # From a day on the local hour stays.
    (DAY, "Europe/Berlin", None, "2026-03-28T12:00Z", ["29 00:00+0100", "30 00:00+0200"]),
    (DAY, "Europe/Berlin", "2026-01-01T01:30:00Z", "2026-03-28T12:00Z", ["29 03:00+0200", "30 02:30+0200"]),
    (DAY, "Europe/Berlin", "2026-01-01T01:30:00Z", "2026-10-24T12:00Z", ["25 02:30+0200", "26 02:30+0100"]),
    (7 * DAY, "America/New_York", "2026-01-05T14:00:00Z", "2026-03-03T00:00Z", ["09 09:00-0400", "16 09:00-0400"]),
    (DAY, "Pacific/Apia", "2011-12-01T10:00:00Z", "2011-12-29T12:00Z", ["31 00:00+1400"]),
]


@pytest.mark.parametrize(("every", "zone", "anchor", "start", "expected"), INTERVALS)
def test_steps_are_equal_below_a_day_and_keep_the_hour_from_a_day_on(every, zone, anchor, start, expected):
    assert shown(interval(every, zone, anchor), start, len(expected)) == expected


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"cron": {"schedules": ["@daily"], "timeZone": "Europe/Berlim"}}, 'did you mean "Europe/Berlin"?'),
        ({"cron": {"schedules": ["@daily"], "timeZone": "CET6CEST"}}, "there is no time zone"),
        ({"cron": {"schedules": ["@daily"], "timeZone": "Europe"}}, "there is no time zone"),
        ({"interval": {"everySeconds": 60, "anchor": "2026-13-01T00:00:00Z"}}, "is not a time such as"),
        ({"interval": {"everySeconds": 60, "anchor": "2026-01-01"}}, "is not a time such as"),
    ],
)
def test_what_does_not_exist_is_refused(source, words):
    with pytest.raises(ScheduleError) as error:
        schedule_of(Trigger.model_validate({"name": "t", **source}))
    assert words in str(error.value)


def test_no_zone_changes_its_offset_twice_within_the_step_in_which_changes_are_looked_for():
    closest = 1 << 40
    for zone in map(zoneinfo.ZoneInfo, ZONES):
        last, at = localtime.offset(0, zone), 0
        for moment in range(0, second("2045-01-01T00:00Z"), 2 * DAY):
            now = localtime.offset(moment, zone)
            if now != last:
                closest, last, at = min(closest, moment - at if at else closest), now, moment
    assert closest - 2 * DAY >= 4 * DAY  # measured in steps of two days


# Against a count of minutes, for every zone


def plainly(text, zone, start, until):
    """Give the instants by looking at every minute, as Debian's cron does, wake-ups and clock changes included."""
    minutes = list(range(start - start % 60, until + 1, 60))
    local = {moment: localtime.local(moment, zone) for moment in minutes}
    schedule = cron(text)
    if not schedule.crons[0].is_fixed:
        return [m for m in minutes if m > start and schedule.crons[0].matches(local[m])]
    found, seen = [], set()
    for earlier, moment in itertools.pairwise(minutes):
        shows, showed = local[moment], local[earlier]
        skipped = [showed + timedelta(minutes=k) for k in range(1, int((shows - showed).total_seconds()) // 60)]
        wanted = [one for one in (*skipped, shows) if one not in seen and schedule.crons[0].matches(one)]
        seen.update((*skipped, shows))
        if wanted and moment > start:
            found.append(moment)
    return found


TEXTS = ["30 2 * * *", "0,15,59 0-3 * * *", "*/20 * * * *", "*/15 2 * * *", "7 */3 * * *", "0 0 L * *", "30 1 * * SUN"]
YEARS = (second("1975-01-01T00:00Z"), second("2037-01-01T00:00Z"))


def changes(zone, rng):
    """Give some instants around which the zone's clocks change."""
    start = rng.randrange(*YEARS)
    change = localtime.first_change(start, start + 3 * 366 * DAY, zone)
    return change if change is not None else start


@pytest.mark.parametrize("part", range(4))
def test_in_every_zone_around_a_change_the_instants_are_those_of_a_plain_count(part):
    rng = random.Random(part)
    for name in ZONES[part::4]:
        zone = zoneinfo.ZoneInfo(name)
        change = changes(zone, rng) // 60 * 60
        size = abs(localtime.offset(change + DAY, zone) - localtime.offset(change - DAY, zone)) // timedelta(seconds=1)
        start = change - rng.randrange(1, 6) * HOUR
        until = change + size + 4 * HOUR
        text = rng.choice(TEXTS)
        # More in front, for a local time that was seen before the first instant that counts.
        expected = [one for one in plainly(text, zone, start - size - HOUR, until) if one > start]
        found = list(itertools.takewhile(lambda one, until=until: one <= until, cron(text, zone=name).after(start)))
        assert found == expected, (text, name, start, until)


@pytest.mark.parametrize("part", range(4))
def test_over_years_in_every_zone_instants_grow_and_look_the_same_from_wherever_one_starts(part):
    """10,000 schedule-years: each zone with several schedules, some years each."""
    rng = random.Random(part)
    for name in ZONES[part::4]:
        for text in ("30 2 1,15 * *", "0 0 L */2 *", "15 3 * * SUN#1"):
            schedule, start = cron(text, zone=name), rng.randrange(*YEARS)
            until = start + 8 * 366 * DAY
            sample = [start, *sorted(rng.sample(range(start, until), 4))]
            all_of_them = list(itertools.takewhile(lambda one, until=until: one <= until, schedule.after(start)))
            assert all_of_them == sorted(set(all_of_them))
            for moment in sample:
                following = next(one for one in schedule.after(moment))
                expected = next((one for one in all_of_them if one > moment), following)
                assert following == expected > moment, (text, name, moment)


moments = st.integers(*YEARS)
schedules = st.one_of(
    st.builds(cron, st.sampled_from(TEXTS), zone=st.sampled_from(ZONES)),
    st.builds(interval, st.integers(60, 40 * DAY), st.sampled_from(ZONES)),
)


@settings(max_examples=150, deadline=None)
@given(schedules, moments, st.integers(1, 5))
def test_the_last_before_is_the_one_after_which_the_next_comes(schedule, moment, count):
    following = list(itertools.islice(schedule.after(moment), count))
    assert latest(schedule, moment, following[-1], count) == following
    assert before(schedule, following[-1] + 1) == following[-1]
    assert before(schedule, following[0]) in (None, latest(schedule, 0, moment, 1)[-1])


def test_local_times_and_instants_agree():
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    assert localtime.instant(datetime(2026, 6, 1, 12), berlin) == second("2026-06-01T10:00Z")  # noqa: DTZ001
    assert localtime.utc(0) == datetime(1970, 1, 1, tzinfo=UTC)
