"""Stopping: names are held, pods are waited for, and what ended stays ended."""

from engine.harness import Story, chain, graph_of, pod
from tidegate.engine.actions import StopJob
from tidegate.engine.facts import Confirmed


def test_cancel_stops_what_lives_and_ends_when_names_are_held():
    story = Story(graph_of(pod("a"), pod("b", "a")))
    story.step()
    story.runs("a")
    story.step(1)
    story.desired = "Cancelled"
    plan = story.step(1)
    assert story.letters == "XZ"
    assert StopJob((0, 1), "a") in plan.actions
    story.pods[(0, 1)] = ()
    story.step(1)
    assert story.letters == "XZ"
    story.confirmed[(0, 1)] = frozenset({Confirmed.STOPPED})
    story.step(1)
    assert story.letters == "ZZ"
    assert story.condition == ("False", "Cancelled")


def test_a_cancelled_run_is_not_over_while_a_pod_lives():
    story = chain(1)
    story.step()
    story.runs("t0")
    story.desired = "Terminated"
    story.step(1)
    story.confirmed[(0, 1)] = frozenset({Confirmed.STOPPED})
    story.step(1)
    assert story.letters == "X"


def test_cancel_after_the_end_changes_nothing():
    story = chain(1)
    story.step()
    story.succeeds("t0")
    story.step(1)
    story.desired = "Cancelled"
    plan = story.step(1)
    assert not plan.deciding
    assert story.letters == "S"


def test_cancel_stops_a_job_that_is_named_but_was_never_seen():
    story = Story(graph_of(pod("a"), pod("b", "a")))
    story.step()
    story.desired = "Cancelled"
    plan = story.step(1)
    assert story.letters == "XZ"
    assert StopJob((0, 1), "a") in plan.actions


def test_cancel_waits_for_a_pod_that_is_left_of_the_last_attempt():
    story = Story(graph_of(pod("a", retry={"limit": 1, "delaySeconds": 60})))
    story.step()
    story.fails("a")
    story.step()
    assert story.letters == "R"
    story.runs("a")
    story.desired = "Cancelled"
    plan = story.step(1)
    assert story.letters == "X"
    assert StopJob((0, 1), "a") in plan.actions
    story.confirmed[(0, 1)] = frozenset({Confirmed.STOPPED})
    story.step(1)
    assert story.letters == "X"
    story.pods.clear()
    story.step(1)
    assert story.letters == "Z"


def test_what_is_being_stopped_keeps_its_place_also_before_a_pod_of_it_is_seen():
    story = Story(graph_of(pod("a", startDeadlineSeconds=60), pod("b"), parallelism=1))
    story.step()
    story.sees("a")
    story.step()
    assert story.letters == "OH"
    story.step(60)
    assert (story.letters, story.started()) == ("YH", [])
    story.confirmed[(0, 1)] = frozenset({Confirmed.STOPPED})
    story.step(1)
    assert (story.letters, story.started()) == ("FI", [("b", 1)])
