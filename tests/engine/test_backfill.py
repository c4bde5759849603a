"""Backfills: which instants get runs, in which order, and what is told of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate.api.backfill import BackfillSpec, Order, Reprocess
from tidegate.api.flow import FlowSpec
from tidegate.engine import backfill as rules
from tidegate.engine.backfill import Before
from tidegate.engine.backfilling import Frozen, Progress, has_passed, outcome_of, over, running, told
from tidegate.engine.schedules import schedule_of

HOURLY = {"name": "hourly", "cron": {"schedules": ["0 * * * *"]}}


def a_spec(since="2026-05-20T10:00:00Z", until="2026-05-20T13:00:00Z", **more) -> BackfillSpec:
    data = {"flowRef": {"name": "etl"}, "trigger": "hourly", "from": since, "to": until, **more}
    return BackfillSpec.model_validate(data)


def a_flow(*triggers, **spec) -> FlowSpec:
    tasks = [{"name": "a", "set": {"x": 1}}]
    return FlowSpec.model_validate({"tasks": tasks, "triggers": [*triggers], **spec})


def hours(spec: BackfillSpec) -> list[int]:
    """Give at which hours of that day it has instants."""
    trigger = rules.trigger_of(spec, a_flow(HOURLY))
    assert trigger is not None
    return [second % 86_400 / 3600 for second in rules.instants_of(schedule_of(trigger), spec)]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-05-20T10:00:00Z", "2026-05-20T13:00:00Z", [10, 11, 12]),
        ("2026-05-20T10:00:00.5Z", "2026-05-20T13:00:00.5Z", [11, 12, 13]),
        ("2026-05-20T12:00:00+02:00", "2026-05-20T14:59:59+02:00", [10, 11, 12]),
        ("2026-05-20T10:00:01Z", "2026-05-20T11:00:00Z", []),
    ],
)
def test_from_is_inside_and_to_is_not(since, until, expected):
    assert hours(a_spec(since, until)) == expected


def test_nothing_is_before_1970():
    assert rules.span_of(a_spec("0001-01-01T00:00:00Z"))[0] == 1


@pytest.mark.parametrize(
    ("since", "until", "message"),
    [
        ("2026-05-20T13:00:00Z", "2026-05-20T10:00:00Z", "from must be earlier than to; found 2026-05-20T13"),
        ("2026-05-20T13:00:00Z", "2026-05-20T15:00:00+02:00", "from must be earlier than to"),
        ("2026-05-20", "2026-05-21T00:00:00Z", '"2026-05-20" is not a time such as'),
        ("2026-05-20T13:00:00Z", "2026-05-21T00:00:00", '"2026-05-21T00:00:00" is not a time'),
        ("2026-05-20T13:00:00Z", "2026-05-32T00:00:00Z", "is not a time"),
    ],
)
def test_a_range_that_is_none_is_refused(since, until, message):
    with pytest.raises(ValidationError, match=message):
        a_spec(since, until)


SUCCEEDED = Before("good", 1.0, ended=True, succeeded=True)
FAILED = Before("bad", 2.0, ended=True, succeeded=False)
AGAIN = Before("again", 2.0, ended=True, succeeded=True)
"""Created in the same second as the one that failed."""
LIVE = Before("live", 3.0, ended=False, succeeded=False)


@pytest.mark.parametrize(
    ("runs", "none", "failed"),
    [
        ([], "", ""),
        ([SUCCEEDED], "it has run good", "its run good succeeded"),
        ([FAILED], "it has run bad", ""),
        ([LIVE], "it has run live", "its run live has not ended"),
        ([FAILED, SUCCEEDED], "it has run bad", ""),
        ([LIVE, FAILED], "it has run live", "its run live has not ended"),
        ([FAILED, AGAIN], "it has run again", "its run again succeeded"),
    ],
)
def test_what_has_a_run_gets_another_only_if_that_is_asked_for(runs, none, failed):
    def why(reprocess: Reprocess) -> str:
        return rules.passed_over([5, 7], {7: runs}, reprocess).get(1, "")

    assert (why(Reprocess.NONE), why(Reprocess.FAILED), why(Reprocess.ALL)) == (none, failed, "")


@pytest.mark.parametrize(
    ("given", "flow", "message"),
    [
        ({"params": {"regoin": 1}}, {"params": [{"name": "region"}]}, 'unknown param "regoin"; did you mean "region"?'),
        ({"params": {"x": 1}}, {}, 'unknown param "x"; the Flow has none'),
        ({"params": {"n": "a"}}, {"params": [{"name": "n", "type": "integer"}]}, 'got "a"; expected an integer'),
        (
            {"since": "2024-05-20T10:00:00Z"},
            {},
            "to 2026-05-20T13:00:00Z there are 17,523 instants; a Backfill takes at most 10,000: make several",
        ),
        ({"since": "2001-05-20T10:00:00Z"}, {}, "there are more than 20,000 instants"),
    ],
)
def test_what_is_wrong_is_told(given, flow, message):
    spec, flow_spec = a_spec(**given), a_flow(HOURLY, **flow)
    trigger = rules.trigger_of(spec, flow_spec)
    assert trigger is not None
    (finding,) = rules.check(spec, flow_spec, trigger)
    assert message in finding.message


def test_a_trigger_that_is_not_there_is_told_with_those_that_are():
    spec = a_spec(trigger="hurly")
    assert rules.trigger_of(spec, a_flow(HOURLY)) is None
    assert (
        'Flow etl has no trigger "hurly"; did you mean "hourly"?' in rules.unknown_trigger(spec, a_flow(HOURLY)).message
    )
    assert rules.unknown_trigger(spec, a_flow()).message.endswith("; it has none")


FROZEN = Frozen("uid", {"name": "hourly"}, "0 * * * * UTC")


def a_progress(**more) -> Progress:
    return Progress(**{"frozen": FROZEN, "started": 100.0, "total": 5, **more})


@given(
    st.sets(st.integers(0, 30)),
    st.lists(st.sampled_from(["start", "skip", "hopeless"]), max_size=40),
    st.sampled_from(list(Order)),
)
def test_each_instant_is_dealt_with_once_in_order_also_after_a_crash(passed, deeds, order):
    instants = range(1000, 1031)
    progress = a_progress(frozen=Frozen("u", {}, "", rules.mask_of(list(passed))), total=31, skipped=len(passed))
    seen = []
    for deed in deeds:
        progress = Progress.parse(progress.dump())
        second = next(progress.pending(instants, order), None)
        if second is None:
            break
        assert not has_passed(progress.handled, second, order)
        seen.append(second)
        if deed == "start":
            progress = progress.with_started(second, f"uid-{second}").with_ended(f"uid-{second}", None)
        else:
            progress = progress.with_skipped(second) if deed == "skip" else progress.with_hopeless(second, "no")
        assert has_passed(progress.handled, second, order)
    wanted = [second for second in instants if second - 1000 not in passed]
    wanted = wanted if order is Order.OLDEST_FIRST else wanted[::-1]
    assert seen == wanted[: len(deeds)]
    assert progress.done == len(passed) + len(seen)


@given(st.sets(st.integers(0, 9999), max_size=4000))
def test_what_is_passed_over_stays_small_in_status(numbers):
    frozen = Frozen("u", {}, "", rules.mask_of(sorted(numbers)))
    assert Frozen.parse(frozen.dump()) == frozen
    assert len(frozen.dump().get("passedOver", "")) < 1700


def test_a_run_is_counted_once():
    progress = a_progress().with_started(7, "a").with_started(9, "b").with_ended("a", None).with_ended("b", "why")
    assert (progress.succeeded, progress.failed, progress.live, progress.last_failure) == (1, 1, (), "why")
    assert progress.dump()["counts"] == {"total": 5, "running": 0, "succeeded": 1, "failed": 1, "skipped": 0}
    assert progress.dump()["progress"] == "2/5"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"succeeded": 5}, (True, "Completed", "5 instants ran well")),
        ({"succeeded": 1, "skipped": 4}, (True, "Completed", "1 instant ran well, 4 skipped")),
        (
            {"succeeded": 3, "failed": 2, "last_failure": "run x: TaskFailed"},
            (False, "RunsFailed", "2 of 5 instants failed; the last: run x: TaskFailed"),
        ),
    ],
)
def test_the_end_says_how_it_went(counts, expected):
    outcome = outcome_of(a_progress(**counts))
    assert (outcome.succeeded, outcome.reason, outcome.message) == expected


def test_where_it_stands_is_one_sentence():
    live = tuple((second * 3600, str(second)) for second in range(5))
    assert running(a_progress(total=40), {}, 36_000) == (
        "Running",
        "no run is live; 40 instants left, next 1970-01-01T10:00:00Z",
    )
    reason, message = running(a_progress(total=6, live=live), {"desiredState": "Paused"}, 36_000)
    assert reason == "Paused"
    assert message.startswith("it is paused with 1 instant left; live are the runs of 1970-01-01T00:00:00Z, 1970-")
    assert message.endswith(" 1970-01-01T02:00:00Z and 2 more")


def test_the_status_is_one_that_kubectl_wait_and_gitops_tools_understand():
    going = told({}, a_progress().dump(), "Running", "it goes on", (3, 200.0))
    assert [(c["type"], c["status"]) for c in going["conditions"]] == [
        ("Succeeded", "Unknown"),
        ("Reconciling", "True"),
    ]
    assert (going["why"], going["observedGeneration"]) == ("it goes on", 3)
    assert told(going, {}, "Held", "by x", (3, 200.0))["why"] == "Held: by x"
    done = over(going, {}, outcome_of(a_progress(succeeded=5)), (3, 300.0))
    assert [(c["type"], c["status"]) for c in done["conditions"]] == [("Succeeded", "True")]
    bad = over(going, {}, outcome_of(a_progress(failed=5)), (3, 300.0))
    assert [(c["type"], c["status"]) for c in bad["conditions"]] == [("Succeeded", "False"), ("Stalled", "True")]
    assert done["completionTime"] == "1970-01-01T00:05:00Z"


def test_a_trigger_without_a_schedule_is_told():
    webhook = {"secretRef": {"name": "s", "key": "k"}, "verify": "GitHub"}
    flow = a_flow({"name": "pushed", "webhook": webhook})
    (finding,) = rules.check(a_spec(trigger="pushed"), flow, flow.triggers[0])
    assert finding.message == "trigger pushed has no schedule: a Backfill is of instants of a cron or an interval"
