"""Retries, row by row: which budget a failure is charged to, how long it waits, and what ends a task at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.harness import START, Story, graph_of, pod
from tidegate.api.policies import Retry
from tidegate.engine import retry as retries
from tidegate.engine.ledger import Extra
from tidegate.engine.retry import Failure
from tidegate.engine.run import Run

RUN = Run("ns", "run", "uid-1", "flow", "flow-abc", START, {})


def policy(**fields: Any) -> Retry:
    return Retry.model_validate(fields)


def told(retry: dict[str, Any], **spec: Any) -> Story:
    story = Story(graph_of(pod("a", retry=retry), **spec))
    story.step()
    return story


@pytest.mark.parametrize(
    ("fields", "delays"),
    [
        ({}, [10, 10, 10]),
        ({"delaySeconds": 0}, [0, 0, 0]),
        ({"delaySeconds": 3}, [3, 3, 3]),
        ({"delaySeconds": [1, 5, 60]}, [1, 5, 60, 60, 60]),
        ({"delaySeconds": 10, "factor": 2}, [10, 20, 40, 80]),
        ({"delaySeconds": 10, "factor": 3, "maxDelaySeconds": 50}, [10, 30, 50, 50]),
        ({"delaySeconds": [5, 500], "maxDelaySeconds": 60}, [5, 60, 60]),
        ({"delaySeconds": 7200}, [3600, 3600]),
    ],
)
def test_delays(fields: dict[str, Any], delays: list[int]):
    failure = Failure("ExitCode")
    found = [retries.delay(policy(**fields), n, failure, RUN, 0, n) for n in range(1, len(delays) + 1)]
    assert found == delays


def test_a_delay_is_bounded_however_often_it_grew():
    assert retries.delay(policy(delaySeconds=1, factor=100), 10_000, Failure("x"), RUN, 0, 1) == 3600


@given(st.integers(0, 100), st.integers(0, 86_400), st.integers(0, 2500), st.integers(1, 100), st.text(max_size=10))
def test_jitter_lengthens_by_at_most_its_part_and_is_the_same_for_the_same_attempt(
    percent: int, seconds: int, slot: int, attempt: int, uid: str
):
    run = Run("ns", "run", uid, "flow", "rev", START, {})
    chosen = policy(delaySeconds=seconds, maxDelaySeconds=86_400, jitterPercent=percent)
    waits = {retries.delay(chosen, 1, Failure("x"), run, slot, attempt) for _ in range(2)}
    assert len(waits) == 1
    assert seconds <= waits.pop() <= seconds + seconds * percent // 100


def test_jitter_differs_between_runs_and_attempts():
    chosen = policy(delaySeconds=1000, jitterPercent=100)
    waits = {retries.delay(chosen, 1, Failure("x"), RUN, slot, n) for slot in range(5) for n in range(5)}
    assert len(waits) > 20


@pytest.mark.parametrize(
    ("fields", "used", "failure", "charged", "again"),
    [
        ({}, Extra(), Failure("ExitCode", exit_code=1), {"failures": 1}, False),
        ({"limit": 1}, Extra(), Failure("ExitCode", exit_code=1), {"failures": 1}, True),
        ({"limit": 1}, Extra(failures=1), Failure("ExitCode", exit_code=1), {"failures": 2}, False),
        ({"limit": 1}, Extra(), Failure("TimedOut"), {"failures": 1}, True),
        ({"limit": 1}, Extra(disruptions=10), Failure("ExitCode", exit_code=1), {"failures": 1}, True),
        ({"limit": 9}, Extra(), Failure("JobRejected", final=True), {"failures": 1}, False),
        ({"limit": 9, "exceptExitCodes": [3]}, Extra(), Failure("ExitCode", exit_code=3), {"failures": 1}, False),
        ({"limit": 9, "exceptExitCodes": [3]}, Extra(), Failure("ExitCode", exit_code=4), {"failures": 1}, True),
        ({"limit": 9, "exceptExitCodes": [3]}, Extra(), Failure("TimedOut"), {"failures": 1}, True),
        ({}, Extra(), Failure("Evicted", disruption=True), {"disruptions": 1}, True),
        ({}, Extra(disruptions=9), Failure("Evicted", disruption=True), {"disruptions": 10}, True),
        ({}, Extra(disruptions=10), Failure("Evicted", disruption=True), {"disruptions": 11}, False),
        ({"maxDisruptions": 0}, Extra(), Failure("Evicted", disruption=True), {"disruptions": 1}, False),
        (
            {"exceptExitCodes": [143]},
            Extra(),
            Failure("Evicted", disruption=True, exit_code=143),
            {"disruptions": 1},
            True,
        ),
        ({}, Extra(), Failure("OOMKilled", oom=True, more_memory="32Mi"), {"ooms": 1}, True),
        ({}, Extra(), Failure("OOMKilled", oom=True), {"failures": 1}, False),
    ],
)
def test_budgets(fields: dict[str, Any], used: Extra, failure: Failure, charged: dict[str, int], *, again: bool):
    assert retries.budgets_after(policy(**fields), used, failure) == (charged, again)


@pytest.mark.parametrize(
    ("when", "failure", "again"),
    [
        ("exitCode == 3", {"exit_code": 3}, True),
        ("exitCode == 3", {"exit_code": 4}, False),
        ("exitCode < 0", {"exit_code": None, "reason": "DeadlineExceeded"}, True),
        ("reason == 'TimedOut'", {"exit_code": None, "reason": "DeadlineExceeded"}, True),
        ("message.contains('try again')", {"exit_code": 1, "message": "please try again"}, True),
        ("message.contains('try again')", {"exit_code": 1, "message": "no"}, False),
        ("attempt < 2", {"exit_code": 1}, True),
    ],
)
def test_when_decides_whether_a_failure_is_tried_again(when: str, failure: dict[str, Any], *, again: bool):
    story = told({"limit": 1, "when": when})
    story.fails("a", **failure)
    story.step(1)
    assert story.letters == ("R" if again else "F")


def test_when_counts_the_attempt_that_failed():
    story = told({"limit": 9, "delaySeconds": 0, "when": "attempt < 2"})
    for _ in range(2):
        story.fails("a")
        story.step(1)
    assert (story.letters, story.at("a")[1]) == ("F", 2)


def test_a_disruption_is_repeated_whatever_when_says():
    story = told({"when": "false"})
    story.fails("a", disruption="EvictionByEvictionAPI", exit_code=143)
    story.step(1)
    assert story.started() == [("a", 2)]


def test_when_that_fails_on_the_data_ends_the_task_with_expression_position_and_types():
    story = told({"limit": 9, "when": "dyn(message) + exitCode > 3"})
    story.fails("a", exit_code=1, message="no number")
    story.step(1)
    row = story.row("a")
    assert (story.letters, row["reason"]) == ("F", "ExpressionFailed")
    assert "retry.when, after ExitCode" in row["message"]
    assert "(string, int)" in row["message"]
    assert "column 14 of `dyn(message) + exitCode > 3`" in row["message"]


def test_when_is_checked_with_the_flow():
    with pytest.raises(AssertionError, match='unknown name "exitcode": did you mean "exitCode"'):
        graph_of(pod("a", retry={"when": "exitcode == 3"}))


def test_the_due_time_is_in_the_row_and_survives_a_reload():
    story = told({"limit": 1, "delaySeconds": 30})
    story.fails("a")
    story.step(1)
    due = story.row("a")["nextAttemptTime"]
    story.reload()
    story.step(10)
    assert (story.letters, story.row("a")["nextAttemptTime"]) == ("R", due)
    story.step(21)
    assert story.started() == [("a", 2)]
