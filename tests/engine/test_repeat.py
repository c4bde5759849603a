"""`repeat`: a task runs again until its own outputs say enough."""

from typing import Any

import pytest

from engine.harness import Story, graph_of, pod
from tidegate.engine.facts import Confirmed, JobState


def repeating(until: str = "outputs.done", *, task: dict[str, Any] | None = None, **repeat: Any) -> Story:
    policy = {"until": until, "everySeconds": 30, **repeat}
    story = Story(graph_of(pod("a", repeat=policy, **(task or {})), pod("b", "a")))
    story.step()
    return story


def says(story: Story, output: str) -> None:
    """Let the attempt end well with that output, its pod over and done."""
    story.runs("a", running=False, alive=False, clean=True, exit_code=0, output=output, finished=story.now)
    story.step(1)


def test_when_until_holds_the_task_has_succeeded_with_the_outputs_of_that_run():
    story = repeating()
    says(story, '{"done": false, "n": 1}')
    story.step(30)
    says(story, '{"done": true, "n": 2}')
    assert story.letters == "SI"
    assert story.state is not None
    assert story.state.outputs[0] == {"done": True, "n": 2}


def test_else_the_next_run_is_another_attempt_after_the_pause():
    story = repeating()
    says(story, '{"done": false}')
    assert story.letters == "RP"
    row = story.row("a")
    assert (row["state"], row["reason"]) == ("Waiting", "Repeating")
    assert "run 1 of at most 100 ended; until does not hold yet" in row["message"]
    assert row["nextAttemptTime"]
    assert story.plan is not None
    assert story.plan.status["why"].startswith("a waits: run 1 of at most 100")
    assert not story.plan.happenings
    assert not story.step(28).deciding
    story.step(2)
    assert story.started() == [("a", 2)]


def test_without_a_pause_the_next_run_waits_only_for_the_pod_of_the_last_one():
    story = repeating(everySeconds=0)
    story.succeeds("a", '{"done": false}')
    story.step(1)
    assert story.letters == "RP"
    story.step(5)
    assert story.letters == "RP"
    says(story, '{"done": false}')
    assert story.started() == [("a", 2)]


def test_the_limit_counts_all_runs_that_ended_well():
    story = repeating(limit=3, everySeconds=0)
    for _ in range(3):
        says(story, '{"done": false}')
    assert story.letters == "FU"
    row = story.row("a")
    assert (row["reason"], row["attempt"]) == ("RepeatLimit", 3)
    assert "after 3 runs, the limit: outputs.done" in row["message"]


def test_a_reload_between_two_runs_forgets_neither_the_count_nor_the_time():
    story = repeating(limit=2)
    says(story, '{"done": false}')
    story.reload()
    assert not story.step(28).deciding
    story.step(2)
    assert story.started() == [("a", 2)]
    story.reload()
    says(story, '{"done": false}')
    assert story.row("a")["reason"] == "RepeatLimit"


def test_each_run_has_the_budgets_of_retry_for_itself():
    story = repeating(everySeconds=0, task={"retry": {"limit": 1, "delaySeconds": 0}})
    for _ in range(3):
        story.fails("a")
        story.step(1)
        says(story, '{"done": false}')
    assert (story.letters, story.at("a")[1]) == ("IP", 7)
    story.fails("a")
    story.step(1)
    story.fails("a")
    story.step(1)
    assert story.letters == "FU"


def test_a_failed_attempt_between_is_told_as_a_retry():
    story = repeating(everySeconds=0, task={"retry": {"limit": 1}})
    says(story, '{"done": false}')
    story.fails("a")
    story.step(1)
    assert (story.row("a")["state"], story.row("a")["reason"]) == ("Retrying", "ExitCode")


@pytest.mark.parametrize(
    ("until", "output", "words"),
    [
        ("outputs.done", "{}", "done"),
        ("outputs.done", '{"done": "yes"}', "expected true or false"),
        ("outputs.n > 1", '{"n": "two"}', "(string, int)"),
    ],
)
def test_until_that_fails_on_the_data_ends_the_task(until: str, output: str, words: str):
    story = repeating(until, task={"retry": {"limit": 5}})
    says(story, output)
    row = story.row("a")
    assert (story.letters, row["reason"]) == ("FU", "ExpressionFailed")
    assert "repeat.until: " in row["message"]
    assert words in row["message"]


def test_until_sees_what_the_task_sees():
    tasks = [pod("first"), pod("a", "first", repeat={"until": "outputs.n >= tasks.first.outputs.n + params.more"})]
    story = Story(graph_of(*tasks, params=[{"name": "more", "type": "integer"}]), {"more": 1})
    story.step()
    story.succeeds("first", '{"n": 4}')
    story.step(1)
    says(story, '{"n": 5}')
    assert story.letters == "SS"


def test_outputs_that_are_lost_are_a_failure_for_until_needs_them():
    story = repeating()
    story.sees("a", JobState.COMPLETE, finished=story.now)
    story.confirmed[story.at("a")] = frozenset({Confirmed.PODS_GONE})
    story.step(1)
    assert story.row("a")["reason"] == "OutputsLost"


def test_a_cancel_between_two_runs_ends_the_task():
    story = repeating()
    says(story, '{"done": false}')
    story.desired = "Cancelled"
    story.step(1)
    assert story.letters == "ZZ"


def test_an_output_contract_is_held_by_every_run():
    story = repeating(task={"outputs": [{"name": "done", "type": "boolean"}]})
    says(story, "{}")
    assert (story.letters, story.row("a")["reason"]) == ("FU", "OutputInvalid")
