"""A run on paper goes as the real one would if its tasks did what is assumed; so does a rerun of it."""

import pytest

from engine.harness import START, graph_of, pod
from tidegate.engine.assumed import Assumed
from tidegate.engine.rehearsal import rehearse, rehearse_again
from tidegate.engine.reuse import Wanted
from tidegate.engine.run import Run

RUN = Run("ns", "paper", "00000000-0000-0000-0000-000000000000", "flow", "", START)


def played(*tasks, failed=(), undecided=(), spared=(), outputs=None, durations=None, **spec):
    assumed = Assumed(frozenset(failed), frozenset(spared), frozenset(undecided), outputs or {}, durations or {})
    return rehearse(graph_of(*tasks, **spec), RUN, assumed)


def times(rehearsal):
    return {told.task: (told.began, told.ended) for told in rehearsal.tasks}


def told_of(rehearsal, task):
    (told,) = (told for told in rehearsal.tasks if told.task == task)
    return told


def words(told):
    return f"{told.state}: {told.reason}: {told.message}"


def test_attempts_side_by_side_end_in_the_order_of_time():
    tasks = pod("a"), pod("b"), pod("first", "a", "b", runWhen="AnySucceeded"), pod("both", "a", "b")
    assert times(played(*tasks, durations={"a": 30, "b": 10, "first": 5, "both": 5})) == {
        "a": (0, 30),
        "b": (0, 10),
        "first": (10, 15),
        "both": (30, 35),
    }


def test_what_fails_first_decides_about_what_still_starts():
    tasks = pod("broken"), pod("slow"), pod("after", "slow")
    for broken, state in ((5, "Skipped"), (50, "Succeeded")):
        durations = {"broken": broken, "slow": 10, "after": 1}
        rehearsal = played(*tasks, failed=["broken"], durations=durations, failFast=True)
        assert told_of(rehearsal, "after").state == state


def test_a_place_is_free_when_the_task_before_has_ended():
    rehearsal = played(pod("a"), pod("b"), pod("c"), durations={"a": 30, "b": 10, "c": 5}, parallelism=2)
    assert times(rehearsal) == {"a": (0, 30), "b": (0, 10), "c": (10, 15)}


@pytest.mark.parametrize(
    ("seconds", "limit", "attempts", "ended", "outcome"),
    [
        (89, 0, 1, 89, "Succeeded: : "),
        (90, 0, 1, 90, "Succeeded: : "),
        (91, 0, 1, 90, "Failed: TimedOut: it takes 91 s as assumed; timeoutSeconds is 90"),
        (91, 2, 3, 290, "Failed: TimedOut: it takes 91 s as assumed; timeoutSeconds is 90"),
    ],
)
def test_an_attempt_that_takes_longer_than_its_timeout_times_out(seconds, limit, attempts, ended, outcome):
    slow = pod("slow", timeoutSeconds=90, retry={"limit": limit, "delaySeconds": 10})
    told = told_of(played(slow, durations={"slow": seconds}), "slow")
    assert (told.attempts, told.ended, words(told)) == (attempts, ended, outcome)


def test_a_guess_is_never_longer_than_the_timeout():
    rehearsal = played(pod("a", timeoutSeconds=5), pod("b", "a"))
    assert times(rehearsal) == {"a": (0, 5), "b": (5, 65)}
    assert rehearsal.guess == 60


@pytest.mark.parametrize(
    ("deadline", "durations", "guess", "is_late"),
    [
        (1000, {}, 60, False),
        (100, {}, 10, False),
        (5, {}, 1, False),
        (1, {}, 0, False),
        (100, {"a": 95}, 1, False),
        (100, {"a": 101}, None, True),
        (100, {"b": 101}, 0, True),
        (1000, {"a": 1, "b": 1, "c": 1}, None, False),
        (2, {"a": 1, "b": 1, "c": 1}, None, True),
    ],
)
def test_guesses_are_as_short_as_the_deadline_needs_and_no_shorter(deadline, durations, guess, is_late):
    rehearsal = played(pod("a"), pod("b", "a"), pod("c", "b"), durations=durations, deadlineSeconds=deadline)
    assert (rehearsal.guess, rehearsal.is_late, rehearsal.outcome.succeeded) == (guess, is_late, not is_late)


def test_what_is_given_is_stopped_by_the_deadline_and_finally_still_runs():
    tasks, tidy = (pod("long"), pod("after", "long")), [pod("tidy")]
    rehearsal = played(*tasks, durations={"long": 500, "tidy": 7}, deadlineSeconds=100, **{"finally": tidy})
    assert times(rehearsal) == {"long": (0, 100), "after": (None, None), "tidy": (100, 107)}
    assert rehearsal.outcome.reason == "DeadlineExceeded"
    assert told_of(rehearsal, "long").message == "stopped: the run took longer than its deadline of 100 s"


def fan(count, *needs, retry=None, **more):
    items = {"items": list(range(count)), **more}
    return pod("fan", *needs, forEach=items, retry=retry or {})


@pytest.mark.parametrize("strategy", ["Indexed", "Jobs"])
def test_items_take_turns(strategy):
    rehearsal = played(fan(5, parallelism=2, strategy=strategy), durations={"fan": 10})
    assert times(rehearsal) == {"fan": (0, 30)}


@pytest.mark.parametrize("strategy", ["Indexed", "Jobs"])
def test_items_that_ended_before_the_deadline_keep_their_results(strategy):
    task = fan(5, parallelism=2, strategy=strategy)
    rehearsal = played(task, durations={"fan": 10}, outputs={"fan": {"n": 1}}, deadlineSeconds=25)
    assert told_of(rehearsal, "fan").message.endswith("; 4 of 5 items had ended")


@pytest.mark.parametrize(
    ("failed", "spared", "borne", "strategy", "outcome"),
    [
        (
            ["fan[1]"],
            [],
            1,
            "Indexed",
            "Succeeded: ItemsFailed: 1 of 3 items failed, which is borne; the first: item 1",
        ),
        (["fan[1]"], [], 1, "Jobs", "Succeeded: ItemsFailed: 1 of 3 items failed, which is borne; the first: item 1"),
        (["fan[1]"], [], 0, "Indexed", "Failed: TooManyFailed: 1 of 3 items failed, 0 are borne; the first: item 1"),
        (
            ["fan"],
            ["fan[0]"],
            2,
            "Jobs",
            "Succeeded: ItemsFailed: 2 of 3 items failed, which is borne; the first: item 1",
        ),
        (["fan"], [], 3, "Indexed", "Succeeded: ItemsFailed: 3 of 3 items failed, which is borne; the first: item 0"),
    ],
)
def test_single_items_may_fail(failed, spared, borne, strategy, outcome):
    rehearsal = played(fan(3, maxFailed=borne, strategy=strategy), failed=failed, spared=spared)
    assert words(told_of(rehearsal, "fan")).startswith(outcome)


def test_items_of_a_shared_job_are_repeated_with_the_pauses_of_kubernetes():
    rehearsal = played(fan(2, maxFailed=1), pod("b", "fan"), durations={"fan": 10, "b": 1}, failed=["fan[0]"])
    assert times(rehearsal)["fan"] == (0, 10)
    task = fan(2, maxFailed=1, retry={"limit": 3})
    assert times(played(task, durations={"fan": 10}, failed=["fan[0]"]))["fan"] == (0, 4 * 10 + 10 + 20 + 40)
    task = fan(2, maxFailed=1, retry={"limit": 3, "exceptExitCodes": [1]})
    assert times(played(task, durations={"fan": 10}, failed=["fan[0]"]))["fan"] == (0, 10)


def test_chunks_take_turns_too():
    rehearsal = played(fan(5, parallelism=2, chunkSize=2), durations={"fan": 10})
    assert times(rehearsal) == {"fan": (0, 30)}


def asked(**more):
    return {"name": "ask", "approval": {"message": "go on?", "timeoutSeconds": 100, **more}}


@pytest.mark.parametrize(
    ("more", "seconds", "ended", "outcome"),
    [
        ({}, None, 60, "Succeeded: Approved: by somebody"),
        ({"timeoutSeconds": 5}, None, 5, "Succeeded: Approved: by somebody"),
        ({}, 99, 99, "Succeeded: Approved: by somebody"),
        ({}, 101, 100, "Failed: TimedOut: nobody decided within 100 s"),
        ({"onTimeout": "Skip"}, 101, 100, "Skipped: TimedOut: nobody decided within 100 s"),
    ],
)
def test_a_decision_comes_in_time_or_too_late(more, seconds, ended, outcome):
    told = told_of(played(asked(**more), durations={} if seconds is None else {"ask": seconds}), "ask")
    assert (told.began, told.ended, words(told)) == (0, ended, outcome)


def test_each_attempt_of_a_run_is_decided_on_anew():
    tasks, retry = (asked(), pod("after", "ask")), {"limit": 1, "mode": "All", "delaySeconds": 5}
    rehearsal = played(*tasks, failed=["after"], durations={"ask": 20, "after": 10}, retry=retry)
    assert times(rehearsal)["ask"] == (35, 55)
    assert rehearsal.seconds == 65


OBJECT = {
    "name": "see",
    "wait": {"for": {"resource": "pods", "name": "x", "condition": "Ready"}, "timeoutSeconds": 100},
}


@pytest.mark.parametrize(
    ("seconds", "ended", "outcome"),
    [
        (40, 40, "Succeeded: : "),
        (
            400,
            100,
            'Failed: TimedOut: waited 100 s in vain; at last NotYet: pods "x" is assumed to become as it should be',
        ),
    ],
)
def test_an_object_is_met_in_time_or_too_late(seconds, ended, outcome):
    told = told_of(played(OBJECT, durations={"see": seconds}), "see")
    assert told.ended == ended
    assert words(told).startswith(outcome)


def test_a_child_run_takes_its_time_and_is_stopped_with_its_parent():
    call = {"name": "call", "flow": {"name": "other"}}
    assert times(played(call, durations={"call": 40})) == {"call": (0, 40)}
    late = played(call, durations={"call": 40}, deadlineSeconds=30)
    assert (times(late), late.outcome.reason) == ({"call": (0, 30)}, "DeadlineExceeded")


def test_single_children_of_a_fan_out_may_fail():
    call = {"name": "call", "flow": {"name": "other"}, "forEach": {"items": [1, 2], "maxFailed": 1}}
    rehearsal = played(pod("a"), fan(3), call, failed=["call[1]"])
    assert words(told_of(rehearsal, "call")).startswith("Succeeded: ItemsFailed: 1 of 2 items failed, which is borne")


def test_work_that_was_done_before_in_the_run_is_cached():
    cache = {"key": "k", "maxAgeSeconds": 3600}
    rehearsal = played(pod("a", cache=cache), pod("b", "a", cache=cache), durations={"a": 10}, outputs={"a": {"n": 1}})
    told = told_of(rehearsal, "b")
    assert (told.state, told.began, told.ended) == ("Cached", 10, 10)


def test_a_wait_of_a_year_is_over_at_once_and_jobs_that_went_meanwhile_do_no_harm():
    rehearsal = played(pod("a"), {"name": "year", "needs": ["a"], "wait": {"seconds": 31_536_000}}, pod("b", "year"))
    assert rehearsal.seconds == 31_536_000 + 120


def test_what_nobody_decides_is_waited_for_for_ever():
    rehearsal = played({"name": "ask", "approval": {"message": "go on?"}}, pod("a"), undecided=["ask"])
    assert rehearsal.outcome is None
    assert rehearsal.why.startswith("ask waits for a decision (go on?): ")


CHAIN = (
    pod("a"),
    pod("b", "a"),
    pod("c", "b"),
    {"name": "us", "needs": ["a"], "when": "false", "set": {"x": 1}},
    {"name": "end", "needs": ["c"], "set": {"x": "$[[ tasks.a.outputs.n ]]"}},
)
SPEC = {"finally": [pod("tidy")], "outputs": [{"name": "x", "value": "$[[ tasks.end.outputs.x ]]"}]}
TOLD = {"outputs": {"a": {"n": 7}}, "durations": {"a": 100, "b": 10, "c": 1, "tidy": 1}}


def again(wanted, first, then=(), spec=None, tasks=CHAIN):
    """Play a run through in which some tasks fail, and its rerun, in which others do."""
    graph = graph_of(*tasks, **(SPEC if spec is None else spec))
    one = rehearse(graph, RUN, Assumed(failed=frozenset(first), **TOLD))
    return rehearse_again(graph, RUN, one, wanted, Assumed(failed=frozenset(then), **TOLD))


ALWAYS = "tasks of finally run in every rerun"


@pytest.mark.parametrize(
    ("wanted", "first", "why"),
    [
        (Wanted("paper"), ["b"], ["", "it failed", "it could not run", "", "it could not run"]),
        (Wanted("paper"), [], ["", "", "", "", ""]),
        (Wanted("paper", "All"), [], ["everything is done again"] * 5),
        (
            Wanted("paper", "From", ("c",)),
            [],
            ["", "", "the rerun begins at it", "", "it needs c, which is done again"],
        ),
        (Wanted("paper", "From", ("us",)), ["c"], ["", "", "it failed", "the rerun begins at it", "it could not run"]),
    ],
)
def test_a_rerun_says_of_each_task_why_it_is_done_again(wanted, first, why):
    rehearsal = again(wanted, first)
    assert [told.again for told in rehearsal.tasks] == [*why, ALWAYS]
    assert (rehearsal.outcome.succeeded, rehearsal.outcome.outputs) == (True, {"x": 7})


def test_what_is_reused_takes_no_time():
    assert times(again(Wanted("paper"), ["b"])) == {
        "a": (None, None),
        "b": (0, 10),
        "c": (10, 11),
        "us": (None, None),
        "end": (11, 11),
        "tidy": (11, 12),
    }


def test_a_rerun_may_fail_too():
    rehearsal = again(Wanted("paper"), ["b"], then=["c"])
    assert (told_of(rehearsal, "c").state, rehearsal.outcome.reason) == ("Failed", "TaskFailed")


def test_a_rerun_takes_over_a_fan_out_with_its_list():
    reader = {"name": "sum", "needs": ["fan", "bad"], "set": {"n": "$[[ size(tasks.fan.outputs) ]]"}}
    rehearsal = again(Wanted("paper"), ["bad"], spec={}, tasks=(fan(3), pod("bad"), reader))
    assert [told.again for told in rehearsal.tasks] == ["", "it failed", "it could not run"]
    assert rehearsal.state.outputs[2] == {"n": 3}


def test_with_fail_fast_what_was_skipped_is_judged_anew():
    tasks = pod("bad"), pod("slow"), pod("after", "slow")
    rehearsal = again(Wanted("paper"), ["bad"], spec={"failFast": True}, tasks=tasks)
    assert told_of(rehearsal, "after").again == "it was skipped, and with failFast perhaps for a failure elsewhere"
    assert told_of(rehearsal, "after").state == "Succeeded"
