"""The body `flow`: child runs are named, seen to, taken for the task's end, stopped with their parent."""

import pytest

from engine.harness import Story, graph_of, pod
from tidegate.engine.actions import ConfirmChild, StopChild
from tidegate.engine.facts import Confirmed, Rejection


def call(name="call", *needs, **more):
    flow = {"name": "other", **more.pop("flow", {})}
    return {"name": name, "needs": list(needs), "flow": flow, **more}


def a_story(*tasks, **more):
    return Story(graph_of(*(tasks or (call(),)), **more.pop("spec", {})), **more)


def running(**flow):
    """Give a run whose child is at work."""
    story = a_story(call(flow=flow))
    story.step()
    story.calls("call", started=story.now, reason="Running")
    story.step()
    return story


def stops(story):
    return [action.stop for action in story.plan.actions if isinstance(action, StopChild)]


def test_a_child_is_named_before_it_is_created():
    story = a_story(call(flow={"params": {"day": "$[[ params.day ]]", "n": 1}}), params={"day": "monday"}, spec=DAY)
    story.step()
    assert (story.letters, story.plan.deciding) == ("I", True)
    (action,) = story.children_started()
    assert (action.attempt, action.fresh, action.call.flow) == ((0, 1), True, "other")
    assert dict(action.call.params) == {"day": "monday", "n": 1}


DAY = {"params": [{"name": "day", "type": "string"}]}


def test_after_a_restart_the_same_child_is_seen_to_again():
    story = a_story(call(flow={"params": {"x": "$[[ run.name ]]"}}))
    story.step()
    (before,) = story.children_started()
    story.reload()
    story.step()
    (again,) = story.children_started()
    assert (again.attempt, again.call, again.fresh) == (before.attempt, before.call, False)


def test_the_outputs_of_the_child_are_those_of_the_task():
    story = a_story(call(), {"name": "after", "needs": ["call"], "set": {"y": "$[[ tasks.call.outputs.x + 1 ]]"}})
    story.step()
    story.child_ends("call", outputs={"x": 41})
    story.step()
    assert (story.letters, story.condition) == ("SS", ("True", "Completed"))
    assert story.plan.status["outputs"] == {"call": {"x": 41}, "after": {"y": 42}}
    assert story.row("call")["child"] == "child-call"


def test_what_the_task_promises_the_child_must_have_given():
    story = a_story(call(outputs=[{"name": "rows", "type": "integer"}]))
    story.step()
    story.child_ends("call", outputs={"rows": "many"})
    story.step()
    assert (story.letters, story.row("call")["reason"]) == ("F", "OutputInvalid")


def test_a_child_that_failed_fails_its_task_with_its_own_words():
    story = a_story()
    story.step()
    story.child_ends("call", succeeded=False, reason="TaskFailed", message="load failed: ExitCode: exit code 3")
    story.step()
    assert story.letters == "F"
    assert story.row("call")["reason"] == "ChildFailed"
    assert story.row("call")["message"] == "child-call ended TaskFailed: load failed: ExitCode: exit code 3"


def test_nobody_waits_for_a_child_that_is_let_go():
    story = a_story(call(flow={"wait": False}))
    story.step()
    assert story.children_started()[0].call.detached
    story.calls("call")
    story.step()
    assert (story.letters, story.condition[1]) == ("S", "Completed")
    assert story.plan.status["outputs"] == {"call": {"run": "child-call"}}


def test_why_a_child_waits_is_told_by_its_parent():
    story = a_story()
    story.step()
    story.calls("call", reason="FlowNotFound", message='there is no Flow "other"')
    story.step()
    assert story.row("call")["state"] == "Starting"
    assert story.plan.status["why"] == 'call waits: FlowNotFound: there is no Flow "other"'


def test_a_child_takes_no_place_among_the_pods():
    story = a_story(call("one"), call("two"), pod("work"), spec={"parallelism": 1})
    story.step()
    assert story.letters == "III"


def test_a_pause_starts_no_child_and_lets_live_ones_go_on():
    story = a_story(call("one"), call("two", "one"))
    story.step()
    story.calls("one", started=story.now)
    story.desired = "Paused"
    story.child_ends("one")
    story.step()
    assert (story.letters, stops(story)) == ("SH", [])
    story.desired = "Running"
    story.step()
    assert story.letters == "SI"


# What is not there


def test_a_child_that_was_seen_and_is_not_there_is_looked_for():
    story = running()
    story.children.clear()
    story.step()
    assert story.letters == "O"
    assert [type(action) for action in story.plan.actions] == [ConfirmChild]


def test_a_deleted_child_fails_its_task_once_its_pods_are_gone():
    story = running()
    story.calls("call", tombstone=True)
    story.step()
    assert (story.letters, story.row("call")["reason"]) == ("O", "ChildDeleted")
    story.confirmed[0, 1] = frozenset({Confirmed.PODS_GONE})
    story.step()
    assert (story.letters, story.row("call")["reason"]) == ("F", "ChildDeleted")


def test_a_refusal_that_may_pass_is_told_and_tried_again():
    story = a_story(call(startDeadlineSeconds=60))
    story.step()
    story.rejections[0, 1] = Rejection("QuotaExceeded", "exceeded quota: flowruns", final=False)
    story.step()
    assert len(story.children_started()) == 1
    assert story.plan.status["why"] == "call waits: QuotaExceeded: exceeded quota: flowruns"
    story.step(61)
    assert story.letters == "Y"


def test_a_final_refusal_fails_the_task():
    story = a_story()
    story.step()
    story.rejections[0, 1] = Rejection("ChildRejected", "spec.params: too long", final=True)
    story.step()
    assert (story.letters, story.row("call")["message"]) == ("F", "spec.params: too long")


def test_a_param_that_cannot_be_computed_fails_the_task_and_creates_nothing():
    story = a_story(call(flow={"params": {"x": "$[[ 1 / int(params.day) ]]"}}), params={"day": "0"}, spec=DAY)
    story.step()
    assert (story.letters, story.row("call")["reason"], story.children_started()) == ("F", "ExpressionFailed", [])


# Deadlines


def test_a_child_that_is_not_let_in_in_time_is_stopped_and_fails_its_task():
    story = a_story(call(startDeadlineSeconds=60))
    story.step()
    story.calls("call", reason="Queued", message="place 2")
    assert story.step().wake_at == story.now + 60
    story.step(60)
    assert story.letters == "Y"
    assert stops(story)[0].reason == "ParentStopped"
    story.child_ends("call", succeeded=False, stop="Cancelled")
    story.confirmed[0, 1] = frozenset({Confirmed.STOPPED})
    story.step()
    assert (story.letters, story.row("call")["reason"]) == ("F", "StartDeadlineExceeded")
    assert "Queued: place 2" in story.row("call")["message"]


def test_a_child_that_succeeded_unseen_is_not_failed_for_its_late_start():
    story = a_story(call(startDeadlineSeconds=60))
    story.step()
    story.calls("call")
    story.step(60)
    assert story.letters == "Y"
    story.child_ends("call", succeeded=True)
    story.step()
    assert story.letters == "S"


def test_a_child_that_has_started_may_take_its_time():
    story = running()
    story.step(1_000_000)
    assert story.letters == "O"


def test_the_default_of_the_flow_holds_for_calls():
    story = a_story(call(), spec={"taskDefaults": {"startDeadlineSeconds": 5, "retry": {"limit": 2}}})
    story.step()
    story.calls("call")
    story.step(5)
    assert story.letters == "Y"


# Stops


@pytest.mark.parametrize("desired", ["Cancelled", "Terminated"])
def test_the_stop_of_a_parent_is_that_of_its_child(desired):
    story = running()
    story.desired = desired
    story.step()
    (stop,) = stops(story)
    assert (story.letters, stop.state, stop.reason) == ("X", desired, "ParentStopped")
    story.calls("call", stop=desired)
    story.step()
    assert (story.letters, stops(story)) == ("X", [])  # it is told, and has not ended
    story.child_ends("call", succeeded=False)
    story.step()
    assert (story.letters, len(stops(story))) == ("X", 1)  # it says that it ended: look live
    story.confirmed[0, 1] = frozenset({Confirmed.STOPPED})
    story.step()
    assert (story.letters, story.condition) == ("Z", ("False", "Cancelled"))


def test_a_stricter_stop_is_told_too():
    story = running()
    story.desired = "Cancelled"
    story.step()
    story.calls("call", stop="Cancelled")
    story.desired = "Terminated"
    story.step()
    assert [stop.state for stop in stops(story)] == ["Terminated"]


def test_a_deadline_stops_children_too():
    story = a_story(call(), spec={"deadlineSeconds": 100})
    story.step()
    story.calls("call", started=story.now)
    story.step(100)
    (stop,) = stops(story)
    assert (story.letters, stop.state) == ("X", "Cancelled")
    assert "deadline of 100 s" in stop.message


def test_a_child_that_was_only_named_is_seen_through_like_any_other():
    story = a_story()
    story.step()
    story.desired = "Cancelled"
    story.step()
    assert (story.letters, len(stops(story))) == ("X", 1)


def test_finally_waits_for_stopped_children():
    story = a_story(call(), spec={"finally": [{"name": "tidy", "set": {"x": 1}}]})
    story.step()
    story.desired = "Cancelled"
    story.step()
    assert story.letters == "XP"
    story.confirmed[0, 1] = frozenset({Confirmed.STOPPED})
    story.step()
    assert story.letters == "ZS"


def test_a_reload_in_the_middle_of_a_stop_goes_on_with_it():
    story = running()
    story.desired = "Cancelled"
    story.step()
    story.reload()
    story.step()
    assert (story.letters, len(stops(story))) == ("X", 1)


# Depth


@pytest.mark.parametrize(("depth", "letter"), [(0, "I"), (9, "I"), (10, "F")])
def test_runs_call_each_other_ten_deep(depth, letter):
    story = a_story(depth=depth)
    story.step()
    assert story.letters == letter
    if letter == "I":
        assert story.children_started()[0].call.depth == depth + 1
    else:
        assert story.row("call")["reason"] == "TooDeep"


def test_the_depth_is_frozen():
    story = a_story(depth=3, root="abc")
    story.step()
    assert (story.plan.status["frozen"]["depth"], story.plan.status["frozen"]["root"]) == (3, "abc")


# What is done again


def test_work_of_a_child_has_the_same_identity_in_each_attempt_of_the_run():
    story = a_story(spec={"retry": {"limit": 1, "delaySeconds": 0}})
    story.step()
    (first,) = story.children_started()
    story.child_ends("call", succeeded=False, reason="TaskFailed")
    story.step()
    story.step(1)
    (second,) = story.children_started()
    assert (first.attempt, second.attempt) == ((0, 1), (0, 2))
    assert first.call.root == second.call.root != ""


# A child an item


def fan(**more):
    items = more.pop("items", ["a", "b", "c"])
    for_each = {"items": items, **more.pop("forEach", {})}
    return call(forEach=for_each, flow={"params": {"x": "$[[ item ]]", "n": "$[[ index ]]"}}, **more)


def test_each_item_has_a_child_of_its_own_and_their_outputs_are_a_list():
    story = a_story(fan())
    story.step()
    story.step()
    assert story.letters == "LIII"
    assert [dict(a.call.params) for a in story.children_started()] == [
        {"x": "a", "n": 0},
        {"x": "b", "n": 1},
        {"x": "c", "n": 2},
    ]
    assert len({a.call.root for a in story.children_started()}) == 3
    for number in (2, 0, 1):
        story.child_ends(f"call[{number}]", outputs={"n": number})
        story.step()
    assert (story.letters, story.condition[1]) == ("SSSS", "Completed")
    assert story.state.outputs[0] == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_no_more_children_are_live_than_for_each_says():
    story = a_story(fan(forEach={"parallelism": 2}), spec={"parallelism": 1})
    story.step()
    story.step()
    assert story.letters == "LIIP"
    story.child_ends("call[1]")
    story.step()
    assert story.letters == "LISI"


def test_items_of_a_paused_run_wait():
    story = a_story(fan(forEach={"parallelism": 1}))
    story.step()
    story.desired = "Paused"
    story.child_ends("call[0]")
    story.step()
    assert story.letters == "LSPP"


def test_with_one_failure_too_many_the_other_children_are_stopped():
    story = a_story(fan(forEach={"parallelism": 2}))
    story.step()
    story.calls("call[1]", started=story.now)
    story.child_ends("call[0]", succeeded=False, reason="TaskFailed", message="no")
    story.step()
    story.step()
    assert story.letters == "LFXZ"
    assert "too many other items failed" in stops(story)[0].message
    story.confirmed[2, 1] = frozenset({Confirmed.STOPPED})
    story.step()
    assert (story.letters, story.row("call")["reason"]) == ("FFZZ", "TooManyFailed")
    assert "ChildFailed" in story.row("call")["message"]


def test_a_failed_item_may_be_borne():
    story = a_story(fan(items=["a", "b"], forEach={"maxFailed": 1}))
    story.step()
    story.child_ends("call[0]", succeeded=False, reason="TaskFailed", message="no")
    story.child_ends("call[1]", outputs={"n": 1})
    story.step()
    assert (story.letters, story.condition[1]) == ("SFS", "CompletedWithWarnings")
    assert story.state.outputs[0] == [None, {"n": 1}]


def test_children_of_items_are_found_again_after_a_restart():
    story = a_story(fan(forEach={"parallelism": 2}))
    story.step()
    story.reload()
    story.step()
    assert story.letters == "LIIP"
    assert [dict(a.call.params)["x"] for a in story.children_started()] == ["a", "b"]
    story.child_ends("call[0]")
    story.step()
    assert story.letters == "LSII"


def test_a_param_that_fails_for_one_item_fails_that_item():
    story = a_story(
        call(
            forEach={"items": [1, 0], "maxFailed": 1},
            flow={"params": {"x": "$[[ 1 / item ]]"}},
        )
    )
    story.step()
    assert story.letters == "LIF"


@pytest.mark.parametrize(("items", "reason"), [(list(range(1001)), "TooManyItems"), (None, "ItemsInvalid")])
def test_lists_that_cannot_be_taken(items, reason):
    story = a_story(call(forEach={"items": "$[[ params.items ]]"}), params={"items": items}, spec=ITEMS)
    story.step()
    assert (story.letters, story.row("call")["reason"]) == ("F", reason)


ITEMS = {"params": [{"name": "items", "type": "array", "required": False}]}


def test_an_empty_list_calls_nothing():
    story = a_story(fan(items=[]))
    story.step()
    assert (story.letters, story.children_started()) == ("S", [])


def test_children_of_a_parent_too_deep_are_not_started_for_items_either():
    story = a_story(fan(), depth=10)
    story.step()
    assert (story.letters, story.row("call")["reason"]) == ("F", "TooDeep")
