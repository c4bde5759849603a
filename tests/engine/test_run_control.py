"""Pauses, deadlines and retries of a whole run, told as stories."""

from engine.harness import Story, graph_of, pod
from tidegate.engine.actions import Reap, StopJob
from tidegate.engine.facts import Confirmed, JobState, Rejection
from tidegate.engine.retention import ORPHAN_AGE


def stopped(story: Story, task: str) -> None:
    """Let the live reads say that a task's name is held and its pods are gone."""
    attempt = story.at(task)
    story.sees(task, JobState.TOMBSTONE)
    story.pods.pop(attempt, None)
    story.confirmed[attempt] = frozenset({Confirmed.STOPPED})


def test_a_paused_run_starts_nothing_new_and_goes_on_when_it_is_resumed():
    story = Story(graph_of(pod("a"), pod("b", "a"), {"name": "c", "needs": ["a"], "set": {"x": 1}}))
    story.step()
    story.desired = "Paused"
    story.succeeds("a")
    plan = story.step()
    assert (story.letters, story.started()) == ("SHH", [])
    assert "paused" in plan.status["why"]
    assert story.condition == ("Unknown", "Paused")
    story.reload()
    story.desired = "Running"
    story.step()
    assert (story.letters, story.started()) == ("SIS", [("b", 1)])


def test_a_pause_holds_back_the_next_attempt():
    story = Story(graph_of(pod("a", retry={"limit": 1, "delaySeconds": 0})))
    story.step()
    story.desired = "Paused"
    story.fails("a")
    story.step(5)
    assert (story.letters, story.started()) == ("R", [])
    story.desired = "Running"
    story.step()
    assert story.started() == [("a", 2)]


def test_the_deadline_of_a_run_stops_what_is_left_and_lets_finally_run():
    flow = graph_of(pod("a"), pod("b", "a"), deadlineSeconds=60, **{"finally": [pod("tidy")]})
    story = Story(flow)
    plan = story.step()
    assert plan.wake_at == story.now + 60
    story.runs("a")
    story.step(59)
    assert story.letters == "OPP"
    plan = story.step(1)
    assert (story.letters, plan.deciding) == ("XZP", True)
    assert plan.status["stop"]["reason"] == "DeadlineExceeded"
    story.reload()
    stopped(story, "a")
    story.step()
    assert (story.letters, story.started()) == ("ZZI", [("tidy", 1)])
    story.succeeds("tidy")
    story.step(1000)
    assert story.condition == ("False", "DeadlineExceeded")


def test_an_attempt_that_does_not_start_in_time_is_stopped_and_fails():
    story = Story(graph_of(pod("a", startDeadlineSeconds=30, retry={"limit": 1, "delaySeconds": 0})))
    story.step()
    story.sees("a")
    plan = story.step()
    assert plan.wake_at == story.now + 30
    plan = story.step(30)
    assert story.letters == "Y"
    assert story.row("a")["reason"] == "StartDeadlineExceeded"
    stopped(story, "a")
    story.step()
    assert (story.letters, story.started()) == ("I", [("a", 2)])


def test_an_attempt_that_succeeded_unseen_is_not_failed_for_its_late_start_and_not_tried_again():
    story = Story(graph_of(pod("a", startDeadlineSeconds=30, retry={"limit": 1, "delaySeconds": 0})))
    story.step()
    story.sees("a")
    story.step()
    story.step(30)
    assert story.letters == "Y"
    story.succeeds("a")
    story.sees("a", JobState.COMPLETE, finished=story.now)
    story.step()
    assert (story.letters, story.started()) == ("S", [])


def test_a_job_that_was_suspended_to_stop_it_is_reaped_although_nothing_more_is_heard_of_it():
    story = Story(graph_of(pod("a")))
    story.step()
    story.sees("a")
    story.step()
    story.desired = "Cancelled"
    story.step()
    story.sees("a", JobState.SUSPENDED)
    story.step()
    story.confirmed[story.at("a")] = frozenset({Confirmed.STOPPED})
    plan = story.step()
    assert (story.letters, plan.wake_at) == ("Z", story.jobs[story.at("a")].created + ORPHAN_AGE)
    assert [type(action) for action in story.step(ORPHAN_AGE).actions] == [Reap]


def test_once_it_runs_the_start_deadline_is_over():
    story = Story(graph_of(pod("a", startDeadlineSeconds=30)))
    story.step()
    story.sees("a")
    story.step(10)
    story.runs("a")
    plan = story.step(10)
    assert (story.letters, plan.wake_at) == ("O", None)
    story.step(100)
    assert story.letters == "O"


def test_time_in_a_queue_of_suspended_jobs_does_not_count():
    story = Story(graph_of(pod("a", startDeadlineSeconds=30)))
    story.step()
    story.sees("a", JobState.SUSPENDED)
    story.step(3600)
    assert (story.letters, story.row("a")["state"]) == ("O", "Queued")
    story.sees("a", resumed=story.now)
    story.step(29)
    assert story.letters == "O"
    story.step(1)
    assert story.letters == "Y"


def test_a_job_that_is_refused_again_and_again_is_given_up_at_the_start_deadline_also_after_a_crash():
    story = Story(graph_of(pod("a", startDeadlineSeconds=30)))
    story.step()
    story.rejections[story.at("a")] = Rejection("QuotaExceeded", "exceeded quota: pods", final=False)
    story.step()
    story.step(20)
    story.reload()
    story.step(9)
    assert story.letters == "I"
    story.rejections[story.at("a")] = Rejection("QuotaExceeded", "exceeded quota: pods", final=False)
    story.step(1)
    assert story.letters == "Y"
    assert "QuotaExceeded" in story.row("a")["message"]


def test_a_failed_run_is_tried_again_from_what_failed():
    flow = graph_of(
        pod("a"),
        pod("b", retry={"limit": 1, "delaySeconds": 0}),
        pod("c", "b"),
        retry={"limit": 1, "delaySeconds": 5},
        **{"finally": [pod("tidy")]},
    )
    story = Story(flow)
    story.step()
    story.succeeds("a")
    story.fails("b")
    story.step()
    story.fails("b")
    plan = story.step()
    assert story.letters == "SFUP"
    assert (plan.outcome, plan.wake_at) == (None, story.now + 5)
    assert story.condition == ("Unknown", "Retrying")
    story.reload()
    story.step(5)
    assert (story.letters, story.started()) == ("SIPP", [("b", 3)])
    assert story.plan is not None
    assert story.plan.status["attempt"] == 2
    story.fails("b")
    story.step()
    assert (story.letters, story.started()) == ("SIPP", [("b", 4)])
    story.succeeds("b")
    story.step()
    story.succeeds("c")
    story.step()
    assert story.letters == "SSSI"
    story.succeeds("tidy")
    story.step()
    assert story.condition == ("True", "Completed")


def test_the_next_attempt_of_a_run_begins_when_its_delay_is_over_and_not_before():
    story = Story(graph_of(pod("a"), retry={"limit": 1, "delaySeconds": 60}))
    story.step()
    story.fails("a")
    story.step()
    story.step(59)
    assert (story.letters, story.started()) == ("F", [])
    story.reload()
    story.step(0.5)
    assert (story.letters, story.started()) == ("F", [])
    story.step(0.5)
    assert (story.letters, story.started()) == ("I", [("a", 2)])


def test_a_run_that_went_well_is_over():
    story = Story(graph_of(pod("a"), pod("b", allowFailure=True), retry={"limit": 1, "mode": "All", "delaySeconds": 0}))
    story.step()
    story.succeeds("a")
    story.fails("b")
    plan = story.step()
    assert (story.letters, story.condition) == ("SF", ("True", "CompletedWithWarnings"))
    assert plan.outcome is not None
    assert "nextAttemptTime" not in plan.status


def test_when_no_attempt_of_the_run_is_left_finally_runs_and_it_fails():
    story = Story(graph_of(pod("a"), retry={"limit": 1, "delaySeconds": 0}, **{"finally": [pod("tidy")]}))
    story.step()
    story.fails("a")
    story.step()
    story.step()
    story.fails("a")
    story.step()
    assert story.letters == "FI"
    story.succeeds("tidy")
    story.step()
    assert story.condition == ("False", "TaskFailed")


def test_mode_all_runs_everything_again():
    story = Story(graph_of(pod("a"), pod("b", "a"), retry={"limit": 1, "delaySeconds": 0, "mode": "All"}))
    story.step()
    story.succeeds("a")
    story.step()
    story.fails("b")
    story.step()
    story.step()
    assert (story.letters, story.started()) == ("IP", [("a", 2)])


def test_what_a_task_gave_in_an_attempt_of_the_run_is_not_what_it_gives_in_the_next():
    tells = {"name": "tells", "needs": ["a"], "runWhen": "AllDone", "set": {"n": "$[[ tasks.a.outputs ]]"}}
    fails = pod("fails", "tells")
    story = Story(graph_of(pod("a"), tells, fails, retry={"limit": 1, "delaySeconds": 0, "mode": "All"}))
    story.step()
    story.succeeds("a", '{"n": 1}')
    story.step()
    assert story.state.outputs == {0: {"n": 1}, 1: {"n": {"n": 1}}}
    story.fails("fails")
    story.step()
    story.step()
    story.reload()
    assert (story.letters, story.state.outputs) == ("IPP", {})
    story.succeeds("a")
    story.step()
    assert story.state.outputs == {1: {"n": {}}}


def test_a_run_that_is_cancelled_is_not_tried_again():
    story = Story(graph_of(pod("a"), retry={"limit": 1, "delaySeconds": 60}))
    story.step()
    story.fails("a")
    story.step()
    story.desired = "Cancelled"
    story.step()
    assert story.condition == ("False", "TaskFailed")


def test_what_is_being_stopped_is_not_given_up_for_starting_too_late():
    story = Story(graph_of(pod("a", startDeadlineSeconds=60)))
    story.step()
    story.sees("a")
    assert story.step().wake_at == story.now + 60
    story.desired = "Cancelled"
    story.step()
    assert story.step(100).wake_at is None  # an instant in the past would wake it again and again


def test_what_is_stopped_before_it_was_seen_is_not_started_by_the_same_step():
    story = Story(graph_of(pod("a")))
    story.step()
    story.reload()
    story.desired = "Cancelled"
    plan = story.step()
    assert story.letters == "X"
    assert plan.actions == (StopJob((0, 1), "a"),)
