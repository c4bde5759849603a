"""Fan-outs: a list known at run time becomes Jobs, is borne or given up, and ends as a list in the items' order."""

from typing import Any

import pytest

from engine.harness import Story, graph_of, pod
from tidegate.api.flow import FlowSpec
from tidegate.engine.actions import ConfirmGone, Share, StopJob
from tidegate.engine.facts import Confirmed, JobState, Rejection
from tidegate.engine.graph import compile_flow
from tidegate.engine.views import TasksView


def fan(items: Any, *, name: str = "x", **more: Any) -> dict[str, Any]:
    """Give a task that runs once for each item."""
    options = {key: more.pop(key) for key in ("strategy", "parallelism", "maxFailed", "chunkSize") if key in more}
    return pod(name, forEach={"items": items, **options}, **more)


def jobs(items: Any, **more: Any) -> dict[str, Any]:
    """Give a task that runs a Job for each item."""
    return fan(items, strategy="Jobs", **more)


def told(story: Story, task: str = "x") -> tuple[str, str, str]:
    row = story.row(task)
    return row["state"], row.get("reason", ""), row.get("message", "")


def view(story: Story, task: str = "x") -> dict[str, Any]:
    """Give what expressions see of a task."""
    assert story.state is not None
    seen = TasksView(story.graph, story.state.ledger, story.state.outputs, frozenset())[task]
    return {key: seen[key] for key in ("outputs", "succeeded", "failed")}


# The list


@pytest.mark.parametrize("strategy", ["Indexed", "Jobs"])
def test_an_empty_list_succeeds_at_once_with_an_empty_list(strategy: str):
    reader = pod("after", "x", args=["$[[ string(size(tasks.x.outputs)) ]]"])
    story = Story(graph_of(fan([], strategy=strategy), reader))
    story.step()
    assert (story.letters, told(story)[0]) == ("SI", "Succeeded")
    story.reload()
    story.step()
    assert story.jobs_started()[0].inputs.args == ("0",)
    assert view(story) == {"outputs": [], "succeeded": 0, "failed": 0}


BAD = {
    "null": (None, "ItemsInvalid", "forEach.items gave null; expected a list"),
    "text": ("a,b", "ItemsInvalid", 'forEach.items gave the string "a,b"; expected a list'),
    "number": (3, "ItemsInvalid", "forEach.items gave the number 3; expected a list"),
    "object": ({"a": 1}, "ItemsInvalid", 'forEach.items gave the object {"a": 1}; expected a list'),
    "long": (
        list(range(10_001)),
        "TooManyItems",
        "forEach.items gave 10,001 items; at most 10,000 are allowed",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_list_or_too_long_fails_the_task_before_any_job(name: str):
    value, reason, message = BAD[name]
    story = Story(graph_of(fan(value)))
    plan = story.step()
    assert (told(story), story.letters) == (("Failed", reason, message), "F")
    assert (plan.stores, story.jobs_started()) == ((), [])


def test_strategy_jobs_takes_fewer_items_and_says_what_takes_more():
    story = Story(graph_of(jobs(list(range(1001)))))
    story.step()
    message = "forEach.items gave 1,001 items; strategy Jobs takes at most 1,000: use strategy Indexed"
    assert told(story) == ("Failed", "TooManyItems", message)


def test_an_item_too_large_for_a_configmap_is_told():
    story = Story(graph_of(fan(["ok", "x" * 930_000])))
    story.step()
    assert told(story)[1:] == (
        "ItemTooLarge",
        "item 1 has 930,000 bytes; at most 921,568 fit a ConfigMap: give the address of the data instead",
    )


def test_items_come_from_params_and_from_outputs():
    flow = graph_of(
        fan("$[[ params.files ]]"),
        pod("list"),
        jobs("$[[ tasks.list.outputs.files.filter(f, f != 'b') ]]", name="y", needs=["list"]),
        params=[{"name": "files", "type": "array"}],
    )
    story = Story(flow, params={"files": ["a", "b"]})
    story.step()
    assert story.started() == [("x[0-1]", 1), ("list", 1)]
    story.succeeds("list", '{"files": ["a", "b", "c"]}')
    story.step()
    assert story.started() == [("y[0]", 1), ("y[1]", 1)]


def test_a_list_whose_expression_fails_ends_the_task():
    story = Story(graph_of(pod("list"), fan("$[[ tasks.list.outputs.nothing ]]", needs=["list"])))
    story.step()
    story.succeeds("list")
    story.step()
    assert (story.letters, told(story)[1]) == ("SF", "ExpressionFailed")


# Chunks


def test_items_are_stored_before_status_names_them_a_key_each():
    story = Story(graph_of(fan(["a", {"b": 1}, "c"], chunkSize=2)))
    plan = story.step()
    first, second = plan.stores
    assert first.data == {"0": "a", "0.index": "0", "1": '{"b":1}', "1.index": "1"}
    assert second.data == {"0": "c", "0.index": "2"}
    assert plan.status["ledger"] == {
        "slots": "LII",
        "attempts": [1, 1, 1],
        "extra": [[1, 0, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 0, 1]],
        "blocks": [
            {"task": "x", "first": 1, "count": 2, "total": 3, "size": 2, "items": [first.name, second.name]},
        ],
    }
    assert [job.share for job in story.jobs_started()] == [
        Share(first.name, 0, 0, 2, parallelism=2),
        Share(second.name, 2, 0, 1, parallelism=1),
    ]


def test_chunks_are_cut_so_that_they_fit_a_configmap():
    story = Story(graph_of(fan(["x" * 300_000] * 7), parallelism=50))
    plan = story.step()
    assert [len(content.data) // 2 for content in plan.stores] == [3, 3, 1]
    assert all(sum(map(len, content.data.values())) < 921_600 for content in plan.stores)


@pytest.mark.parametrize("state", [JobState.SUSPENDED, JobState.FAILING])
def test_the_pods_of_a_chunk_are_not_believed_while_its_job_may_run_them_again_or_has_failed(state: JobState):
    story = Story(graph_of(fan(["a", "b"])))
    story.step()
    part = "x[0-1]"
    for index in range(2):
        story.item_ends(part, index)
    story.chunk(part, state)
    story.step()
    assert story.letters == "LO"
    story.chunk(part)
    story.step()
    assert story.letters == "SS"


def test_a_chunk_that_failed_is_over_when_no_pod_of_it_lives():
    story = Story(graph_of(fan(["a", "b"], maxFailed=1)))
    story.step()
    part = "x[0-1]"
    story.item_ends(part, 0)
    story.item_fails(part, 1)
    story.chunk(part, JobState.FAILED, completed="0", failed="1")
    plan = story.step()
    assert story.letters == "LO"
    assert ConfirmGone(story.at(part)) in plan.actions
    story.item(part, 0, running=False, alive=False, clean=True, exit_code=0)
    story.step()
    assert story.letters == "SF"


def test_a_chunk_that_ends_well_gives_its_outputs_in_order():
    story = Story(graph_of(fan(["a", "b", "c"], chunkSize=2)))
    story.step()
    story.chunk("x[2]")
    story.item_ends("x[2]", 0, '{"n": 2}')
    story.step()
    assert story.letters == "LIS"
    story.chunk("x[0-1]", JobState.COMPLETE, completed="0,1")
    story.item_ends("x[0-1]", 1, '{"n": 1}')
    story.item_ends("x[0-1]", 0)
    story.step()
    assert (story.letters, story.condition) == ("SSS", ("True", "Completed"))
    expected = {"outputs": [{}, {"n": 1}, {"n": 2}], "succeeded": 3, "failed": 0}
    assert view(story) == expected
    story.reload()
    assert view(story) == expected


def test_outputs_of_chunks_live_in_configmaps_and_not_in_status():
    story = Story(graph_of(fan(["a"])))
    story.step()
    story.chunk("x[0]")
    story.item_ends("x[0]", 0, '{"n": 1}')
    plan = story.step()
    assert "outputs" not in plan.status
    assert [name for block in plan.status["ledger"]["blocks"] for name in block["results"]] == [
        content.name for content in plan.stores
    ]


def test_a_chunk_whose_items_wrote_nothing_needs_no_configmap():
    story = Story(graph_of(fan(["a", "b"])))
    story.step()
    story.chunk("x[0-1]")
    for index in (0, 1):
        story.item_ends("x[0-1]", index)
    plan = story.step()
    assert (story.letters, plan.stores) == ("SS", ())
    story.reload()
    assert view(story)["outputs"] == [{}, {}]


def test_a_complete_chunk_waits_for_the_outputs_it_has_not_seen_and_knows_when_they_are_lost():
    story = Story(graph_of(fan(["a", "b"]), outputs=[{"name": "all", "value": "$[[ tasks.x.outputs ]]"}]))
    story.step()
    story.chunk("x[0-1]", JobState.COMPLETE, completed="0,1")
    story.item("x[0-1]", 0, running=False, alive=False, clean=True, exit_code=0, output='{"n": 0}')
    plan = story.step()
    assert (story.letters, [type(a) for a in plan.actions]) == ("LO", [ConfirmGone])
    story.confirmed[1, 1] = frozenset({Confirmed.PODS_GONE})
    story.step()
    assert story.letters == "FF"
    assert told(story)[1] == "TooManyFailed"
    assert "item 1: OutputsLost: its pod was gone before the output was read" in told(story)[2]
    assert view(story) == {"outputs": [{"n": 0}, None], "succeeded": 1, "failed": 1}


def test_outputs_that_nobody_reads_may_be_lost():
    story = Story(graph_of(fan(["a"])))
    story.step()
    story.chunk("x[0]", JobState.COMPLETE, completed="0")
    story.confirmed[1, 1] = frozenset({Confirmed.PODS_GONE})
    story.step()
    assert story.letters == "SS"


def test_an_item_whose_output_is_wrong_has_failed():
    story = Story(graph_of(fan(["a", "b"], maxFailed=1, outputs=[{"name": "n", "type": "integer"}])))
    story.step()
    story.chunk("x[0-1]")
    story.item_ends("x[0-1]", 0, '{"n": 1}')
    story.item_ends("x[0-1]", 1, '{"n": "one"}')
    story.step()
    assert (story.letters, story.condition) == ("SF", ("True", "CompletedWithWarnings"))
    assert view(story) == {"outputs": [{"n": 1}, None], "succeeded": 1, "failed": 1}


# Failures


def test_more_failed_items_than_are_borne_end_the_task_and_name_the_first():
    story = Story(graph_of(fan(["a", "b", "c", "d"], chunkSize=2, maxFailed=1, parallelism=2)))
    story.step()
    assert story.letters == "LIP"
    story.chunk("x[0-1]", JobState.FAILED, failed="0,1")
    story.item_fails("x[0-1]", 1, exit_code=3, message="boom")
    story.now += 1
    story.item_fails("x[0-1]", 0, exit_code=4)
    story.step()
    assert (story.letters, story.condition) == ("FFZ", ("False", "TaskFailed"))
    assert told(story) == (
        "Failed",
        "TooManyFailed",
        "2 of 4 items failed, 1 is borne; the first: item 0: ExitCode: exit code 4",
    )


def test_running_chunks_are_stopped_with_their_names_held_and_what_had_ended_keeps_its_result():
    story = Story(graph_of(fan(["a", "b", "c"], chunkSize=2)))
    story.step()
    story.chunk("x[0-1]", failed="0")
    story.item_fails("x[0-1]", 0, exit_code=3, message="boom")
    story.item_ends("x[0-1]", 1, '{"n": 1}')
    story.chunk("x[2]")
    story.item("x[2]", 0)
    plan = story.step()
    assert story.letters == "LXX"
    story.step()
    assert [type(a) for a in story.plan.actions] == [StopJob, StopJob]  # type: ignore[union-attr]
    assert plan.status["why"] == "x is being stopped"
    for part in ("x[0-1]", "x[2]"):
        story.confirmed[story.at(part)] = frozenset({Confirmed.STOPPED})
    story.pods[story.at("x[2]")] = ()
    story.chunk("x[0-1]", JobState.TOMBSTONE, failed="0", completed="1")
    story.item("x[0-1]", 1, running=False, alive=False, clean=True, exit_code=0, output='{"n": 1}')
    story.step()
    assert story.letters == "FZZ"
    assert told(story) == (
        "Failed",
        "TooManyFailed",
        "1 of 3 items failed, 0 are borne; the first: item 0: ExitCode: exit code 3: boom",
    )
    assert view(story) == {"outputs": [None, {"n": 1}, None], "succeeded": 1, "failed": 1}
    story.reload()
    assert view(story) == {"outputs": [None, {"n": 1}, None], "succeeded": 1, "failed": 1}


def test_failures_that_are_borne_end_the_run_with_warnings():
    story = Story(graph_of(fan(["a", "b", "c"], maxFailed=1), pod("next", "x")))
    story.step()
    story.chunk("x[0-2]", JobState.FAILED, completed="0,2", failed="1")
    for index in (0, 2):
        story.item_ends("x[0-2]", index)
    story.item_fails("x[0-2]", 1, exit_code=3)
    story.pods[story.at("x[0-2]")] = tuple(pod for pod in story.pods[story.at("x[0-2]")] if not pod.alive)
    story.confirmed[story.at("x[0-2]")] = frozenset({Confirmed.PODS_GONE})
    story.step()
    assert story.started() == [("next", 1)]
    story.succeeds("next")
    story.step()
    assert (story.letters, story.condition) == ("SSF", ("True", "CompletedWithWarnings"))
    assert (
        "x: 1 of 3 items failed, which is borne; the first: item 1: ExitCode: exit code 3" in story.plan.status["why"]
    )  # type: ignore[union-attr]


def test_a_chunk_is_told_how_many_failures_are_left():
    story = Story(graph_of(fan(["a", "b", "c"], chunkSize=1, maxFailed=2, parallelism=1)))
    story.step()
    assert story.jobs_started()[0].share.max_failed == 1  # type: ignore[union-attr]
    story.chunk("x[0]", JobState.FAILED, failed="0")
    story.item_fails("x[0]", 0)
    story.step()
    assert story.started() == [("x[1]", 1)]
    assert story.jobs_started()[0].share.max_failed == 1  # type: ignore[union-attr]


def test_a_chunk_job_that_is_refused_fails_its_items():
    story = Story(graph_of(fan(["a", "b"])))
    story.step()
    story.rejections[story.at("x[0-1]")] = Rejection("JobRejected", "spec is invalid", final=True)
    story.step()
    assert story.letters == "FF"
    assert told(story)[1:] == (
        "TooManyFailed",
        "2 of 2 items failed, 0 are borne; the first: item 0: JobRejected: spec is invalid",
    )


def test_a_chunk_whose_job_somebody_deleted_fails_what_had_not_ended():
    story = Story(graph_of(fan(["a", "b"], maxFailed=2)))
    story.step()
    story.chunk("x[0-1]")
    story.step()
    story.jobs.clear()
    story.step()
    story.chunk("x[0-1]", JobState.TOMBSTONE)
    story.confirmed[story.at("x[0-1]")] = frozenset({Confirmed.PODS_GONE})
    story.step()
    assert (story.letters, view(story)["failed"]) == ("SF", 2)


def test_an_item_that_the_cluster_takes_too_often_ends_its_chunk():
    story = Story(graph_of(fan(["a", "b"], retry={"maxDisruptions": 1})))
    story.step()
    story.chunk("x[0-1]")
    story.item("x[0-1]", 1, disruptions=1)
    plan = story.step()
    assert (story.letters, plan.disruptions) == ("LO", ("Disrupted",))
    story.item("x[0-1]", 1, disruptions=1, disruption="EvictionByEvictionAPI", alive=False, running=False)
    plan = story.step()
    assert (story.letters, plan.disruptions) == ("LY", ("EvictionByEvictionAPI",))
    story.confirmed[story.at("x[0-1]")] = frozenset({Confirmed.STOPPED})
    story.step()
    assert story.letters == "FF"
    assert "item 0: TooManyDisruptions: item 1 was disrupted 2 times; retry.maxDisruptions is 1" in told(story)[2]


def test_a_chunk_of_which_no_pod_runs_in_time_is_given_up():
    story = Story(graph_of(fan(["a", "b"], startDeadlineSeconds=60)))
    story.step()
    story.chunk("x[0-1]")
    story.item("x[0-1]", 0, running=False, started=None, trouble="Unschedulable", trouble_message="no node")
    story.step()
    story.step(59)
    assert story.letters == "LO"
    story.step(1)
    assert story.letters == "LY"


def test_a_chunk_whose_later_items_find_no_node_is_given_up_too():
    story = Story(graph_of(fan(["a", "b"], startDeadlineSeconds=60)))
    story.step()
    story.chunk("x[0-1]")
    story.item("x[0-1]", 0)
    story.step(600)
    assert story.letters == "LO"
    story.item("x[0-1]", 0, running=False, alive=False, clean=True, exit_code=0, finished=story.now)
    story.item("x[0-1]", 1, running=False, started=None)
    story.step(59)
    assert story.letters == "LO"
    story.step(1)
    assert story.letters == "LY"


# Jobs


def test_each_item_has_a_job_with_its_own_item_and_number():
    story = Story(graph_of(jobs(["a", {"k": 2}], args=["$[[ index ]]", "$[[ item ]]"])))
    plan = story.step()
    assert [job.inputs.args for job in story.jobs_started()] == [("0", "a"), ("1", '{"k":2}')]
    (content,) = plan.stores
    assert [job.share for job in story.jobs_started()] == [Share(content.name, 0, 0), Share(content.name, 1, 1)]
    story.reload()
    story.step()
    assert [(job.fresh, job.inputs.args) for job in story.jobs_started()] == [
        (False, ("0", "a")),
        (False, ("1", '{"k":2}')),
    ]


def test_an_item_with_a_job_is_tried_again_as_a_task_would_be():
    story = Story(graph_of(jobs(["a", "b"], retry={"limit": 1, "delaySeconds": 30})))
    story.step()
    story.fails("x[1]")
    story.succeeds("x[0]", '{"n": 0}')
    story.step()
    assert story.letters == "LSR"
    story.reload()
    story.step(30)
    assert story.started() == [("x[1]", 2)]
    story.succeeds("x[1]", '{"n": 1}')
    story.step()
    assert (story.letters, story.condition) == ("SSS", ("True", "Completed"))
    story.reload()
    assert view(story) == {"outputs": [{"n": 0}, {"n": 1}], "succeeded": 2, "failed": 0}


def test_outputs_of_items_with_jobs_leave_status_when_they_are_too_many():
    story = Story(graph_of(jobs(list(range(9))), parallelism=9))
    story.step()
    for index in range(9):
        story.succeeds(f"x[{index}]", '{"text": "%s"}' % (str(index) * 1000))
        plan = story.step()
    assert (story.letters, len(plan.status["outputRefs"])) == ("S" * 10, 1)
    before = view(story)
    story.reload()
    assert view(story) == before
    assert [output["text"][0] for output in before["outputs"]] == list("012345678")


def test_a_failed_item_with_a_job_gives_up_the_others():
    story = Story(graph_of(jobs(["a", "b", "c"], parallelism=2)))
    story.step()
    assert story.letters == "LIIP"
    story.runs("x[1]")
    story.fails("x[0]", exit_code=7, message="no")
    story.step()
    assert story.letters == "LFXZ"
    story.confirmed[story.at("x[1]")] = frozenset({Confirmed.STOPPED})
    story.pods[story.at("x[1]")] = ()
    story.step()
    assert story.letters == "FFZZ"
    assert told(story)[1:] == (
        "TooManyFailed",
        "1 of 3 items failed, 0 are borne; the first: item 0: ExitCode: exit code 7: no",
    )


# Places


def test_items_keep_within_their_own_parallelism_and_the_runs():
    story = Story(graph_of(jobs(["a", "b", "c"], parallelism=2), pod("other"), parallelism=3))
    story.step()
    assert story.started() == [("x[0]", 1), ("x[1]", 1), ("other", 1)]
    story.succeeds("x[0]")
    story.step()
    assert story.started() == []
    story.pods[story.at("x[0]")] = ()
    story.step()
    assert story.started() == [("x[2]", 1)]


CHUNKS = {
    "one at a time": (3, 2, [2]),
    "as many whole ones as fit": (3, 7, [3, 3]),
    "all": (3, 50, [3, 3, 3, 1]),
}


@pytest.mark.parametrize("case", CHUNKS)
def test_chunks_run_side_by_side_as_far_as_whole_ones_fit(case: str):
    size, parallelism, pods = CHUNKS[case]
    story = Story(graph_of(fan(list(range(10)), chunkSize=size), parallelism=parallelism))
    story.step()
    assert [job.share.parallelism for job in story.jobs_started()] == pods  # type: ignore[union-attr]


def test_a_chunk_beside_other_tasks_takes_what_is_left_but_half_at_least():
    flow = graph_of(pod("a"), pod("b"), fan(list(range(10))), pod("c"), parallelism=5)
    story = Story(flow)
    story.step()
    assert story.started() == [("a", 1), ("b", 1), ("x[0-9]", 1)]
    assert story.jobs_started()[2].share.parallelism == 3  # type: ignore[union-attr]
    assert story.letters == "IILHI"
    flow = graph_of(pod("a"), pod("b"), pod("d"), fan(list(range(10))), pod("c"), parallelism=5)
    story = Story(flow)
    story.step()
    assert story.letters == "IIILHP"
    story.succeeds("a")
    story.step()
    story.pods[story.at("a")] = ()
    story.step()
    assert story.started() == [("x[0-9]", 1)]


def test_a_chunk_gives_back_the_places_of_items_that_have_ended():
    story = Story(graph_of(fan(list(range(4))), pod("other"), parallelism=4))
    story.step()
    assert story.letters == "LHI"
    story.chunk("x[0-3]", completed="0-2")
    story.step()
    assert story.started() == [("other", 1)]


# Stops


@pytest.mark.parametrize("desired", ["Cancelled", "Terminated"])
def test_a_stopped_run_stops_its_items(desired: str):
    story = Story(graph_of(jobs(["a", "b", "c"], parallelism=2)))
    story.step()
    story.runs("x[0]")
    story.desired = desired
    story.step()
    assert story.letters == "LXXZ"
    for part in ("x[0]", "x[1]"):
        story.confirmed[story.at(part)] = frozenset({Confirmed.STOPPED})
        story.pods[story.at(part)] = ()
    story.step()
    assert (story.letters, story.condition) == ("ZZZZ", ("False", "Cancelled"))


def test_a_paused_run_starts_no_further_item():
    story = Story(graph_of(jobs(["a", "b"], parallelism=1)))
    story.step()
    story.desired = "Paused"
    story.succeeds("x[0]")
    story.step()
    assert story.letters == "LSP"
    story.desired = "Running"
    story.pods.clear()
    story.step()
    assert story.started() == [("x[1]", 1)]


def test_a_paused_run_begins_no_fan_out_and_goes_on_later():
    story = Story(graph_of(fan(["a"])), desired="Paused")
    story.step()
    assert story.letters == "H"
    story.desired = "Running"
    story.step()
    assert story.letters == "LI"


def test_fail_fast_starts_no_further_item():
    story = Story(graph_of(pod("a"), jobs(["a", "b"], parallelism=1), failFast=True))
    story.step()
    story.fails("a")
    story.step()
    assert story.letters == "FLIK"
    story.succeeds("x[0]")
    story.step()
    assert (story.letters, told(story)[1]) == ("FKSK", "FailFast")


def test_a_run_that_is_tried_again_runs_its_items_anew():
    flow = graph_of(jobs(["a", "b"]), pod("after", "x", args=["$[[ tasks.x.outputs ]]"]), retry={"limit": 1})
    story = Story(flow)
    story.step()
    story.succeeds("x[0]", '{"old": true}')
    story.fails("x[1]")
    story.step()
    assert story.letters == "FUSF"
    story.step(60)
    assert (story.letters, story.started()) == ("LPSFII", [("x[0]", 1), ("x[1]", 1)])
    story.reload()
    for part in ("x[0]", "x[1]"):
        story.succeeds(part)
    story.step()
    assert story.letters == "SISFSS"
    story.reload()
    story.step()
    assert story.jobs_started()[0].inputs.args == ("[{},{}]",)


# What is refused when a Flow is applied


def findings(task: dict[str, Any]) -> list[tuple[str, str]]:
    graph, found = compile_flow(FlowSpec.model_validate({"tasks": [task]}))
    assert graph is None
    return [(".".join(map(str, finding.keys[3:])), finding.message) for finding in found]


@pytest.mark.parametrize(("name", "file"), [("item", "$TIDEGATE_ITEM"), ("index", "$TIDEGATE_INDEX")])
def test_a_shared_template_may_not_mention_an_item(name: str, file: str):
    message = f"{name} is not known here: all items share one pod template; read it from the file {file}, or use "
    assert findings(fan([1], args=[f"$[[ string({name}) ]]"])) == [("args.0", message + "strategy: Jobs")]
    assert graph_of(fan([1], args=[f"$[[ [1].map({name}, {name})[0] ]]"]))


@pytest.mark.parametrize(
    "field",
    [
        {"delaySeconds": 1},
        {"factor": 2},
        {"maxDelaySeconds": 9},
        {"jitterPercent": 5},
        {"when": "exitCode == 1"},
        {"onOOM": {"maxMemory": "1Gi"}},
    ],
    ids=lambda field: next(iter(field)),
)
def test_a_shared_job_cannot_do_all_of_retry(field: dict[str, Any]):
    message = "is not for items that share Jobs, which Kubernetes repeats: leave it out, or use strategy: Jobs"
    assert findings(fan([1], retry=field)) == [(f"retry.{next(iter(field))}", message)]
    assert graph_of(jobs([1], retry=field))


def test_of_defaults_items_that_share_jobs_take_what_these_can_do():
    flow = graph_of(fan([1]), jobs([1], name="y"), taskDefaults={"retry": {"limit": 2, "delaySeconds": 7}})
    x, y = flow.nodes
    assert (x.retry.limit, x.retry.delays, y.retry.delays) == (2, (10,), (7,))


def test_items_that_all_fail_as_they_start_end_their_task_in_the_same_step():
    story = Story(graph_of(jobs([{"a": 1}, {"a": 2}], args=["$[[ item.b ]]"])))
    story.step()
    assert story.letters == "FFF"


def test_fail_fast_ends_a_fan_out_of_which_nothing_has_started():
    flow = graph_of(jobs(["a"]), {"name": "no", "fail": {}}, failFast=True, **{"finally": [pod("tidy")]})
    story = Story(flow)
    story.step()
    assert story.letters == "KFIK"
    story.succeeds("tidy")
    story.step()
    assert (story.letters, story.condition) == ("KFSK", ("False", "TaskFailed"))
