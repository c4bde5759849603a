"""What becomes of a run, told as stories: facts in, decisions out. What is believed: `test_observation.py`."""

import pytest

from engine.harness import Story, chain, graph_of, pod


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


def test_why_tells_the_clusters_own_words():
    story = chain(1)
    story.step()
    words = "0/3 nodes are available: 3 Insufficient cpu."
    story.runs("t0", running=False, started=None, trouble="Unschedulable", trouble_message=words)
    plan = story.step(1)
    assert plan.status["why"] == f"t0 waits: Unschedulable: {words}"
    assert story.row("t0")["state"] == "Starting"


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
