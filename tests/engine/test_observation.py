"""What is believed of Jobs and pods as they are seen, and what only after a live look."""

import pytest

from engine.harness import Story, chain, graph_of, pod
from tidegate.engine.actions import ConfirmGone, StartJob
from tidegate.engine.facts import Confirmed, JobState, Rejection


@pytest.mark.parametrize("state", [JobState.SUSPENDED, JobState.FAILING])
def test_a_clean_pod_of_a_suspended_or_failing_job_is_not_believed(state: JobState):
    story = chain(2)
    story.step()
    story.succeeds("t0")
    story.sees("t0", state)
    story.step(1)
    assert "S" not in story.letters


def test_a_pod_of_a_foreign_job_is_not_believed():
    story = chain(2)
    story.step()
    story.succeeds("t0")
    foreign = story.pods[story.at("t0")][0]
    story.runs("t0")
    story.pods[story.at("t0")] = (type(foreign)("x", "y", "other-job", foreign.attempt, clean=True, exit_code=0),)
    story.step(1)
    assert story.letters == "OP"


def test_a_failed_pod_waits_for_its_job():
    story = chain(1)
    story.step()
    story.runs("t0", running=False, alive=False, exit_code=1)
    story.step(1)
    assert story.letters == "O"


def test_a_failing_job_with_a_live_pod_is_waited_for():
    story = chain(1)
    story.step()
    story.runs("t0")
    story.sees("t0", JobState.FAILING)
    story.step(1)
    assert story.letters == "O"


def test_absence_from_the_view_is_never_believed():
    story = chain(1)
    story.step()
    story.runs("t0")
    story.step(1)
    story.jobs.clear()
    story.pods.clear()
    plan = story.step(1)
    assert story.letters == "O"
    assert ConfirmGone((0, 1)) in plan.actions


def test_an_observed_job_that_is_gone_fails_its_attempt():
    story = chain(1)
    story.step()
    story.runs("t0")
    story.step(1)
    story.sees("t0", JobState.TOMBSTONE)
    story.pods.clear()
    plan = story.step(1)
    assert ConfirmGone((0, 1)) in plan.actions
    story.confirmed[(0, 1)] = frozenset({Confirmed.PODS_GONE})
    story.step(1)
    assert story.letters == "F"
    assert story.row("t0")["reason"] == "JobDeleted"


def test_an_intent_is_asked_for_again_but_never_renumbered():
    story = chain(1)
    story.step()
    story.reload()
    plan = story.step(5)
    assert [(a.attempt, a.fresh) for a in plan.actions if isinstance(a, StartJob)] == [((0, 1), False)]
    assert not plan.deciding


def test_a_job_that_is_rejected_fails_its_task_without_retry():
    story = Story(graph_of(pod("a", retry={"limit": 5})))
    story.step()
    story.rejections[(0, 1)] = Rejection("JobRejected", "spec is wrong", final=True)
    story.step(1)
    assert story.letters == "F"
    assert story.row("a") | {"reason": "JobRejected", "message": "spec is wrong"} == story.row("a")


def test_a_quota_is_waited_for_and_told():
    story = chain(1)
    story.step()
    story.rejections[(0, 1)] = Rejection("QuotaExceeded", "exceeded quota: small", final=False)
    plan = story.step(1)
    assert story.letters == "I"
    assert "QuotaExceeded" in plan.status["why"]


def test_complete_without_a_pod_is_confirmed_before_outputs_count_as_lost():
    story = Story(graph_of(pod("a"), pod("b", "a", args=["$[[ tasks.a.outputs.x ]]"])))
    story.step()
    story.sees("a", JobState.COMPLETE, finished=story.now)
    plan = story.step(1)
    assert ConfirmGone((0, 1)) in plan.actions
    story.confirmed[(0, 1)] = frozenset({Confirmed.PODS_GONE})
    story.step(1)
    assert story.row("a")["reason"] == "OutputsLost"


def test_complete_without_a_pod_is_a_success_when_nobody_reads_the_output():
    story = chain(1)
    story.step()
    story.sees("t0", JobState.COMPLETE, finished=story.now)
    story.confirmed[(0, 1)] = frozenset({Confirmed.PODS_GONE})
    story.step(1)
    assert story.condition == ("True", "Completed")
