"""What pydantic found, in the words that users of Kubernetes know, each with its place."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, StringConstraints, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from tidegate.api.base import Model, Name
from tidegate.api.flow import Flow, FlowSpec
from tidegate.api.flowrun import FlowRun
from tidegate.api.manifest import load_documents
from tidegate.api.problems import path_of, problems_of


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


class Circle(Model):
    kind: Literal["circle"]
    radius: int = Field(gt=0)


class Square(Model):
    kind: Literal["square"]
    side_length: int


class Ratio(Model):
    of: int
    to: int


class Step(Model):
    name: Name
    needs: list[str] = Field(default_factory=list, max_length=2)
    timeout_seconds: int | None = Field(default=None, ge=1, le=10)


class Sample(Model):
    steps: list[Step] = Field(default_factory=list)
    colour: Colour | None = Field(default=None, strict=False)
    enabled: bool = True
    share: float = 0.5
    even: int = Field(default=0, multiple_of=2)
    labels: Annotated[dict[Annotated[str, StringConstraints(max_length=5)], str], Field(max_length=2)] = Field(
        default_factory=dict
    )
    shape: Annotated[Circle | Square, Field(discriminator="kind")] | None = None
    bound: int | Annotated[str, StringConstraints(max_length=3)] | None = None
    size: int | Ratio | list[int] | None = None
    either: Circle | Square | None = None
    pair: Annotated[list[int], Field(min_length=2)] | None = None
    anything: Any = None
    word: Annotated[str, StringConstraints(min_length=1)] | None = None
    special: str = ""

    @field_validator("special")
    @classmethod
    def _not_special(cls, value):
        if value == "custom":
            raise PydanticCustomError("mine", "too {what}", {"what": "special"})
        if value:
            raise ValueError("nothing is special: leave it out")
        return value


def told(text, model=Sample, prefix=()):
    (document,) = load_documents(text, "f.yaml")
    data = document.data
    for key in prefix:
        data = data[key]
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    return [str(problem).removeprefix("f.yaml:") for problem in problems_of(caught.value, model, document, prefix)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps: [{name: a, nedds: [b]}]", '1:19: steps[0].nedds: unknown field "nedds"; did you mean "needs"?'),
        ("steps: [{name: a, timeoutseconds: 1}]", "timeoutSeconds"),
        (
            "steps: [{name: a, zzz: 1}]",
            'steps[0].zzz: unknown field "zzz"; known fields: "name", "needs", "timeoutSeconds"',
        ),
        ("steps: [{needs: []}]", "1:9: steps[0].name: Required value"),
        ("steps: abc", '1:8: steps: Invalid value: "abc": must be a list; write a list: ["abc"]'),
        ("steps: [abc]", '1:9: steps[0]: Invalid value: "abc": must be a mapping'),
        ("steps:", "steps: Invalid value: null: must be a list; give a value, or leave the field out"),
        ("steps: [{name: 7}]", 'steps[0].name: Invalid value: 7: must be a string; put it in quotes: "7"'),
        ("steps: [{name: true}]", 'Invalid value: true: must be a string; put it in quotes: "true"'),
        ("steps: [{name: a, timeoutSeconds: abc}]", 'Invalid value: "abc": must be an integer'),
        ('steps: [{name: a, timeoutSeconds: "5"}]', 'Invalid value: "5": must be an integer; remove the quotes: 5'),
        ("steps: [{name: a, timeoutSeconds: 1.5}]", "Invalid value: 1.5: must be an integer"),
        ("steps: [{name: a, timeoutSeconds: 0}]", "Invalid value: 0: should be greater than or equal to 1"),
        ("steps: [{name: a, timeoutSeconds: 11}]", "Invalid value: 11: should be less than or equal to 10"),
        ("steps: [{name: a, needs: [a, b, c]}]", "1:26: steps[0].needs: Too many: 3: must have at most 2 items"),
        (
            "steps: [{name: A}]",
            """Invalid value: "A": should match '^[a-z]([-_a-zA-Z0-9]{0,38}[a-zA-Z0-9])?$': a small""",
        ),
        ("steps: [{name: a, needs: [1, b]}]", "1:27: steps[0].needs[0]: Invalid value: 1: must be a string"),
        ("colour: Green", 'colour: Unsupported value: "Green": supported values: "Red", "Blue"'),
        ('enabled: "yes"', 'enabled: Invalid value: "yes": must be true or false; write true'),
        ("share: abc", 'share: Invalid value: "abc": must be a number'),
        ("even: 3", "even: Invalid value: 3: should be a multiple of 2"),
        ("labels: {a.b/c: 1}", "1:17: labels[a.b/c]: Invalid value: 1: must be a string"),
        ("labels: {abcdef: x}", "1:10: labels.abcdef: Too long: may not be more than 5 characters, is 6"),
        ("labels: {a: x, b: x, c: x}", "labels: Too many: 3: must have at most 2 items"),
        ("word: ''", 'word: Invalid value: "": should be at least 1 character long'),
        ("pair: [1]", "pair: Invalid value: [1]: should have at least 2 items"),
        ("special: x", "1:10: special: nothing is special: leave it out"),
        ("special: custom", "1:10: special: too special"),
        ("shape: {kind: circle, radius: 0}", "1:31: shape.radius: Invalid value: 0: should be greater than 0"),
        (
            "shape: {kind: square, sideLenght: 1, sideLength: 1}",
            'unknown field "sideLenght"; did you mean "sideLength"?',
        ),
        ("shape: {kind: cube}", 'shape: Unsupported value: "cube": supported values: "circle", "square"'),
        ("shape: {radius: 1}", "shape: Required value: kind says which kind it is"),
        ("bound: [1]", "bound: Invalid value: [1]: must be an integer or a string"),
        ("bound: long text", "bound: Too long: may not be more than 3 characters, is 9"),
        ("size: abc", 'size: Invalid value: "abc": must be an integer or a mapping or a list'),
        ("size: {of: 1}", "size.to: Required value"),
        ("size: {of: 1, too: 2, to: 3}", '1:15: size.too: unknown field "too"; did you mean "to"?'),
        ("size: [1, x]", '1:11: size[1]: Invalid value: "x": must be an integer'),
        ("either: {kind: square, sideLength: a}", 'either.sideLength: Invalid value: "a": must be an integer'),
    ],
)
def test_one_mistake_is_told_once_in_known_words(text, expected):
    (line,) = told(text)
    assert expected in line


def test_all_mistakes_are_told_at_once_in_order_of_place():
    text = "even: 1\nsteps:\n- needs: 1\n  nmae: b\n- name: ok\n  foo: 1\nbound: [1]\n"
    places = [line.split(" ")[:2] for line in told(text)]
    assert places == [
        ["1:7:", "even:"],
        ["3:3:", "steps[0].name:"],
        ["3:10:", "steps[0].needs:"],
        ["4:3:", "steps[0].nmae:"],
        ["6:3:", "steps[1].foo:"],
        ["7:8:", "bound:"],
    ]


def test_long_values_are_cut_and_control_characters_escaped():
    (line,) = told('enabled: "\\e[31m' + "x" * 500 + '"')
    assert "\x1b" not in line
    assert len(line) < 200


def test_unknown_fields_cannot_smuggle_control_characters():
    (line,) = told('"a\\e[0m\\nb": 1')
    assert line.isprintable()


def test_the_value_itself_may_be_of_the_wrong_type():
    (line,) = told("- a\n")
    assert line == '1:1: Invalid value: ["a"]: must be a mapping'


def test_without_a_document_places_are_unknown_and_paths_are_not():
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"steps": [{"name": "a"}, {"name": 1}]})
    (problem,) = problems_of(caught.value, Sample, prefix=("spec",))
    assert (problem.line, problem.column, problem.file) == (0, 0, "")
    assert str(problem) == 'spec.steps[1].name: Invalid value: 1: must be a string; put it in quotes: "1"'


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ((), ""),
        (("spec", "tasks", 2, "needs", 0), "spec.tasks[2].needs[0]"),
        (("metadata", "labels", "a.b/c"), "metadata.labels[a.b/c]"),
        (("spec", "set", "sign-off"), "spec.set.sign-off"),
        ((0, "a"), "[0].a"),
        (("a", ""), "a[]"),
        (("a", "8"), "a[8]"),
        (("a", "x\ny"), "a[x\\ny]"),
    ],
)
def test_paths_are_those_of_kubectl(keys, path):
    assert path_of(keys) == path


FLOW = """\
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: x, labels: {team: 7}}
spec:
  parallelism: 0
  params:
  - {name: top, type: number, minimum: 1.5}
  tasks:
  - name: first
    image: busybox
    nedds: [second]
    retry: {limit: many}
    env:
    - {name: A, value: 10}
  - name: second
    set: {rows: 1}
    image: busybox
"""


def test_a_flow_with_many_mistakes_is_told_all_of_them():
    assert told(FLOW, Flow) == [
        '3:36: metadata.labels.team: Invalid value: 7: must be a string; put it in quotes: "7"',
        "5:16: spec.parallelism: Invalid value: 0: should be greater than or equal to 1",
        "7:40: spec.params[0].minimum: Invalid value: 1.5: must be an integer or a string",
        '11:5: spec.tasks[0].nedds: unknown field "nedds"; did you mean "needs"?',
        '12:20: spec.tasks[0].retry.limit: Invalid value: "many": must be an integer',
        '14:24: spec.tasks[0].env[0].value: Invalid value: 10: must be a string; put it in quotes: "10"',
        "15:5: spec.tasks[1]: a task has exactly one body: image or podTemplate, set, fail, wait, approval, or flow",
    ]


def test_a_prefix_leads_to_the_part_that_was_validated():
    lines = told(FLOW, FlowSpec, prefix=("spec",))
    assert lines[0] == "5:16: spec.parallelism: Invalid value: 0: should be greater than or equal to 1"


def test_a_run_of_another_state_is_told_the_states():
    text = "metadata: {name: r}\nspec: {flowRef: {name: f}, desiredState: Stopped}\n"
    assert told(text, FlowRun) == [
        (
            '2:42: spec.desiredState: Unsupported value: "Stopped": '
            'supported values: "Running", "Paused", "Cancelled", "Terminated"'
        ),
    ]


def test_a_kind_that_is_another_names_the_right_one():
    (line,) = told("kind: Folw\nmetadata: {}\nspec: {tasks: [{name: a, image: i}]}", Flow)
    assert line == '1:7: kind: Unsupported value: "Folw": supported values: "Flow"'
