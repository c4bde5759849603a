"""What is wrong with a Flow is found when it is applied, with its place and the way out."""

from typing import Any

import pytest

from tidegate.api.flow import FlowSpec
from tidegate.engine.graph import compile_flow


def findings(*tasks: dict[str, Any], **spec: Any) -> list[tuple[str, str]]:
    bodied = [{"set": {"x": 1}, **task} if not {"image", "wait", "fail"} & set(task) else task for task in tasks]
    _, found = compile_flow(FlowSpec.model_validate({"tasks": bodied, **spec}))
    return [("/".join(map(str, f.keys[1:])), f.message) for f in found]


@pytest.mark.parametrize(
    ("tasks", "place", "words"),
    [
        ([{"name": "a", "needs": ["b"]}, {"name": "b", "needs": ["a"]}], "tasks/0/needs", "a -> b -> a"),
        ([{"name": "a", "needs": ["a"]}], "tasks/0/needs/0", "needs itself"),
        ([{"name": "load"}, {"name": "b", "needs": ["laod"]}], "tasks/1/needs/0", 'did you mean "load"'),
        ([{"name": "a"}, {"name": "a"}], "tasks/1/name", "another task"),
        ([{"name": "a_b"}, {"name": "a-b"}], "tasks/1/name", 'cannot be told from "a_b"'),
        ([{"name": "a", "when": "params.x"}], "tasks/0/when", "x"),
        ([{"name": "a", "when": "1 +"}], "tasks/0/when", ""),
        ([{"name": "a", "when": "1"}], "tasks/0/when", "expected true or false"),
        (
            [{"name": "a"}, {"name": "b", "set": {"y": "$[[ tasks.a.outputs.x ]]"}}],
            "tasks/1/set/y",
            "not among the ancestors",
        ),
        ([{"name": "b", "set": {"y": "$[[ tasks.nope.outputs.x ]]"}}], "tasks/0/set/y", 'no task "nope"'),
        ([{"name": "b", "set": {"y": "$[[ tasks.b.outputs.x ]]"}}], "tasks/0/set/y", "its own"),
        ([{"name": "b", "set": {"y": "$[[ run.nme ]]"}}], "tasks/0/set/y", "name"),
        ([{"name": "a", "image": "x", "script": "echo $[[ params.x ]]"}], "tasks/0/script", "injection"),
        ([{"name": "a", "image": "x", "command": ["$[[ 1 ]]"]}], "tasks/0/command/0", "injection"),
        (
            [{"name": "a", "image": "x", "podTemplate": {"spec": {"restartPolicy": "Always"}}}],
            "tasks/0/podTemplate/spec/restartPolicy",
            "Never",
        ),
        (
            [{"name": "a", "image": "x", "podTemplate": {"spec": {"activeDeadlineSeconds": 5}}}],
            "tasks/0/podTemplate/spec/activeDeadlineSeconds",
            "timeoutSeconds",
        ),
    ],
)
def test_a_mistake_is_found_at_its_place(tasks: list[dict[str, Any]], place: str, words: str):
    found = findings(*tasks)
    assert [where for where, _ in found] == [place]
    assert words in found[0][1]


def test_all_mistakes_are_found_at_once():
    found = findings({"name": "a", "needs": ["x"]}, {"name": "b", "when": "nope"}, {"name": "c", "when": "2"})
    assert [where for where, _ in found] == ["tasks/0/needs/0", "tasks/1/when", "tasks/2/when"]


def test_a_chain_of_the_largest_size_compiles():
    tasks = [{"name": f"t{i}", "needs": [f"t{i - 1}"] if i else []} for i in range(2500)]
    assert findings(*tasks) == []


def test_a_secret_may_only_be_a_whole_env_value():
    params = [{"name": "token", "type": "secret"}]
    good = {"name": "a", "image": "x", "env": [{"name": "T", "value": "$[[ params.token ]]"}]}
    bad = {"name": "a", "image": "x", "args": ["$[[ params.token.name ]]"]}
    assert findings(good, params=params) == []
    assert "secret" in findings(bad, params=params)[0][1]


@pytest.mark.parametrize(
    ("param", "place"),
    [
        ({"name": "p", "type": "integer", "default": "x"}, "params/0/default"),
        ({"name": "p", "type": "integer", "minimum": 5, "maximum": 1}, "params/0/minimum"),
        ({"name": "p", "pattern": "("}, "params/0/pattern"),
        ({"name": "p", "enum": ["a"], "default": "b"}, "params/0/default"),
        ({"name": "p", "default": "$[[ params.q ]]"}, "params/0/default"),
    ],
)
def test_a_param_that_no_value_could_meet_is_found(param: dict[str, Any], place: str):
    assert [where for where, _ in findings({"name": "a"}, params=[param])] == [place]
