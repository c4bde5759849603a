"""How branches, failures, skips and `finally` work together, told as stories."""

import pytest

from engine.harness import Story, graph_of, pod
from tidegate.api.flow import FlowSpec
from tidegate.engine.graph import compile_flow


def test_a_handler_runs_because_of_a_failure_and_excuses_it():
    story = Story(graph_of(pod("load"), pod("alert", "load", runWhen="AnyFailed"), pod("next", "load")))
    story.step()
    story.fails("load")
    story.step()
    assert story.started() == [("alert", 1)]
    story.succeeds("alert")
    story.step()
    assert (story.letters, story.condition) == ("FSU", ("True", "CompletedWithWarnings"))


@pytest.mark.parametrize("rule", ["AllDone", "AnyDone", "Always"])
def test_a_task_that_runs_whatever_happens_excuses_nothing(rule: str):
    story = Story(graph_of(pod("load"), pod("tidy", "load", runWhen=rule)))
    story.step()
    story.fails("load")
    story.step()
    story.succeeds("tidy")
    story.step()
    assert (story.letters, story.condition) == ("FS", ("False", "TaskFailed"))


def test_a_handler_that_fails_excuses_nothing():
    story = Story(graph_of(pod("load"), pod("alert", "load", runWhen="AnyFailed")))
    story.step()
    story.fails("load")
    story.step()
    story.fails("alert")
    story.step()
    assert story.condition == ("False", "TaskFailed")


def test_a_handler_without_a_failure_is_skipped_and_the_run_completes():
    story = Story(graph_of(pod("load"), pod("alert", "load", runWhen="AnyFailed")))
    story.step()
    story.succeeds("load")
    story.step()
    assert (story.letters, story.condition) == ("SK", ("True", "Completed"))
    assert story.row("alert")["reason"] == "RuleNotMet"


def test_a_task_that_may_fail_counts_as_succeeded_for_what_needs_it():
    story = Story(graph_of(pod("lint", allowFailure=True), pod("ship", "lint")))
    story.step()
    story.fails("lint")
    story.step()
    assert story.started() == [("ship", 1)]
    story.succeeds("ship")
    story.step()
    assert (story.letters, story.condition) == ("FS", ("True", "CompletedWithWarnings"))


def test_a_blocked_task_counts_as_failed_further_down_and_as_skipped_for_the_result():
    story = Story(
        graph_of(pod("a", allowFailure=False), pod("b", "a"), pod("c", "b", runWhen="AnyFailed"), pod("d", "b"))
    )
    story.step()
    story.fails("a")
    story.step()
    assert (story.letters, story.started()) == ("FUIU", [("c", 1)])
    assert (story.row("b")["state"], story.row("b")["reason"]) == ("Skipped", "UpstreamFailed")


def test_any_acts_on_the_first_need_that_decides_and_never_sees_the_others_later():
    flow = graph_of(
        pod("fast"),
        pod("slow"),
        pod(
            "first",
            "fast",
            "slow",
            runWhen="AnySucceeded",
            args=["$[[ tasks.slow.state ]]"],
        ),
    )
    story = Story(flow)
    story.step()
    story.succeeds("fast")
    plan = story.step()
    assert next(a for a in plan.actions if getattr(a, "task", "") == "first").inputs.args == ("Pending",)
    story.succeeds("slow")
    story.step()
    story.reload()
    plan = story.step()
    again = next(a for a in plan.actions if getattr(a, "task", "") == "first")
    assert (again.fresh, again.inputs.args) == (False, ("Pending",))


def test_fail_fast_starts_nothing_new_but_lets_live_ones_end():
    story = Story(graph_of(pod("a"), pod("b"), pod("c", "b"), pod("d", retry={"limit": 3}), failFast=True))
    story.step()
    story.fails("d")
    story.step()
    assert story.letters == "IIPR"
    story.fails("a")
    story.step()
    assert story.letters == "FIKF"
    story.succeeds("b")
    story.step()
    assert (story.letters, story.condition) == ("FSKF", ("False", "TaskFailed"))
    assert story.row("c")["reason"] == "FailFast"


def test_finally_runs_when_all_has_ended_and_sees_how():
    flow = graph_of(
        pod("work"),
        **{"finally": [pod("report", args=["$[[ string(run.failed) + ' ' + run.reason ]]"]), pod("tidy", "report")]},
    )
    story = Story(flow)
    story.step()
    assert story.letters == "IPP"
    story.fails("work")
    plan = story.step()
    assert story.started() == [("report", 1)]
    assert next(a for a in plan.actions if getattr(a, "task", "") == "report").inputs.args == ("true TaskFailed",)
    story.succeeds("report")
    story.step()
    story.succeeds("tidy")
    story.step()
    assert (story.letters, story.condition) == ("FSS", ("False", "TaskFailed"))


def test_a_failure_in_finally_fails_the_run_unless_it_may_fail():
    for allowed, condition in ((False, ("False", "TaskFailed")), (True, ("True", "CompletedWithWarnings"))):
        story = Story(graph_of(pod("work"), **{"finally": [pod("tidy", allowFailure=allowed)]}))
        story.step()
        story.succeeds("work")
        story.step()
        story.fails("tidy")
        story.step()
        assert story.condition == condition


def test_an_alert_in_finally_excuses_nothing():
    story = Story(graph_of(pod("a"), **{"finally": [pod("alert", "a", runWhen="AnyFailed")]}))
    story.step()
    story.fails("a")
    story.step()
    story.succeeds("alert")
    story.step()
    assert (story.letters, story.condition) == ("FS", ("False", "TaskFailed"))


def test_finally_may_look_at_single_tasks_and_react_to_their_failure_only():
    flow = graph_of(pod("a"), pod("b"), **{"finally": [pod("alert", "a", runWhen="AnyFailed")]})
    story = Story(flow)
    story.step()
    story.succeeds("a")
    story.fails("b")
    story.step()
    assert (story.letters, story.condition) == ("SFK", ("False", "TaskFailed"))


@pytest.mark.parametrize(("desired", "letters"), [("Cancelled", "XPP"), ("Terminated", "XZZ")])
def test_finally_runs_after_a_cancel_and_not_after_a_termination(desired: str, letters: str):
    story = Story(graph_of(pod("work"), **{"finally": [pod("tidy"), pod("last", "tidy")]}))
    story.step()
    story.runs("work")
    story.step()
    story.desired = desired
    story.step()
    assert story.letters == letters


def test_no_task_may_need_one_of_finally():
    spec = FlowSpec.model_validate({"tasks": [pod("a", "z")], "finally": [pod("z")]})
    graph, found = compile_flow(spec)
    assert graph is None
    assert [(f.keys, f.message) for f in found] == [
        (
            ("spec", "tasks", 0, "needs", 0),
            '"z" is in finally, which begins when all tasks have ended: no task can wait for it',
        )
    ]


def test_a_rule_that_wants_a_need_is_refused_without_one():
    graph, found = compile_flow(FlowSpec.model_validate({"tasks": [pod("a", runWhen="AnyFailed")]}))
    assert graph is None
    assert found[0].keys == ("spec", "tasks", 0, "runWhen")
    assert "never holds without needs" in found[0].message


def test_only_finally_and_outputs_may_ask_how_the_run_went():
    spec = {"tasks": [pod("a", args=["$[[ run.reason ]]"])], "outputs": [{"name": "x", "value": "$[[ run.reason ]]"}]}
    graph, found = compile_flow(FlowSpec.model_validate(spec))
    assert graph is None
    assert [f.keys for f in found] == [("spec", "tasks", 0, "args", 0)]


def test_a_task_of_finally_that_was_named_before_a_crash_is_rendered_the_same_after_it():
    story = Story(graph_of(pod("work"), **{"finally": [pod("tidy", args=["$[[ run.reason ]]"])]}))
    story.step()
    story.fails("work")
    story.step()
    story.reload()
    plan = story.step()
    again = next(a for a in plan.actions if getattr(a, "task", "") == "tidy")
    assert (story.letters, again.fresh, again.inputs.args) == ("FI", False, ("TaskFailed",))


def test_finally_begins_with_the_step_in_which_the_last_task_could_not_even_start():
    broken = pod("b", "a", args=["$[[ string(tasks.a.?outputs.?n.orValue(0)) ]]"], runWhen="AllDone")
    empty = pod("a", forEach={"items": []})
    story = Story(graph_of(empty, broken, pod("c", "b"), **{"finally": [pod("z")]}))
    story.step()
    assert story.letters == "SFUI"
