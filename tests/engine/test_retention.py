"""Retention: finished Jobs go when their time has come; Jobs that should not be there are stopped."""

from dataclasses import replace

import pytest

from engine.harness import Story, chain, graph_of, pod
from tidegate.engine.actions import DeleteJob, Reap
from tidegate.engine.facts import Confirmed, Facts, JobFact, JobState
from tidegate.engine.ledger import Ledger
from tidegate.engine.retention import Kept, Retention, retain


def test_finished_jobs_go_after_their_retention_and_not_before():
    story = chain(1, jobRetention={"succeededSeconds": 600, "failedSeconds": 900})
    story.step()
    story.succeeds("t0")
    story.step(1)
    story.sees("t0", JobState.COMPLETE, finished=story.now)
    plan = story.step(1)
    assert not plan.actions
    assert plan.wake_at == pytest.approx(story.now - 1 + 600)
    plan = story.step(600)
    assert [type(action) for action in plan.actions] == [DeleteJob]


def test_a_job_that_was_seen_to_complete_with_its_pod_goes_too():
    story = chain(1, jobRetention={"succeededSeconds": 600, "failedSeconds": 900})
    story.step()
    story.succeeds("t0")
    story.sees("t0", JobState.COMPLETE, finished=story.now)
    plan = story.step()
    assert (story.letters, plan.wake_at) == ("S", story.now + 600)
    plan = story.step(600)
    assert [type(action) for action in plan.actions] == [DeleteJob]


def test_a_job_that_the_ledger_does_not_name_is_reaped():
    story = chain(1)
    story.step()
    story.runs("t0")
    stray = story.jobs[(0, 1)]
    story.jobs[(0, 2)] = type(stray)("stray", "u2", (0, 2), JobState.ACTIVE, story.now)
    plan = story.step(1)
    assert Reap("stray", "u2", (0, 2)) in plan.actions


def test_a_finished_task_that_runs_again_is_stopped():
    story = Story(graph_of(pod("a"), pod("b")))
    story.step()
    story.succeeds("a")
    story.runs("b")
    story.step(1)
    story.runs("a")
    plan = story.step(61)
    assert [action.attempt for action in plan.actions if isinstance(action, Reap)] == [(0, 1)]


def test_a_finished_task_whose_job_its_queue_took_away_is_stopped_before_it_is_let_go_again():
    story = Story(graph_of(pod("a"), pod("b")))
    story.step()
    story.succeeds("a")
    story.runs("b")
    story.step(1)
    story.sees("a", JobState.SUSPENDED)
    plan = story.step(1)
    assert [action.attempt for action in plan.actions if isinstance(action, Reap)] == [(0, 1)]


def test_a_success_believed_early_leaves_its_job_time_to_say_so():
    story = Story(graph_of(pod("a"), pod("b")))
    story.step()
    story.succeeds("a")
    story.runs("b")
    story.step(1)
    assert not [action for action in story.step(200).actions if isinstance(action, Reap)]


def test_the_name_of_a_stopped_job_is_held_from_its_stop_on_however_long_it_ran():
    story = chain(1, jobRetention={"succeededSeconds": 600, "failedSeconds": 300})
    story.step()
    story.runs("t0")
    story.step(5_000)
    story.desired = "Cancelled"
    story.step()
    stopped, attempt = story.now, story.at("t0")
    story.jobs[attempt] = replace(story.jobs[attempt], state=JobState.TOMBSTONE, finished=stopped)
    story.pods.clear()
    story.confirmed[attempt] = frozenset({Confirmed.STOPPED})
    story.step()
    plan = story.step()
    assert story.letters == "Z"
    assert not plan.actions
    assert plan.wake_at == stopped + 300
    assert [type(action) for action in story.step(300).actions] == [DeleteJob]


@pytest.mark.parametrize("state", [JobState.COMPLETE, JobState.FAILED, JobState.TOMBSTONE])
def test_every_name_is_held_for_five_minutes_however_short_retention_is(state: JobState):
    ledger = Ledger(bytearray(b"S"), [1])
    job = JobFact("job", "uid", (0, 1), state, created=1_000.0, finished=2_000.0)

    def kept(now: float) -> Kept:
        return retain(Facts("Running", {(0, 1): job}, {}), ledger, Retention(0, 0), now)

    assert kept(2_299.0) == Kept((), 2_300.0)
    assert kept(2_300.0).actions == (DeleteJob("job", "uid", (0, 1)),)
