"""Outputs: which are taken, how expressions see them, and what becomes of expressions that fail."""

import pytest

from engine.harness import Story, chain, graph_of, pod
from tidegate.engine.actions import StartJob


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("[1]", "OutputInvalid"),
        ("{", "OutputInvalid"),
        ("\ufffd\0", "OutputInvalid"),
        ('{"a": NaN}', "OutputInvalid"),
        ('{"a": 12345678901234567890}', "OutputInvalid"),
        ('{"a": "\\ud800"}', "OutputInvalid"),
        ('{"a": ' + "[" * 65 + "]" * 65 + "}", "OutputInvalid"),
        ('{"a": ' + "[" * 700 + "]" * 700 + "}", "OutputInvalid"),
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


def test_a_run_output_that_fails_is_left_out_and_told():
    story = Story(graph_of(pod("a"), outputs=[{"name": "x", "value": "$[[ tasks.a.outputs.x ]]"}]))
    story.step()
    story.succeeds("a")
    story.step(1)
    assert story.condition == ("False", "OutputFailed")
