"""`cache`: what is asked, what is taken, what is kept, and what makes two pieces of work the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.harness import START, Story, graph_of, pod
from tidegate.api.cacheentry import CacheEntrySpec
from tidegate.api.conditions import timestamp
from tidegate.api.policies import CacheScope
from tidegate.engine.actions import KeepResult, LookUp
from tidegate.engine.facts import CacheAnswer

DAY = 86_400


def story_of(*tasks: dict[str, Any], **spec: Any) -> Story:
    """Give a run that somebody can look up things for, at its first step."""
    story = Story(graph_of(*tasks, **spec))
    story.cached = {}
    story.step()
    return story


def cached_task(name: str = "a", *needs: str, cache: dict[str, Any] | None = None, **task: Any) -> dict[str, Any]:
    return pod(name, *needs, cache={"maxAgeSeconds": DAY, **(cache or {})}, **task)


def asked(story: Story) -> list[LookUp]:
    assert story.plan is not None
    return [action for action in story.plan.actions if isinstance(action, LookUp)]


def kept(story: Story) -> list[CacheEntrySpec]:
    assert story.plan is not None
    specs = [action.spec for action in story.plan.actions if isinstance(action, KeepResult)]
    return [CacheEntrySpec.model_validate(spec) for spec in specs]


def key_of(task: dict[str, Any]) -> str:
    (look,) = asked(story_of(task))
    return look.key


def answers(story: Story, task: str = "a", **entry: Any) -> None:
    """Let an entry be found, written an hour ago by another run; `entry` changes what it says."""
    slot = story.at(task)[0]
    key = next(look.key for look in asked(story) if look.attempt[0] == slot)
    spec = {
        "flow": "flow",
        "task": task.partition("[")[0],
        "run": "old-run",
        "runUID": "uid-old",
        "scope": "Flow",
        "key": key,
        "time": timestamp(story.now - 3600),
        "expireTime": timestamp(story.now + DAY),
        "outputs": {"n": 1},
    }
    assert story.cached is not None
    story.cached[slot] = CacheAnswer({**spec, **entry})


def finds_nothing(story: Story, task: str = "a", problem: str = "") -> None:
    assert story.cached is not None
    story.cached[story.at(task)[0]] = CacheAnswer(problem=problem)


def test_before_it_starts_it_is_asked_whether_the_work_was_done():
    story = story_of(cached_task())
    (look,) = asked(story)
    assert (look.attempt, look.scope, len(look.key)) == ((0, 0), CacheScope.FLOW, 64)
    assert (story.letters, story.started()) == ("H", [])
    assert story.row("a")["reason"] == "CacheLookup"


def test_what_is_found_is_taken_and_the_row_names_the_run_that_did_it():
    story = story_of(cached_task(), pod("b", "a", when="tasks.a.outputs.n == 1"))
    answers(story)
    story.step(1)
    assert story.letters == "CI"
    row = story.row("a")
    assert (row["state"], row["reason"]) == ("Cached", "CacheHit")
    assert "run old-run did the same work at 2025-" in row["message"]
    assert "attempt" not in row
    assert kept(story) == []


def test_what_is_not_found_is_done_and_kept_with_its_success():
    story = story_of(cached_task())
    (look,) = asked(story)
    finds_nothing(story)
    story.step(1)
    assert (story.letters, story.started(), asked(story)) == ("I", [("a", 1)], [])
    story.succeeds("a", '{"n": 7}')
    story.step(9)
    (entry,) = kept(story)
    assert (entry.key, entry.outputs, entry.run, entry.run_uid) == (look.key, {"n": 7}, "run", "uid-1")
    assert (entry.time, entry.expire_time) == (timestamp(START + 1), timestamp(START + 1 + DAY))


def test_failures_are_never_kept():
    story = story_of(cached_task())
    finds_nothing(story)
    story.step(1)
    story.fails("a")
    story.step(1)
    assert (story.letters, kept(story)) == ("F", [])


def test_an_output_that_breaks_its_contract_is_not_kept():
    story = story_of(cached_task(outputs=[{"name": "n", "type": "integer"}]))
    finds_nothing(story)
    story.step(1)
    story.succeeds("a", '{"n": "x"}')
    story.step(1)
    assert (story.letters, kept(story)) == ("F", [])


@pytest.mark.parametrize(("age", "letters"), [(DAY, "C"), (DAY + 1, "I")])
def test_a_result_is_taken_up_to_its_age(age: int, letters: str):
    story = story_of(cached_task())
    answers(story, time=timestamp(story.now - age))
    plan = story.step()
    assert (story.letters, "CacheIgnored" in {told.reason for told in plan.happenings}) == (letters, False)


def test_refresh_does_the_work_and_keeps_it():
    story = story_of(cached_task(cache={"refresh": True}))
    assert (asked(story), story.started()) == ([], [("a", 1)])
    story.succeeds("a", '{"n": 2}')
    story.step(1)
    assert [entry.outputs for entry in kept(story)] == [{"n": 2}]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"key": "f" * 64}, "is not the one that its name stands for"),
        ({"flow": "other"}, "is not the one that its name stands for"),
        ({"scope": "Namespace"}, "is not the one that its name stands for"),
        ({"outputs": "text"}, "not what Tidegate wrote"),
        ({"time": "yesterday"}, "not what Tidegate wrote"),
        ({"key": ""}, "not what Tidegate wrote"),
        ({"outputs": {}}, 'the output has no "n"'),
    ],
)
def test_what_is_no_result_of_this_work_is_ignored_and_told_once(wrong: dict[str, Any], words: str):
    story = story_of(cached_task(outputs=[{"name": "n"}]))
    answers(story, **wrong)
    plan = story.step(1)
    assert (story.letters, plan.deciding) == ("I", True)
    (told,) = plan.happenings
    assert (told.reason, told.warning) == ("CacheIgnored", True)
    assert told.message.startswith("task a does its work again: ")
    assert words in told.message
    assert story.step(1).happenings == ()


def test_an_empty_entry_is_ignored_too():
    story = story_of(cached_task())
    assert story.cached is not None
    story.cached[0] = CacheAnswer({})
    assert story.step(1).happenings[0].reason == "CacheIgnored"
    assert story.letters == "I"


def test_when_the_cache_cannot_be_read_the_work_is_done():
    story = story_of(cached_task())
    finds_nothing(story, problem="the cache could not be read: 503")
    plan = story.step(1)
    assert story.letters == "I"
    assert "the cache could not be read: 503" in plan.happenings[0].message


def test_without_anybody_who_could_look_the_work_is_done():
    story = Story(graph_of(cached_task()))
    story.step()
    assert story.started() == [("a", 1)]


def test_a_reload_while_it_is_asked_asks_again():
    story = story_of(cached_task())
    key = asked(story)[0].key
    story.reload()
    story.cached = {}
    story.step(1)
    assert [look.key for look in asked(story)] == [key]
    answers(story)
    story.step(1)
    assert story.letters == "C"


def test_a_retry_does_not_ask_again():
    story = story_of(cached_task(retry={"limit": 1, "delaySeconds": 0}))
    finds_nothing(story)
    story.step(1)
    story.fails("a")
    story.reload()
    story.cached = {}
    story.step(1)
    assert (asked(story), story.started()) == ([], [("a", 2)])


def test_what_is_cached_takes_no_place_and_what_is_not_waits_for_one():
    story = story_of(pod("long"), cached_task("a"), cached_task("b"), parallelism=1)
    assert [look.attempt[0] for look in asked(story)] == [1, 2]
    answers(story, "a")
    finds_nothing(story, "b")
    story.step(1)
    assert story.letters == "ICH"


def test_a_held_task_is_told_to_wait_for_a_place_once_the_cache_has_answered():
    story = story_of(pod("long"), cached_task("a"), parallelism=1)
    finds_nothing(story)
    story.step(1)
    assert (story.letters, story.row("a")["reason"]) == ("IH", "Parallelism")
    story.runs("long", running=False, alive=False, clean=True, exit_code=0)
    story.step(1)
    assert story.letters == "SI"


def test_a_paused_run_asks_nothing_until_it_goes_on():
    story = Story(graph_of(cached_task()), desired="Paused")
    story.cached = {}
    story.step()
    assert (asked(story), story.row("a")["reason"]) == ([], "Paused")
    story.desired = "Running"
    story.step(1)
    assert len(asked(story)) == 1


def test_a_repeated_task_keeps_only_its_last_run():
    story = story_of(cached_task(repeat={"until": "outputs.n > 1", "everySeconds": 0}))
    finds_nothing(story)
    story.step(1)
    story.runs("a", running=False, alive=False, clean=True, exit_code=0, output='{"n": 1}')
    story.step(1)
    assert (kept(story), story.letters) == ([], "I")
    story.succeeds("a", '{"n": 2}')
    story.step(1)
    assert [entry.outputs for entry in kept(story)] == [{"n": 2}]


@pytest.mark.parametrize(
    ("until", "because"),
    [
        ("outputs.n > 1", "repeat.until does not hold for the result of run old-run"),
        ("outputs.n", "repeat.until of the result of run old-run: it gave "),
        ("outputs.missing > 1", "repeat.until of the result of run old-run: "),
    ],
)
def test_a_repeated_task_takes_only_what_is_enough(until: str, because: str):
    story = story_of(cached_task(repeat={"until": until, "everySeconds": 0}))
    answers(story)
    plan = story.step(1)
    assert story.started() == [("a", 1)]
    assert [because in told.message for told in plan.happenings] == [True]


def test_a_repeated_task_takes_what_is_enough():
    story = story_of(cached_task(repeat={"until": "outputs.n == 1", "everySeconds": 0}))
    answers(story)
    story.step(1)
    assert (story.letters, story.started()) == ("C", [])


BASE: dict[str, Any] = {"name": "a", "image": "x:1", "cache": {}}
TEMPLATE = {"spec": {"containers": [{"name": "main", "image": "y"}]}}


@pytest.mark.parametrize(
    "changed",
    [
        {"image": "x:2"},
        {"command": ["true"]},
        {"args": ["1"]},
        {"args": []},
        {"script": "echo"},
        {"script": "echo", "interpreter": ["bash"]},
        {"files": [{"path": "a", "content": "x"}]},
        {"files": [{"path": "a", "content": "y"}]},
        {"env": [{"name": "A", "value": "1"}]},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
        {"envFrom": [{"configMapRef": {"name": "c"}}]},
        {"workingDir": "/srv"},
        {"podTemplate": TEMPLATE},
        {"cache": {"key": "v2"}},
    ],
)
def test_what_decides_about_the_result_is_in_the_key(changed: dict[str, Any]):
    assert key_of(BASE) != key_of({**BASE, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "other"},
        {"resources": {"requests": {"cpu": "1"}}},
        {"timeoutSeconds": 5},
        {"retry": {"limit": 3}},
        {"priority": "high"},
        {"serviceAccountName": "etl"},
        {"cache": {"maxAgeSeconds": 5}},
        {"when": "true"},
        {"outputs": [{"name": "n"}]},
    ],
)
def test_what_does_not_decide_about_the_result_is_not(changed: dict[str, Any]):
    assert key_of(BASE) == key_of({**BASE, **changed})


def test_the_key_is_of_values_not_of_expressions():
    params = [{"name": "day"}, {"name": "other", "required": False}]
    task = {**BASE, "args": ["$[[ params.day ]]"], "cache": {"key": "$[[ params.other ]]"}}
    given = [{"day": day, "other": other} for day, other in (("1", None), ("2", None), ("1", "x"))]
    assert len({_key(task, params, values) for values in given}) == 3
    literal = {**BASE, "args": ["1"], "cache": {"key": "x"}}
    assert _key(task, params, {"day": "1", "other": "x"}) == key_of(literal)


def _key(task: dict[str, Any], declared: list[dict[str, Any]], values: dict[str, Any]) -> str:
    story = Story(graph_of(task, params=declared), values)
    story.cached = {}
    story.step()
    return asked(story)[0].key


def test_a_secret_is_in_the_key_by_its_name_only():
    task = {**BASE, "env": [{"name": "TOKEN", "value": "$[[ params.token ]]"}]}
    params = [{"name": "token", "type": "secret"}]
    one = _key(task, params, {"token": {"name": "s", "key": "k"}})
    assert one == _key(task, params, {"token": {"name": "s", "key": "k"}})
    assert one != _key(task, params, {"token": {"name": "s", "key": "other"}})


@given(st.lists(st.text(max_size=3), max_size=3), st.lists(st.text(max_size=3), max_size=3))
def test_only_equal_arguments_give_equal_keys(left: list[str], right: list[str]):
    def key(args: list[str]) -> str:
        return key_of({**BASE, "args": args})

    clean = [[text.replace("$[[", "") for text in args] for args in (left, right)]
    assert (key(clean[0]) == key(clean[1])) == (clean[0] == clean[1])


def items_of(*items: Any, parallelism: int = 50, **task: Any) -> Story:
    for_each = {"items": list(items), "strategy": "Jobs"}
    return story_of(cached_task(forEach=for_each, **task), parallelism=parallelism)


def test_each_item_is_looked_up_and_those_that_were_done_take_no_place():
    story = items_of("x", "y", "z", parallelism=1)
    assert [look.attempt for look in asked(story)] == [(1, 0), (2, 0), (3, 0)]
    assert len({look.key for look in asked(story)}) == 3
    for item in ("a[0]", "a[2]"):
        answers(story, item)
    finds_nothing(story, "a[1]")
    story.step(1)
    assert (story.letters, story.started()) == ("LCIP", [("a[1]", 1)])
    story.runs("a[1]", running=False, alive=False, clean=True, exit_code=0, output='{"n": 2}')
    story.step(1)
    assert story.letters == "SCSC"
    assert [entry.outputs for entry in kept(story)] == [{"n": 2}]
    assert story.state is not None
    assert story.state.outputs[0] == [{"n": 1}, {"n": 2}, {"n": 1}]


def test_a_fan_out_of_which_all_was_done_ends_without_a_job():
    story = items_of("x", "y")
    answers(story, "a[0]")
    answers(story, "a[1]")
    story.step(1)
    assert story.letters == "SCC"
    assert story.condition == ("True", "Completed")


def test_a_reload_looks_items_up_again_and_forgets_none():
    story = items_of("x", "y", parallelism=1)
    answers(story, "a[0]")
    finds_nothing(story, "a[1]")
    story.step(1)
    assert story.letters == "LCI"
    story.reload()
    story.cached = {}
    story.succeeds("a[1]", '{"n": 2}')
    story.step(1)
    assert story.letters == "SCS"
    assert story.state is not None
    assert story.state.outputs[0] == [{"n": 1}, {"n": 2}]


def test_the_place_of_an_item_does_not_count():
    keys = {look.attempt[0]: look.key for look in asked(items_of("x", "x", "y"))}
    assert keys[1] == keys[2] != keys[3]


def test_items_that_share_jobs_have_no_cache():
    with pytest.raises(AssertionError, match="use strategy: Jobs"):
        graph_of(cached_task(forEach={"items": [1]}))


def test_a_cache_that_cannot_be_read_is_told_once_for_all_items():
    story = items_of("x", "y", "z")
    for item in ("a[0]", "a[1]", "a[2]"):
        finds_nothing(story, item, problem="the cache could not be read: 503")
    plan = story.step(1)
    assert story.letters == "LIII"
    assert [told.reason for told in plan.happenings] == ["CacheIgnored"]
