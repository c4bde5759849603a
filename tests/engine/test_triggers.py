"""Triggers: what is wrong with them is found when the Flow is applied; what a run takes from one; what it sees."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from engine.harness import graph_of
from tidegate.api.flow import FlowSpec
from tidegate.api.triggers import Trigger
from tidegate.engine.admission import resolve_params
from tidegate.engine.graph import compile_flow
from tidegate.engine.occasion import Occasion
from tidegate.engine.run import Run
from tidegate.engine.schedules import schedule_of
from tidegate.engine.triggers import Start, compile_trigger, occasion_of, start_of
from tidegate.errors import ExpressionError

TASK = {"name": "a", "set": {"x": 1}}
DAILY = {"schedules": ["0 2 * * *"], "timeZone": "Europe/Berlin"}
HOOK = {"secretRef": {"name": "hook", "key": "token"}}
NIGHT = int(datetime(2026, 3, 29, 0, tzinfo=UTC).timestamp())
"""Two o'clock in Berlin on the night in which the clocks go on: in another hour."""


def findings(*triggers, params=()):
    spec = {"tasks": [TASK], "params": [*params], "triggers": [{"name": f"t{n}", **t} for n, t in enumerate(triggers)]}
    _, found = compile_flow(FlowSpec.model_validate(spec))
    return [("/".join(map(str, f.keys[1:])), f.message) for f in found]


REGION = {"name": "region", "type": "string", "enum": ["eu", "us"]}
WRONG = [
    ({"cron": {"schedules": ["@daily", "0 0 31 2 *"]}}, "triggers/0/cron/schedules/1", "names a date that never comes"),
    ({"cron": {**DAILY, "timeZone": "Mars/Olympus"}}, "triggers/0/cron/timeZone", "there is no time zone"),
    ({"interval": {"everySeconds": 60, "timeZone": "Utc2"}}, "triggers/0/interval/timeZone", "there is no time zone"),
    ({"interval": {"everySeconds": 60, "anchor": "now"}}, "triggers/0/interval/anchor", "is not a time such as"),
    ({"cron": DAILY, "when": "run.scheduledTime"}, "triggers/0/when", "expected true or false"),
    ({"cron": DAILY, "when": "run.uid == ''"}, "triggers/0/when", "uid"),
    ({"cron": DAILY, "when": "params.region == 'eu'"}, "triggers/0/when", "params"),
    ({"cron": DAILY, "labels": {"day": "$[[ run.dat ]]"}}, "triggers/0/labels/day", "date"),
    ({"cron": DAILY, "params": {"regoin": "eu"}}, "triggers/0/params/regoin", 'did you mean "region"?'),
    ({"cron": DAILY, "params": {"region": "mars"}}, "triggers/0/params/region", '"eu", "us"'),
    ({"cron": DAILY, "params": {"region": "$[[ tasks.a ]]"}}, "triggers/0/params/region", "tasks"),
    ({"cron": DAILY}, "triggers/0/params", 'requires "region", and this trigger does not give it'),
    ({"cron": DAILY, "when": "event.type == 'x'"}, "triggers/0/when", "a schedule has none"),
    ({"cron": DAILY, "params": {"region": "$[[ event.id ]]"}}, "triggers/0/params/region", "a schedule has none"),
    ({"webhook": HOOK, "when": "event.kind == 'x'"}, "triggers/0/when", 'event has no "kind"'),
    ({"webhook": HOOK, "when": "event.time == 'x'"}, "triggers/0/when", "timestamp"),
    ({"webhook": HOOK, "params": {"region": "mars"}}, "triggers/0/params/region", '"eu", "us"'),
    ({"webhook": HOOK}, "triggers/0/params", 'requires "region", and this trigger does not give it'),
]


@pytest.mark.parametrize(("trigger", "place", "words"), WRONG)
def test_a_mistake_is_found_with_its_place(trigger, place, words):
    params = [REGION] if "region" in str(trigger) + words or "regoin" in str(trigger) else []
    found = findings(trigger, params=params)
    assert place in [where for where, _ in found], found
    assert any(words in message for where, message in found if where == place), found


def test_good_triggers_are_found_good():
    eu = {"region": "$[[ run.trigger == 't0' ? 'eu' : 'us' ]]"}
    assert (
        findings({"cron": DAILY, "params": eu}, {"interval": {"everySeconds": 900}, "params": eu}, params=[REGION])
        == []
    )
    from_event = {"region": "$[[ event.data.region ]]"}
    hook = {"webhook": HOOK, "params": from_event, "labels": {"of": "$[[ event.subject ]]"}, "when": "event.data.live"}
    assert findings(hook, params=[REGION]) == []


def test_two_triggers_of_one_name_are_one_too_many():
    _, found = compile_flow(FlowSpec.model_validate({"tasks": [TASK], "triggers": [{"name": "t", "cron": DAILY}] * 2}))
    assert [(finding.keys[1:], finding.message) for finding in found] == [
        (("triggers", 1, "name"), '"t" is named twice')
    ]


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ({}, "exactly one source, of cron, interval, webhook, flow; found none"),
        ({"cron": DAILY, "interval": {"everySeconds": 60}}, "found cron and interval"),
        ({"interval": {"everySeconds": 0}}, "greater than or equal to 1"),
        ({"cron": {"schedules": []}}, "at least 1 item"),
        ({"cron": {**DAILY, "catchUp": "Some"}}, "'None', 'Latest' or 'All'"),
        ({"cron": {**DAILY, "timeZone": "../etc/passwd"}}, "pattern"),
        ({"cron": DAILY, "labels": {"tidegate.dev/run": "x"}}, "reserved"),
        ({"webhook": {}}, "webhook.secretRef"),
        ({"webhook": {"secretRef": {"name": "hook"}}}, "webhook.secretRef.key"),
        ({"webhook": {**HOOK, "verify": "None"}}, "'StandardWebhooks', 'GitHub' or 'Bearer'"),
        ({"webhook": {**HOOK, "maxPending": 0}}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_a_trigger_is_refused(trigger, words):
    with pytest.raises(ValidationError, match=words):
        Trigger.model_validate({"name": "t", **trigger})


ABOUT = {"name": "f-1", "namespace": "ns", "flow": "f"}


def started(**more):
    trigger = Trigger.model_validate({"name": "nightly", "cron": DAILY, **more})
    occasion = occasion_of(trigger, schedule_of(trigger), NIGHT + 3600)
    return start_of(compile_trigger(trigger), occasion, ABOUT)


def test_a_run_takes_what_the_trigger_makes_of_the_instant():
    params = {"day": "$[[ run.date ]]", "hours": "$[[ (run.interval.end - run.interval.start).getHours() ]]", "n": 1}
    assert started(params=params, labels={"at": "$[[ run.trigger ]]-$[[ run.flow ]]"}) == Start(
        {"day": "2026-03-29", "hours": 24, "n": 1}, {"at": "nightly-f"}
    )


def test_no_run_is_started_where_when_is_false():
    assert started(when="run.scheduledTime.getDayOfWeek(run.timeZone) != 0") is None
    assert started(when="run.scheduledTime.getDayOfWeek(run.timeZone) == 0") is not None


def test_an_expression_that_fails_says_so():
    with pytest.raises(ExpressionError):
        started(when="[1][int(run.date.substring(8))] == 1")


def test_a_run_sees_its_instant_and_the_clocks_of_its_trigger():
    trigger = Trigger.model_validate({"name": "nightly", "cron": DAILY})
    occasion = occasion_of(trigger, schedule_of(trigger), NIGHT + 3600)
    run = Run("ns", "f-1", "uid", "f", "", created=NIGHT + 9999.0, occasion=Occasion.parse(occasion.dump()))
    seen = run.context()
    assert seen["scheduledTime"] == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert (seen["trigger"], seen["timeZone"], seen["date"], seen["time"]) == (
        *("nightly", "Europe/Berlin", "2026-03-29"),
        "03:00:00",  # two o'clock is skipped
    )
    assert seen["interval"] == {"start": datetime(2026, 3, 28, 1, tzinfo=UTC), "end": seen["scheduledTime"]}


def test_a_run_without_trigger_is_meant_for_its_creation():
    seen = Run("ns", "f-1", "uid", "f", "", created=NIGHT + 1.5).context()
    assert (seen["trigger"], seen["timeZone"], seen["time"]) == ("", "UTC", "00:00:01")
    assert seen["interval"]["start"] == seen["interval"]["end"] == seen["scheduledTime"]


def test_a_zone_that_nobody_knows_any_more_is_taken_for_utc():
    occasion = Occasion.parse({"name": "t", "kind": "Cron", "time": "2026-01-01T00:00:00Z", "timeZone": "Moved/Away"})
    assert Run("ns", "f-1", "uid", "f", "", created=0.0, occasion=occasion).context()["timeZone"] == "UTC"


def test_a_default_may_be_made_of_the_instant():
    graph = graph_of(TASK, params=[{"name": "from", "type": "datetime", "default": "$[[ run.interval.start ]]"}])
    occasion = Occasion("t", "Interval", time=7200.0, start=3600.0)
    values, found = resolve_params(graph, Run("ns", "f-1", "uid", "f", "", created=0.0, occasion=occasion), {})
    assert (values, found) == ({"from": "1970-01-01T01:00:00Z"}, [])
