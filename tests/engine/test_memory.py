"""`retry.onOOM`: what runs out of memory is tried again with more, in a budget of its own, up to an end."""

from typing import Any

import pytest

from engine.harness import Story, graph_of, pod
from tidegate.engine.actions import StartJob

GROW = {"memoryPercent": 200, "maxMemory": "48Mi"}


def memory(limit: str | None = "16Mi", request: str | None = None) -> dict[str, Any]:
    fields = {"limits": limit, "requests": request}
    return {field: {"memory": amount} for field, amount in fields.items() if amount is not None}


def hungry(resources: dict[str, Any] | None = None, *, retry: dict[str, Any] | None = None, **task: Any) -> Story:
    given = {"resources": resources} if resources else {}
    spec = {key: task.pop(key) for key in ("params", "taskDefaults") if key in task}
    story = Story(graph_of(pod("a", retry={"onOOM": GROW, **(retry or {})}, **given, **task), **spec))
    story.step()
    return story


def runs_out(story: Story) -> None:
    story.fails("a", reason="OOMKilled", exit_code=137, oom=True)
    story.step(1)


def started_with(story: Story) -> dict[str, Any] | None:
    assert story.plan is not None
    (start,) = (action for action in story.plan.actions if isinstance(action, StartJob))
    return dict(start.inputs.resources) if start.inputs.resources else None


def test_the_next_attempt_has_more_memory_at_once_and_the_row_says_how_much():
    story = hungry(memory("16Mi"))
    story.fails("a", reason="OOMKilled", exit_code=137, oom=True)
    plan = story.step(1)
    assert started_with(story) == memory("32Mi")
    (told,) = plan.happenings
    assert "OOMKilled: it used more memory than its limit; the next attempt gets 32Mi" in told.message
    assert story.started() == [("a", 2)]


def test_memory_grows_to_its_end_and_then_running_out_is_a_failure_like_others():
    story = hungry(memory("16Mi"))
    given = []
    while story.letters != "F":
        runs_out(story)
        given += [started_with(story)] if story.letters == "I" else []
    assert given == [memory("32Mi"), memory("48Mi")]
    assert story.row("a")["reason"] == "OOMKilled"
    assert story.at("a")[1] == 3


def test_at_the_end_of_memory_the_retries_of_failures_go_on_with_all_of_it():
    story = hungry(memory("48Mi"), retry={"limit": 1, "delaySeconds": 5})
    runs_out(story)
    assert story.letters == "R"
    story.step(5)
    assert started_with(story) == memory("48Mi")
    runs_out(story)
    assert story.letters == "F"


def test_other_failures_leave_the_memory_as_it_has_become():
    story = hungry(memory("16Mi"), retry={"limit": 1, "delaySeconds": 0})
    runs_out(story)
    story.fails("a", exit_code=1)
    story.step(1)
    assert story.started() == [("a", 3)]
    assert started_with(story) == memory("32Mi")


def test_a_reload_in_the_middle_forgets_nothing():
    story = hungry(memory("16Mi"))
    runs_out(story)
    story.reload()
    story.step(1)
    assert started_with(story) == memory("32Mi")  # its Job was named, but not seen yet
    runs_out(story)
    assert started_with(story) == memory("48Mi")


def test_requests_grow_with_the_limit_and_never_beyond_the_end():
    story = hungry(memory("40Mi", "40Mi"))
    runs_out(story)
    assert started_with(story) == memory("48Mi", "48Mi")
    story = hungry(memory("20Mi", "8Mi"))
    runs_out(story)
    assert started_with(story) == memory("40Mi", "16Mi")


def template(limit: str, name: str = "main") -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name, "image": "busybox", "resources": memory(limit)}]}}


@pytest.mark.parametrize(
    ("task", "grown"),
    [
        ({"podTemplate": template("16Mi")}, "32Mi"),
        ({"podTemplate": template("16Mi", name="only")}, "32Mi"),
        ({"taskDefaults": {"podTemplate": template("16Mi")}}, "32Mi"),
        ({"taskDefaults": {"resources": memory("16Mi")}}, "32Mi"),
        ({"podTemplate": template("10Mi"), "taskDefaults": {"podTemplate": template("16Mi")}}, "20Mi"),
        ({"resources": memory("10Mi"), "podTemplate": template("16Mi")}, "20Mi"),
        ({"params": [{"name": "mi", "type": "integer"}], "resources": memory("$[[ params.mi ]]Mi")}, "14Mi"),
    ],
    ids=["template", "only container", "default template", "default resources", "own template", "sugar", "expression"],
)
def test_the_limit_is_found_where_the_pod_takes_it_from(task: dict[str, Any], grown: str):
    resources = task.pop("resources", None)
    story = hungry(resources, **task) if "params" not in task else None
    if story is None:
        story = Story(graph_of(pod("a", retry={"onOOM": GROW}, resources=resources), params=task["params"]), {"mi": 7})
        story.step()
    runs_out(story)
    assert started_with(story) == memory(grown)


@pytest.mark.parametrize("resources", [None, memory(None, "16Mi"), memory("lots")], ids=["none", "request", "nonsense"])
def test_without_a_known_limit_running_out_is_a_failure_like_others(resources: dict[str, Any] | None):
    story = hungry(resources)
    runs_out(story)
    assert story.letters == "F"


def test_another_container_out_of_memory_is_no_reason_to_give_main_more():
    story = hungry(memory("16Mi"))
    story.fails("a", reason="OOMKilled", exit_code=137)
    story.step(1)
    assert (story.letters, story.row("a")["reason"]) == ("F", "OOMKilled")


@pytest.mark.parametrize("more", [{"exceptExitCodes": [137]}, {"when": "false"}], ids=["exceptExitCodes", "when"])
def test_codes_and_when_judge_only_what_counts_against_the_limit(more: dict[str, Any]):
    story = hungry(memory("24Mi"), retry={"limit": 3, **more})
    runs_out(story)
    assert started_with(story) == memory("48Mi")
    runs_out(story)
    assert story.letters == "F"


def test_without_on_oom_the_memory_stays():
    story = Story(graph_of(pod("a", retry={"limit": 1, "delaySeconds": 0}, resources=memory("16Mi"))))
    story.step()
    runs_out(story)
    assert started_with(story) == memory("16Mi")
