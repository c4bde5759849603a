"""Params on the command line: typed by the Flow, wrong ones told before there is a run."""

import pytest

from tidegate.api.param import Param
from tidegate.cli.parameters import pairs, typed
from tidegate.errors import InvalidSpec, UsageError


def params(*declared):
    return [Param.model_validate(item) for item in declared]


def test_a_value_is_everything_behind_the_first_equals_sign():
    assert pairs(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize("text", ["day", "=x", ""])
def test_a_param_without_name_or_value_is_refused(text):
    with pytest.raises(UsageError, match="expected NAME=VALUE"):
        pairs([text])


def test_a_param_given_twice_is_refused():
    with pytest.raises(UsageError, match="day: given twice"):
        pairs(["day=1", "day=2"])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "12", "12"),
        ("integer", "12", 12),
        ("number", "1.5", 1.5),
        ("number", "2.0", 2.0),
        ("boolean", "true", True),
        ("array", '["a", 1]', ["a", 1]),
        ("object", '{"a": null}', {"a": None}),
        ("date", "2026-01-31", "2026-01-31"),
        ("duration", "1h30m", "1h30m"),
        ("secret", '{"name": "s", "key": "k"}', {"name": "s", "key": "k"}),
    ],
)
def test_the_flow_says_what_a_text_becomes(kind, text, value):
    assert typed(params({"name": "p", "type": kind}), {"p": text}) == {"p": value}


@pytest.mark.parametrize(
    ("declared", "texts", "told"),
    [
        ({"name": "n", "type": "integer", "maximum": 3}, {"n": "9"}, "--param n: got 9; expected at most 3"),
        ({"name": "n", "type": "integer"}, {"n": "x"}, '--param n: got "x"; expected an integer of 64 bits'),
        ({"name": "n", "type": "integer"}, {}, "--param n: is required: an integer of 64 bits"),
        ({"name": "c", "enum": ["a", "b"]}, {"c": "z"}, '--param c: got "z"; expected one of "a", "b"'),
        ({"name": "day", "required": False}, {"dya": "x"}, '--param dya: unknown param "dya"; did you mean "day"?'),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(declared, texts, told):
    with pytest.raises(InvalidSpec) as caught:
        typed(params(declared), texts)
    assert [str(problem) for problem in caught.value.problems] == [told]


def test_all_wrong_values_are_told_at_once():
    with pytest.raises(InvalidSpec) as caught:
        typed(params({"name": "a", "type": "integer"}, {"name": "b", "type": "date"}), {"a": "x", "b": "y"})
    assert len(caught.value.problems) == 2


def test_params_with_defaults_need_not_be_given():
    declared = params({"name": "a", "type": "integer", "default": 1}, {"name": "d", "default": "$[[ run.date ]]"})
    assert typed(declared, {}) == {}
