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
