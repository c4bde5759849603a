"""What becomes of a run, told as stories: facts in, decisions out."""

from dataclasses import replace

import pytest

from engine.harness import Story, graph_of, pod
from tidegate.engine.actions import ConfirmGone, DeleteJob, Reap, StartJob, StopJob
from tidegate.engine.facts import Confirmed, JobState, Rejection


def chain(count: int, **spec: object) -> Story:
    names = [f"t{index}" for index in range(count)]
    tasks = [pod(name, *names[index - 1 : index]) for index, name in enumerate(names)]
    return Story(graph_of(*tasks, **spec))


def test_first_step_names_the_roots_and_is_deciding():
    story = Story(graph_of(pod("a"), pod("b"), pod("c", "a", "b")))
    plan = story.step()
    assert plan.deciding
    assert story.letters == "IIP"
    assert story.started() == [("a", 1), ("b", 1)]
    assert plan.status["frozen"]["revision"] == "flow-abc"


def test_a_clean_pod_starts_the_next_task_before_the_job_says_complete():
    story = chain(2)
    story.step()
    story.succeeds("t0")
    story.step(1)
    assert story.letters == "SI"
    assert story.started() == [("t1", 1)]


def test_a_chain_of_n_takes_n_plus_one_deciding_writes():
    story = chain(20)
    writes = int(story.step().deciding)
    for index in range(20):
        story.runs(f"t{index}")
        writes += int(story.step(0.1).deciding)
        story.succeeds(f"t{index}")
        writes += int(story.step(0.9).deciding)
    assert story.condition == ("True", "Completed")
    assert writes == 21


def test_seeing_a_job_decides_nothing():
    story = chain(1)
    story.step()
    story.runs("t0")
    assert not story.step(1).deciding
    assert story.letters == "O"


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


def test_failure_blocks_what_depends_on_it_and_nothing_else():
    story = Story(graph_of(pod("a"), pod("b", "a"), pod("c", "b"), pod("d")))
    story.step()
    story.fails("a", exit_code=3)
    story.runs("d")
    story.step(1)
    assert story.letters == "FUUO"
    assert story.row("a")["reason"] == "ExitCode"
    assert "exit code 3" in story.row("a")["message"]
    assert story.row("b")["reason"] == "UpstreamFailed"
    story.succeeds("d")
    story.step(1)
    assert story.condition == ("False", "TaskFailed")


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


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("[1]", "OutputInvalid"),
        ("{", "OutputInvalid"),
        ("\ufffd\0", "OutputInvalid"),
        ('{"a": NaN}', "OutputInvalid"),
        ('{"a": 12345678901234567890}', "OutputInvalid"),
        ('{"a": "\\ud800"}', "OutputInvalid"),
        ('{"a": "' + "x" * 4090 + '"}', "OutputTooLarge"),
    ],
)
def test_a_bad_output_fails_its_task(output: str, reason: str):
    story = chain(1)
    story.step()
    story.succeeds("t0", output)
    story.step(1)
    assert story.letters == "F"
    assert story.row("t0")["reason"] == reason


def test_outputs_reach_expressions_and_whole_floats_are_integers():
    story = Story(graph_of(pod("a"), pod("b", "a", args=["$[[ tasks.a.outputs.n + 1 ]]"])))
    story.step()
    story.succeeds("a", '{"n": 41.0}')
    plan = story.step(1)
    starts = [a for a in plan.actions if isinstance(a, StartJob)]
    assert starts[0].inputs.args == ("42",)


def test_data_cannot_smuggle_a_kubernetes_variable():
    story = Story(graph_of(pod("a"), pod("b", "a", args=["$(HOME) $[[ tasks.a.outputs.s ]]"])))
    story.step()
    story.succeeds("a", '{"s": "$(SECRET) $$x"}')
    plan = story.step(1)
    starts = [a for a in plan.actions if isinstance(a, StartJob)]
    assert starts[0].inputs.args == ("$(HOME) $$(SECRET) $$$$x",)


def test_an_expression_that_fails_fails_its_task_before_any_job():
    story = Story(graph_of(pod("a"), pod("b", "a", args=["$[[ tasks.a.outputs.missing ]]"])))
    story.step()
    story.succeeds("a")
    story.step(1)
    assert story.letters == "SF"
    assert story.row("b")["reason"] == "ExpressionFailed"
    assert "missing" in story.row("b")["message"]


def test_when_false_skips_and_skips_propagate():
    tasks = (pod("a", when="params.go"), pod("b", "a"))
    story = Story(graph_of(*tasks, params=[{"name": "go", "type": "boolean"}]), {"go": False})
    story.step()
    assert story.letters == "KK"
    assert story.row("b")["reason"] == "UpstreamSkipped"
    assert story.condition == ("True", "Completed")


def test_inline_bodies_need_no_job_and_run_in_one_step():
    tasks = (
        {"name": "a", "set": {"x": "$[[ 1 + 1 ]]"}},
        {"name": "b", "needs": ["a"], "set": {"y": "$[[ tasks.a.outputs.x * 2 ]]"}},
    )
    story = Story(graph_of(*tasks, outputs=[{"name": "y", "value": "$[[ tasks.b.outputs.y ]]"}]))
    plan = story.step()
    assert story.letters == "SS"
    assert plan.status["runOutputs"] == {"y": 4}
    assert not plan.actions


def test_fail_fails_with_its_message():
    story = Story(graph_of({"name": "a", "fail": {"message": "no $[[ run.flow ]]"}}))
    story.step()
    assert story.row("a")["message"] == "no flow"


def test_wait_lets_time_pass_also_over_a_restart():
    story = Story(graph_of({"name": "w", "wait": {"seconds": 60}}, pod("a", "w")))
    plan = story.step()
    assert story.letters == "WP"
    assert plan.wake_at == story.now + 60
    story.reload()
    story.step(59)
    assert story.letters == "WP"
    story.step(1)
    assert story.letters == "SI"


def test_parallelism_holds_tasks_until_pods_are_gone():
    story = Story(graph_of(pod("a"), pod("b"), parallelism=1))
    story.step()
    assert story.letters == "IH"
    story.succeeds("a")
    story.step(1)
    assert story.letters == "SH"
    story.runs("a", alive=False, running=False, clean=True, exit_code=0)
    story.step(1)
    assert story.letters == "SI"


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


def test_a_run_output_that_fails_is_left_out_and_told():
    story = Story(graph_of(pod("a"), outputs=[{"name": "x", "value": "$[[ tasks.a.outputs.x ]]"}]))
    story.step()
    story.succeeds("a")
    story.step(1)
    assert story.condition == ("False", "OutputFailed")


def test_why_tells_the_clusters_own_words():
    story = chain(1)
    story.step()
    words = "0/3 nodes are available: 3 Insufficient cpu."
    story.runs("t0", running=False, started=None, trouble="Unschedulable", trouble_message=words)
    plan = story.step(1)
    assert plan.status["why"] == f"t0 waits: Unschedulable: {words}"
    assert story.row("t0")["state"] == "Starting"


def test_a_finished_task_that_runs_again_is_stopped():
    story = Story(graph_of(pod("a"), pod("b")))
    story.step()
    story.succeeds("a")
    story.runs("b")
    story.step(1)
    story.runs("a")
    plan = story.step(61)
    assert [action.attempt for action in plan.actions if isinstance(action, Reap)] == [(0, 1)]


def test_a_success_believed_early_leaves_its_job_time_to_say_so():
    story = Story(graph_of(pod("a"), pod("b")))
    story.step()
    story.succeeds("a")
    story.runs("b")
    story.step(1)
    assert not [action for action in story.step(200).actions if isinstance(action, Reap)]


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


def test_cancel_stops_a_job_that_is_named_but_was_never_seen():
    story = Story(graph_of(pod("a"), pod("b", "a")))
    story.step()
    story.desired = "Cancelled"
    plan = story.step(1)
    assert story.letters == "XZ"
    assert StopJob((0, 1), "a") in plan.actions


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "params.d.n + params.d.text",
            '"+" does not take (int, string): convert with string(...), int(...) or double(...)',
        ),
        ("params.d.n / 0", "division by zero"),
        ("[1, 2][params.d.n]", "there is no element 7 in a list of 2"),
        ("int(params.d.text)", '"abc" is not an integer'),
    ],
)
def test_an_expression_that_fails_on_the_data_says_where_and_with_which_types(expression: str, message: str):
    params = [{"name": "d", "type": "object"}]
    task = {"name": "a", "set": {"x": f"$[[ {expression} ]]"}}
    story = Story(graph_of(task, params=params), params={"d": {"n": 7, "text": "abc"}})
    story.step()
    row = story.row("a")
    assert (row["state"], row["reason"]) == ("Failed", "ExpressionFailed")
    assert message in row["message"]
    assert f"of `{expression}`)" in row["message"]
    assert "(column " in row["message"]
