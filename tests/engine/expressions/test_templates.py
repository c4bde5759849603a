"""Strings of a manifest with `$[[ ]]`: where expressions end, what they give, and places in the whole text."""

import datetime as dt

import pytest

from tidegate.engine.expressions import Fields, Members, compile_template, has_expression
from tidegate.errors import BudgetExceeded, ExpressionError

NAMES = {
    "params": Fields({"region": "string", "top": "int", "list": "list", "none": "dyn", "any": "dyn"}),
    "run": Fields({"scheduledTime": "timestamp"}),
    "tasks": Members(Fields({"outputs": "dyn"})),
}
CONTEXT = {
    "params": {"region": "eu", "top": 3, "list": ["a", ["b"]], "none": None, "any": {"k]]": [1]}},
    "run": {"scheduledTime": dt.datetime(2026, 5, 1, 6, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))},
    "tasks": {"a": {"outputs": {"rows": 42, "names": ["x", "ü"]}}},
}


def rendered(text: str) -> object:
    return compile_template(text, NAMES).render(CONTEXT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$[ ]] $( ${x} [[ x ]]", "$[ ]] $( ${x} [[ x ]]"),
        # one expression keeps its type
        ("$[[ params.top ]]", 3),
        ("$[[params.top]]", 3),
        ("$[[ params.none ]]", None),
        ("$[[ params.list ]]", ["a", ["b"]]),
        ("$[[ run.scheduledTime ]]", CONTEXT["run"]["scheduledTime"]),
        ("$[[ params.top > 2 ]]", True),
        # text around it makes it text
        (" $[[ params.top ]]", " 3"),
        ("$[[ params.top ]]\n", "3\n"),
        ("$[[ params.region ]]-$[[ params.top ]]", "eu-3"),
        ("$[[ params.region ]]$[[ params.region ]]", "eueu"),
        ("n=$[[ params.top + 1 ]].", "n=4."),
        ("at $[[ run.scheduledTime ]]", "at 2026-05-01T04:30:00Z"),
        ("for $[[ duration('90m') ]]", "for 5400s"),
        ("$[[ params.list ]] $[[ params.top > 2 ]]", '["a",["b"]] true'),
        ("$[[ tasks.a.outputs.names ]] rows", '["x","ü"] rows'),
        ("$[[ 5.0 / 2.0 ]]x", "2.5x"),
        # the end is the first ]] at which the text parses
        ("$[[ params.list[params.list[1].size()] ]]", ["b"]),
        ("$[[ [[1]] ]]", [[1]]),
        ("$[[[[1]]]]", [[1]]),
        ("$[[ params.any['k]]'][0] ]]", 1),
        ('$[[ "]]" + "]]" ]] ]]', "]]]] ]]"),
        ("$[[ 'a\\']]' ]]", "a']]"),
        ("$[[ r'\\d]]' + ']]' ]]", "\\d]]]]"),
        ('$[[ """a"]]b""" ]]', 'a"]]b'),
        ("$[[ {'a': [1, [2]]}['a'][1][0] ]]", 2),
        ("$[[ params.top // a comment ]]", 3),
        ("$[[ 1 + // ]] not yet\n 2 ]]", 3),
        ("$[[ params.top ]] ]]", "3 ]]"),
        ("$[[ '$[[' ]]x", "$[[x"),
        ("$[[\n  params.top\n]]", 3),
    ],
)
def test_a_template_gives_its_value_or_text(text: str, value: object) -> None:
    result = rendered(text)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$[[ params.top ]]", "3"),
        ("$[[ params.region ]]", "eu"),
        ("$[[ params.list ]]", '["a",["b"]]'),
        ("$[[ run.scheduledTime ]]", "2026-05-01T04:30:00Z"),
        ("$[[ params.top > 2 ]]", "true"),
    ],
)
def test_as_text_also_a_single_expression_is_text(text: str, value: str) -> None:
    assert compile_template(text, NAMES).render_text(CONTEXT) == value


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a\n b $[[ params.regoin ]]", (2, 15), 'params has no "regoin"'),
        ("$[[ params.top ]] $[[ 1 +  ]]", (1, 26), "ends too early"),
        ("x: $[[ params.top +\n  'a' ]]", (1, 19), '"+" does not take (int, string)'),
        ("x: $[[ 1 +\n  zzz ]]", (2, 3), 'unknown name "zzz"'),
        ("one\ntwo $[[ params.top", (2, 5), "$[[ is not closed: ]] is missing"),
        ("$[[ params.top ] ]", (1, 1), "$[[ is not closed"),
        ("$[[ (1 ]]", (1, 7), "')' is missing"),
        ("$[[ 'a ]]", (1, 5), "has no end"),
        ("$[[ 1) ]]", (1, 6), 'unexpected ")"'),
        ("$[[ ]]", (1, 4), "there is no expression between $[[ and ]]"),
        ("$[[]]", (1, 4), "there is no expression between $[[ and ]]"),
        ("é $[[ tasks.sign-off ]]", (1, 13), 'tasks["sign-off"]'),
        ("$[[ " + "a" * 4097 + " ]]", (1, 5), "at most 4,096"),
        ("ab $[[ " + "(" * 100 + " ]]", (1, 8), "nested too deeply"),
    ],
)
def test_a_mistake_has_its_place_in_the_whole_text(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template(text, NAMES, ["sign-off"])
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == place


def test_an_error_of_the_evaluation_has_its_place_in_the_whole_text() -> None:
    template = compile_template("rows:\n  $[[ tasks.a.outputs.rowz ]]", NAMES)
    with pytest.raises(ExpressionError, match=r'no such key: "rowz": did you mean "rows"\?') as caught:
        template.render(CONTEXT)
    assert (caught.value.line, caught.value.column) == (2, 22)


def test_an_exceeded_budget_stays_one() -> None:
    template = compile_template("$[[ params.any.all(x, params.any.all(y, x == y)) ]]", NAMES)
    with pytest.raises(BudgetExceeded):
        template.render({"params": {"any": [1] * 3000}})


@pytest.mark.parametrize("text", ["x$[[ params.none ]]", "$[[ params.none ]]$[[ params.top ]]"])
def test_null_inside_of_text_is_an_error_that_says_what_to_write(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"`params[.]none` is null, which has no text.*orValue"):
        rendered(text)


def test_null_alone_is_an_error_only_as_text() -> None:
    template = compile_template("$[[ params.none ]]", NAMES)
    assert template.render(CONTEXT) is None
    with pytest.raises(ExpressionError, match="orValue"):
        template.render_text(CONTEXT)


def test_a_template_knows_what_it_reads_and_where() -> None:
    template = compile_template("a $[[ params.top ]]\n$[[ tasks.a.outputs.rows + params.top ]]", NAMES)
    assert template.references == {("params", "top"), ("tasks", "a", "outputs", "rows")}
    assert template.references_at == (
        (("params", "top"), 1, 7),
        (("tasks", "a", "outputs", "rows"), 2, 5),
        (("params", "top"), 2, 28),
    )
    assert [expression.text for expression in template.expressions] == [
        "params.top",
        "tasks.a.outputs.rows + params.top",
    ]
    assert not template.is_constant
    assert template.result_type == "string"
    assert compile_template("$[[ params.top ]]", NAMES).result_type == "int"


def test_a_string_without_an_expression_is_constant() -> None:
    template = compile_template("rows", NAMES)
    assert template.is_constant
    assert template.references == frozenset()
    assert template.expressions == ()
    assert template.result_type == "string"


def test_the_beginning_of_an_expression_is_noticed() -> None:
    assert has_expression("a $[[ b")
    assert not has_expression("$[x] [[ ]]")
