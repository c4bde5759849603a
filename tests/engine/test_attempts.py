"""Attempts: when the next one comes, what it is charged to, and that two are never alive."""

import pytest

from engine.harness import Story, graph_of, pod
from tidegate.engine.facts import Confirmed, JobState


def test_a_retry_is_another_attempt_after_its_delay():
    story = Story(graph_of(pod("a", retry={"limit": 2, "delaySeconds": 30})))
    story.step()
    story.fails("a")
    plan = story.step(1)
    assert story.letters == "R"
    assert plan.wake_at == pytest.approx(story.now + 30, abs=1)
    assert not story.step(28).deciding
    story.step(2)
    assert story.started() == [("a", 2)]


def test_retries_survive_a_restart_with_budget_and_due_time():
    story = Story(graph_of(pod("a", retry={"limit": 1, "delaySeconds": 30})))
    story.step()
    story.fails("a")
    story.step(1)
    story.reload()
    story.step(10)
    assert story.letters == "R"
    story.step(20)
    assert story.started() == [("a", 2)]
    story.fails("a")
    story.step(1)
    assert story.letters == "F"


def test_the_delay_grows_by_its_factor_up_to_its_cap():
    story = Story(graph_of(pod("a", retry={"limit": 9, "delaySeconds": 10, "factor": 3, "maxDelaySeconds": 50})))
    story.step()
    delays = []
    for _ in range(4):
        story.fails("a")
        plan = story.step()
        assert plan.wake_at is not None
        delays.append(round(plan.wake_at - story.now))
        story.step(60)
    assert delays == [10, 30, 50, 50]


def test_a_disruption_is_repeated_at_once_and_not_charged_to_the_users_retries():
    story = Story(graph_of(pod("a")))
    story.step()
    story.fails("a", disruption="EvictionByEvictionAPI", exit_code=137)
    plan = story.step(1)
    assert story.started() == [("a", 2)]
    assert plan.disruptions == ("EvictionByEvictionAPI",)


def test_disruptions_have_a_cap():
    story = Story(graph_of(pod("a", retry={"maxDisruptions": 2})))
    story.step()
    for _ in range(3):
        story.fails("a", disruption="PreemptionByScheduler")
        story.step(1)
    assert story.letters == "F"
    assert story.state is not None
    assert story.state.ledger.attempts == [3]


def test_the_next_attempt_waits_for_the_last_pod_of_the_one_before():
    story = Story(graph_of(pod("a", retry={"limit": 1, "delaySeconds": 0})))
    story.step()
    story.runs("a")
    story.step(1)
    story.sees("a", JobState.TOMBSTONE)
    story.step(1)
    assert story.letters == "O"
    assert story.row("a")["reason"] == "JobDeleted"
    story.pods.clear()
    story.confirmed[(0, 1)] = frozenset({Confirmed.PODS_GONE})
    story.step(1)
    assert story.started() == [("a", 2)]


def test_a_pod_of_the_last_attempt_that_turns_up_late_holds_the_next_one_back():
    story = Story(graph_of(pod("a", retry={"limit": 1, "delaySeconds": 5})))
    story.step()
    story.fails("a")
    story.step(1)
    story.runs("a")
    assert story.letters == "R"
    story.step(10)
    assert story.started() == []
    story.fails("a")
    story.step(1)
    assert story.started() == [("a", 2)]
