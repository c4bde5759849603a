"""Triggers that follow other Flows: what counts, what makes a set, and what is remembered."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.api.flow import FlowSpec
from tidegate.api.triggers import MAX_HANDLED, AfterFlows, Trigger
from tidegate.engine import afterflows, upstream
from tidegate.engine.afterflows import KEPT, SLACK
from tidegate.engine.graph import compile_flow
from tidegate.engine.marks import Mark, When
from tidegate.engine.occasion import Occasion
from tidegate.engine.triggers import Start, check_loops, compile_trigger, start_of
from tidegate.engine.upstream import Ended
from tidegate.errors import ExpressionError

NOON = int(datetime(2026, 5, 20, 12, tzinfo=UTC).timestamp())
TEXT = "any of a: Succeeded"


def after(*flows, **more):
    return AfterFlows.model_validate({"flows": [*flows], **more})


def trigger(*flows, suspend=False, **more):
    return Trigger.model_validate({"name": "t", "suspend": suspend, "flow": {"flows": [*flows], **more}})


def run(name, second, flow=None):
    return Ended(NOON + second, f"uid-{name}", flow or name[0], name)


def a_run(name="load-1", *, reason="Completed", succeeded="True", flow="load", **status):
    ready = {"type": "Succeeded", "status": succeeded, "reason": reason}
    ended = {"completionTime": "2026-05-20T12:00:00Z", "conditions": [ready]}
    meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-05-20T11:00:00Z"}
    return {"metadata": meta, "spec": {"flowRef": {"name": flow}}, "status": {**ended, **status}}


# What counts


@pytest.mark.parametrize(
    ("reason", "succeeded", "result"),
    [
        ("Completed", "True", "Succeeded"),
        ("CompletedWithWarnings", "True", "Succeeded"),
        ("TaskFailed", "False", "Failed"),
        ("DeadlineExceeded", "False", "Failed"),
        ("InvalidParams", "False", "Failed"),
        ("Cancelled", "False", "Cancelled"),
        ("ReplacedBy", "False", "Cancelled"),
        ("ConcurrencyForbidden", "False", "Cancelled"),
        ("QueueFull", "False", "Cancelled"),
        ("ParentStopped", "False", "Cancelled"),
        ("TriggerPassed", "False", None),
    ],
)
def test_how_a_run_ended(reason, succeeded, result):
    assert upstream.result_of(a_run(reason=reason, succeeded=succeeded)) == result


def test_what_lives_or_only_holds_a_name_has_no_result():
    living = a_run()
    del living["status"]["completionTime"]
    held = a_run(reason="Cancelled", succeeded="False")
    held["metadata"]["labels"] = {"tidegate.dev/tombstone": "true"}
    assert (upstream.result_of(living), upstream.result_of(held)) == (None, None)


def test_only_results_that_are_asked_for_count():
    failed = a_run(reason="TaskFailed", succeeded="False")
    assert upstream.ended(failed, after("load").results) is None
    assert upstream.ended(failed, after("load", results=["Failed", "Cancelled"]).results) == Ended(
        NOON, "uid-load-1", "load", "load-1"
    )


# Beginning


@pytest.mark.parametrize(
    ("change", "is_anew"),
    [
        ({}, False),
        ({"suspend": True}, True),
        ({"results": ["Failed"]}, True),
        ({"all": True}, True),
    ],
)
def test_what_is_edited_or_suspended_begins_anew(change, is_anew):
    mark = Mark("t", TEXT, NOON - 100, handled_runs=((NOON - 50, "x"),), started=((NOON, "y"),), missed=3)
    edited = trigger("a", **change)
    fresh = afterflows.begun(edited, afterflows.text_of(edited.flow), mark, [], When(NOON, NOON))
    assert (fresh is not None) is is_anew
    if fresh is not None:
        assert (fresh.handled_runs, fresh.started, fresh.missed) == ((), ((NOON, "y"),), 3)
        assert afterflows.unhandled(fresh, [run("a1", -10)]) == []


def test_what_ended_before_a_trigger_was_added_is_passed_over_and_what_ends_then_is_not():
    known = [run("a1", -60), run("a2", 0)]
    fresh = afterflows.begun(trigger("a"), TEXT, None, known, When(NOON + 0.7, NOON + 0.7))
    assert afterflows.unhandled(fresh, [*known, run("a3", 0)]) == [run("a3", 0)]


def test_a_trigger_of_a_flow_that_was_never_edited_counts_from_its_creation():
    fresh = afterflows.begun(trigger("a"), TEXT, None, [run("a1", 5)], When(NOON + 60, NOON))
    assert afterflows.unhandled(fresh, [run("a0", -1), run("a1", 5)]) == [run("a1", 5)]


def test_more_than_can_be_remembered_is_passed_over_by_time():
    known = [Ended(NOON, f"uid-{n}", "a", f"a-{n}") for n in range(MAX_HANDLED + 1)]
    fresh = afterflows.begun(trigger("a"), TEXT, None, known, When(NOON, NOON))
    assert (afterflows.unhandled(fresh, known), fresh.handled_runs) == ([], ())


# What is remembered


def test_what_is_handled_is_never_due_again_also_when_it_is_forgotten():
    runs = [run(f"a{n}", n) for n in range(20)]
    mark = Mark("t", TEXT, NOON)
    for one in runs[:12]:
        mark = afterflows.handle(mark, one)
    assert afterflows.unhandled(mark, reversed(runs)) == runs[12:]
    shorter = afterflows.forget(mark, NOON + 10)
    assert [uid for _, uid in shorter.handled_runs] == ["uid-a10", "uid-a11"]
    assert afterflows.unhandled(shorter, runs) == runs[12:]
    assert afterflows.forget(shorter, NOON) == shorter


@pytest.mark.parametrize(
    ("old", "new", "is_long"),
    [(0, 0, False), (KEPT - 1, KEPT, False), (KEPT, 0, True), (0, MAX_HANDLED, False), (1, MAX_HANDLED - 1, True)],
)
def test_when_it_is_time_to_forget(old, new, is_long):
    ends = [(NOON - SLACK - 1, f"old-{n}") for n in range(old)] + [(NOON - SLACK, f"new-{n}") for n in range(new)]
    assert afterflows.is_long(Mark("t", "", NOON - 1000, handled_runs=tuple(ends)), NOON) is is_long


def test_a_mark_is_the_same_when_it_is_read_again():
    mark = Mark("t", "all of a, b", NOON, handled_runs=((NOON, "x"),), waiting=(run("a1", 1),))
    assert Mark.parse(mark.dump()) == mark


def test_a_run_that_waits_is_not_passed_until_it_is_in_a_set():
    mark = afterflows.handle(Mark("t", "", NOON, waiting=(run("a1", 1),)), run("a1", 1))
    assert not afterflows.is_passed(mark, NOON + 1, "uid-a1")
    assert not afterflows.is_passed(mark, NOON + 1, "uid-b1")
    assert afterflows.is_passed(mark, NOON - 1, "uid-b0")
    assert afterflows.is_passed(Mark("t", "", NOON, handled_runs=mark.handled_runs), NOON + 1, "uid-a1")


# Sets


def joined(source, *runs):
    """Give the sets that come of runs, one after another, and who waits in the end."""
    waiting, sets, dropped = (), [], []
    for one in runs:
        step = afterflows.join(source, waiting, one)
        waiting, dropped = step.waiting, [*dropped, *step.dropped]
        sets += [[each.name for each in step.complete]] if step.complete else []
    return sets, [each.name for each in waiting], [each.name for each in dropped]


WITHIN = after("a", "b", all=True, withinSeconds=100)
SETS = [
    ("one of each", [("a1", 0), ("b1", 100)], ([["a1", "b1"]], [], [])),
    ("too far apart", [("a1", 0), ("b1", 101)], ([], ["b1"], ["a1"])),
    ("the latest counts", [("a1", 0), ("a2", 50), ("b1", 60)], ([["a2", "b1"]], [], ["a1"])),
    ("each once", [("a1", 0), ("b1", 1), ("b2", 2)], ([["a1", "b1"]], ["b2"], [])),
    ("again and again", [("a1", 0), ("b1", 1), ("b2", 2), ("a2", 3)], ([["a1", "b1"], ["b2", "a2"]], [], [])),
    ("heard of late", [("a2", 50), ("a1", 0), ("b1", 60)], ([["a2", "b1"]], [], ["a1"])),
    ("too late for all", [("b1", 200), ("a1", 0)], ([], ["b1"], ["a1"])),
]


@pytest.mark.parametrize(("runs", "found"), [case[1:] for case in SETS], ids=[case[0] for case in SETS])
def test_which_runs_make_a_set(runs, found):
    assert joined(WITHIN, *(run(*one) for one in runs)) == found


def test_one_flow_is_a_set_of_its_own():
    assert joined(after("a", all=True), run("a1", 0), run("a2", 1))[0] == [["a1"], ["a2"]]


MANY = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 300)), max_size=40)


@given(MANY, st.booleans())
def test_sets_are_whole_within_the_window_and_use_a_run_once(drawn, is_in_order):
    source = after("a", "b", "c", all=True, withinSeconds=60)
    runs = [run(f"{flow}{number}", second) for number, (flow, second) in enumerate(drawn)]
    waiting, used = (), []
    for one in sorted(runs) if is_in_order else runs:
        step = afterflows.join(source, waiting, one)
        known = {*waiting, one}
        assert len(known) == len(step.waiting) + len(step.complete) + len(step.dropped)
        assert known == {*step.waiting, *step.complete, *step.dropped}
        waiting = step.waiting
        if step.complete:
            assert sorted(each.flow for each in step.complete) == ["a", "b", "c"]
            assert max(step.complete).second - min(step.complete).second <= 60
        used += [*step.complete, *step.dropped]
        # Whoever waits can still be in a set with those that wait with it: nobody waits in vain, and no set is missed.
        assert len({each.flow for each in waiting}) == len(waiting) < 3
        assert not waiting or max(waiting).second - min(waiting).second <= 60
    assert len(used) == len(set(used))
    assert not {*used} & {*waiting}


@given(MANY)
def test_what_is_dropped_was_overtaken_or_left_alone(drawn):
    source = after("a", "b", "c", all=True, withinSeconds=60)
    waiting, past = (), []
    for one in sorted(run(f"{flow}{number}", second) for number, (flow, second) in enumerate(drawn)):
        step = afterflows.join(source, waiting, one)
        past.append(one)
        for lost in step.dropped:
            is_overtaken = any(later.flow == lost.flow and later > lost for later in past)
            assert is_overtaken or past[-1].second - lost.second > 60
        waiting = step.waiting


def test_who_waits_is_told():
    source = after("a", "b", "c", all=True)
    assert afterflows.waits_for(source, [run("b1", 1), run("a1", 0)]) == "a1, b1 wait for a run of c"
    assert afterflows.expires(source, run("a1", 0)) == NOON + 86_400 + SLACK


# What expressions see


def started(source, runs, **more):
    compiled = compile_trigger(Trigger.model_validate({"name": "t", "flow": source, **more}))
    occasion = Occasion("t", "Flow", float(NOON), id="x")
    event = upstream.event_of(compiled.trigger.flow, runs)
    return start_of(compiled, occasion, {"name": "f-1", "namespace": "ns", "flow": "f"}, event)


def test_a_run_takes_what_its_trigger_picks_of_the_run_before():
    frozen = {"params": {"region": "eu"}, "trigger": {"time": "2026-05-20T02:00:00Z"}}
    before = a_run(runOutputs={"rows": 42}, frozen=frozen, startTime="2026-05-20T11:30:00Z")
    params = {
        "rows": "$[[ event.run.outputs.rows ]]",
        "region": "$[[ event.run.params.region ]]",
        "night": "$[[ event.run.scheduledTime ]]",
        "minutes": "$[[ (event.run.completionTime - event.run.startTime).getMinutes() ]]",
    }
    assert started({"flows": ["load"]}, [before], params=params, labels={"of": "$[[ event.run.name ]]"}) == Start(
        {"rows": 42, "region": "eu", "night": "2026-05-20T02:00:00Z", "minutes": 30}, {"of": "load-1"}
    )


def test_of_a_set_each_run_goes_by_the_name_of_its_flow():
    runs = [a_run(runOutputs={"n": 1}), a_run("map-v2-1", flow="map-v2", runOutputs={"n": 2})]
    source = {"flows": ["load", "map-v2"], "all": True}
    params = {"sum": '$[[ event.runs.load.outputs.n + event.runs["map-v2"].outputs.n ]]'}
    assert started(source, runs, params=params).params == {"sum": 3}


def test_when_may_look_at_the_run_before():
    assert started({"flows": ["load"]}, [a_run()], when="event.run.reason == 'Completed'") is not None
    assert started({"flows": ["load"]}, [a_run()], when="event.run.result != 'Succeeded'") is None
    with pytest.raises(ExpressionError):
        started({"flows": ["load"]}, [a_run()], when="event.run.outputs.rows > 0")


def findings(flow, **more):
    spec = {"tasks": [{"name": "a", "set": {"x": 1}}], "triggers": [{"name": "t", "flow": flow, **more}]}
    spec = FlowSpec.model_validate(spec)
    found = [*compile_flow(spec)[1], *check_loops("me", spec)]
    return [("/".join(map(str, f.keys[3:])), f.message) for f in found]


@pytest.mark.parametrize(
    ("flow", "more", "place", "words"),
    [
        ({"flows": ["a"], "withinSeconds": 60}, {}, "flow/withinSeconds", "only with all: true"),
        ({"flows": ["a"]}, {"when": "event.run.rows > 1"}, "when", "rows"),
        ({"flows": ["a"]}, {"when": "event.runs.a.uid == ''"}, "when", "runs"),
        ({"flows": ["a", "b"], "all": True}, {"when": "event.runs.c.uid == ''"}, "when", "c"),
        ({"flows": ["a"]}, {"labels": {"x": "$[[ event.uid ]]"}}, "labels/x", "uid"),
        ({"flows": ["a", "me"]}, {}, "flow/flows/1", "is this Flow itself"),
    ],
)
def test_a_mistake_is_found_with_its_place(flow, more, place, words):
    found = findings(flow, **more)
    assert [where for where, _ in found] == [place], found
    assert words in found[0][1]


def test_a_good_trigger_is_found_good():
    flow = {"flows": ["a", "b"], "results": ["Failed"], "all": True, "withinSeconds": 60}
    spec = {
        "tasks": [{"name": "a", "set": {"x": 1}}],
        "params": [{"name": "n", "type": "integer"}],
        "triggers": [{"name": "t", "flow": flow, "params": {"n": "$[[ event.runs.a.outputs.n ]]"}}],
    }
    assert compile_flow(FlowSpec.model_validate(spec))[1] == []


def test_the_id_of_a_run_is_its_uid_and_that_of_a_set_begins_with_the_last():
    one, two = run("a1", 0), run("b1", 1)
    assert upstream.id_of(after("a"), [one]) == "uid-a1"
    known = upstream.id_of(WITHIN, [two, one])
    assert known == upstream.id_of(WITHIN, [one, two]) != upstream.id_of(WITHIN, [run("a2", 0), two])
    assert upstream.last_uid(known) == upstream.last_uid("uid-b1") == "uid-b1"
