"""What compiling finds out: references, types, and each mistake with its place and the nearest right word."""

from collections.abc import Mapping

import pytest

from tidegate.engine.expressions import Fields, Members, compile_expression
from tidegate.errors import ExpressionError

NAMES = {
    "params": Fields(
        {
            "region": "string",
            "top": "int",
            "files": "list",
            "limit": "int?",
            "my-param": "string",
            "since": "timestamp?",
        }
        | {"ratio": "double", "any": "dyn", "config": "map"}
    ),
    "run": Fields(
        dict.fromkeys(("name", "uid", "namespace", "flow", "reason"), "string")
        | {"attempt": "int", "scheduledTime": "timestamp", "failed": "bool"}
    ),
    "tasks": Members(
        Fields({"state": "string", "outputs": "dyn", "succeeded": "int", "failed": "int", "attempts": "int"})
    ),
}
TASK_NAMES = ("list", "sign-off", "sign-off-2", "step-1", "step")


def references_of(text: str) -> set[tuple[str, ...]]:
    return set(compile_expression(text, NAMES).references)


def error_of(text: str, names: Mapping[str, object] = NAMES) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, names, TASK_NAMES)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("1 + 1", set()),
        ("tasks.list.outputs.rows", {("tasks", "list", "outputs", "rows")}),
        ('tasks["sign-off"].state', {("tasks", "sign-off", "state")}),
        ("tasks.list.?outputs.?rows.orValue(0)", {("tasks", "list", "outputs", "rows")}),
        ('tasks[?"list"].state.orValue("")', {("tasks", "list", "state")}),
        ("has(tasks.list.outputs.rows)", {("tasks", "list", "outputs", "rows")}),
        ("tasks[params.region].state", {("tasks", "*", "state"), ("params", "region")}),
        ("tasks.list.outputs.files[0].name", {("tasks", "list", "outputs", "files", "*", "name")}),
        (
            "tasks.list.outputs.files.map(f, f + params.region)",
            {("tasks", "list", "outputs", "files"), ("params", "region")},
        ),
        ("tasks.exists(t, tasks[t].failed > 0)", {("tasks",), ("tasks", "*", "failed")}),
        ("size(tasks)", {("tasks",)}),
        (
            "cel.bind(t, tasks.list, t.outputs.rows + t.succeeded)",
            {("tasks", "list", "outputs", "rows"), ("tasks", "list", "succeeded")},
        ),
        ("params.files.exists(tasks, tasks == 'x')", {("params", "files")}),
        ('{"a": [run.name, params.top > 1 ? "x" : "y"]}', {("run", "name"), ("params", "top")}),
        (
            "tasks.list.?outputs.optMap(o, o.rows).orValue(run.attempt)",
            {("tasks", "list", "outputs"), ("run", "attempt")},
        ),
        ("params.files.sortBy(f, tasks[f].attempts)", {("params", "files"), ("tasks", "*", "attempts")}),
        (".tasks.list.state", {("tasks", "list", "state")}),
        ("run.namespace", {("run", "namespace")}),
        ("type(params.any) == int", {("params", "any")}),
    ],
)
def test_the_paths_that_are_read_are_known(text: str, references: set[tuple[str, ...]]) -> None:
    assert references_of(text) == references


def test_references_have_their_places_in_the_order_of_the_text() -> None:
    expression = compile_expression("params.top > 1 &&\n  tasks.list.state == run.name", NAMES)
    assert expression.references_at == (
        (("params", "top"), 1, 1),
        (("tasks", "list", "state"), 2, 3),
        (("run", "name"), 2, 23),
    )


@pytest.mark.parametrize(
    ("text", "result_type"),
    [
        ("params.top > 1", "bool"),
        ("params.top", "int"),
        ('params["my-param"]', "string"),
        ("params.any", "dyn"),
        ("params.limit", "int"),
        ("tasks.list.state", "string"),
        ("tasks.list.outputs.rows", "dyn"),
        ("tasks.list.outputs.rows > 1", "bool"),
        ("params.files", "list"),
        ("params.files.map(f, 1)", "list"),
        ('{"a": 1}', "map"),
        ("run.scheduledTime", "timestamp"),
        ("run.scheduledTime - run.scheduledTime", "duration"),
        ("null", "null"),
        ("params.ratio", "double"),
        ("run.failed", "bool"),
    ],
)
def test_the_type_of_the_result_is_known_where_types_are(text: str, result_type: str) -> None:
    assert compile_expression(text, NAMES).result_type == result_type


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        # names
        ("parms.top", (1, 1), 'unknown name "parms": did you mean "params"?'),
        ("1 +\n  zzz", (2, 3), 'unknown name "zzz" (there is: params, run, tasks)'),
        ('"é😀" + zzz.a.b', (1, 8), 'unknown name "zzz"'),
        ("params.regoin == 'eu'", (1, 8), 'params has no "regoin": did you mean "region"?'),
        ('params["regoin"]', (1, 9), 'params has no "regoin": did you mean "region"?'),
        ("has(params.regoin)", (1, 12), 'params has no "regoin"'),
        ("run.nmae", (1, 5), 'run has no "nmae": did you mean "name"?'),
        ("tasks.list.output.rows", (1, 12), 'tasks.list has no "output": did you mean "outputs"?'),
        ("tasks.list.?output.orValue(1)", (1, 13), 'tasks.list has no "output": did you mean "outputs"?'),
        ('tasks["sign-off"].stat', (1, 19), 'tasks.sign-off has no "stat": did you mean "state"?'),
        ("tasks.exists(t, tasks[t].stat == 'x')", (1, 26), 'tasks[...] has no "stat": did you mean "state"?'),
        ("cel.bind(t, tasks.list, t.stat)", (1, 27), 'tasks.list has no "stat"'),
        ("outputs.rows > 1", (1, 1), 'unknown name "outputs" (there is: params, run, tasks)'),
        # functions
        ("foo(1)", (1, 1), 'unknown function "foo"'),
        ("params.region.startWith('e')", (1, 15), 'unknown function "startWith": did you mean "startsWith"?'),
        ("lists.range(3)", (1, 1), 'the function "lists.range" is not allowed'),
        ("math.pow(2, 3)", (1, 1), 'unknown function "math.pow"'),
        ("params.files.all(i, v, true)", (1, 14), '"all" is written as in list.all(x, x > 0)'),
        ("google.protobuf.Struct{}", (1, 1), "messages such as google.protobuf.Struct{...} are not allowed"),
        ("dyn", (1, 1), 'unknown name "dyn"'),
        # types
        ("1 + 'a'", (1, 3), '"+" does not take (int, string): convert with string(...)'),
        ("tasks.list.succeeded + ' files'", (1, 22), '"+" does not take (int, string): convert with string(...)'),
        ('tasks["sign-off"].attempts + " x"', (1, 28), '"+" does not take (int, string)'),
        ("params.top + 1.5", (1, 12), '"+" does not take (int, double): convert with double(...) or int(...)'),
        ("params.region == 5", (1, 15), '"==" does not take (string, int)'),
        ("params.limit + 'a'", (1, 14), '"+" does not take (int or null, string)'),
        ("tasks.list.state.code", (1, 17), "a value of type string has no fields"),
        ("run.scheduledTime + 3600", (1, 19), '"+" does not take (timestamp, int)'),
        ("params.top ? 1 : 2", (1, 12), '"? :" does not take (int, int, int): what is before the ? must be a bool'),
        ("params.top in ['a']", (1, 12), '"in" does not take (int, list(string))'),
        ("!params.region", (1, 1), '"!" does not take (string)'),
        ("-run.name", (1, 1), '"-" does not take (string)'),
        ("params.?region", (1, 1), "the result is an optional: end it with .orValue(...)"),
        ("b'abc'", (1, 1), "the result is bytes: use base64.encode(...) or string(...)"),
        ("type(1)", (1, 1), "the result is a type"),
        ("{1.5: 1}", (0, 0), "Unsupported map key type: DOUBLE"),
        # syntax
        ("", (1, 1), "syntax error: the expression ends too early"),
        ("1 +", (1, 4), "syntax error: the expression ends too early"),
        ("(1", (1, 3), "syntax error: ')' is missing"),
        ("1 2", (1, 3), 'syntax error: unexpected "2"'),
        ("params.in", (1, 8), 'syntax error: unexpected ".in"'),
        ("params $ 1", (1, 8), 'syntax error: unexpected "$"'),
        ("'abc", (1, 1), "syntax error: the string 'abc has no end"),
        ("'\\q'", (1, 1), "syntax error: the string '\\q has no end, or an escape that does not exist"),
        ("'\ud800'", (0, 0), "syntax error: the text is not valid Unicode"),
        # patterns that are written out
        ("params.region.matches('(')", (1, 23), "the regular expression is not valid: missing ): ("),
        ("regex.replace(run.name, '[', '')", (1, 25), "the regular expression is not valid"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_nearest_right_word(
    text: str, place: tuple[int, int], message: str
) -> None:
    error = error_of(text)
    assert message in error.message
    assert (error.line, error.column) == place


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("tasks.sign-off", 7, 'a name with a hyphen needs tasks["sign-off"] (a hyphen is a minus)'),
        ("tasks.sign-off.state == 'x'", 7, 'tasks["sign-off"]'),
        ("1 + tasks.sign-off-2.attempts", 11, 'tasks["sign-off-2"]'),
        ("tasks.step-1", 7, 'tasks["step-1"]'),
        ("tasks.sign-off-3.state", 7, 'tasks["sign-off"]'),
        ("params.my-param + 'x'", 8, 'params["my-param"]'),
    ],
)
def test_a_name_with_a_hyphen_behind_a_dot_is_recognised(text: str, column: int, message: str) -> None:
    error = error_of(text)
    assert message in error.message
    assert (error.line, error.column) == (1, column)


def test_a_minus_stays_a_minus() -> None:
    names = {**NAMES, "off": "int"}
    compile_expression("tasks.list.outputs.rows-1", NAMES, TASK_NAMES)
    compile_expression("tasks.list.outputs.rows-off", names, TASK_NAMES)
    compile_expression("'tasks.sign-off' + run.name", NAMES, TASK_NAMES)
    compile_expression("params.top-1", NAMES, TASK_NAMES)
    assert 'unknown name "off"' in error_of("tasks.list-off").message


@pytest.mark.parametrize(
    "text",
    [
        "params.limit == null ? 0 : params.limit + 1",
        "params.since == null || params.since < run.scheduledTime",
        "(tasks.list).attempts + 1",
        "tasks . list . attempts + 1",
        "tasks\n.list\n.attempts + 1",
        "tasks.list // the first\n.attempts + 1",
        "params.files.map(__1, __1 + params.region)",
        "has(params.region) && has(tasks.list.state)",
        "cel.bind(t, tasks.list, t.attempts + 1)",
        "params.?limit.orValue(1) == 1",
        "params.config.anything.goes == 1",
        "params.any + 1 > 2 && params.any == 'x'",
        "tasks[run.name].attempts + params['top']",
        "[params.top, params.top].map(params, params)",
    ],
)
def test_what_is_right_is_not_refused(text: str) -> None:
    compile_expression(text, NAMES, TASK_NAMES)


def test_the_length_is_limited() -> None:
    compile_expression("'" + "a" * 4094 + "'", NAMES)
    assert "4,097 characters; at most 4,096" in error_of("'" + "a" * 4095 + "'").message


def test_every_function_that_is_not_in_a_table_is_refused() -> None:
    for text in (
        "lists.range(1)",
        "google.protobuf.Int64Value{value: 1}",
        "cel.@block([1], 2)",
        "now()",
        "env('HOME')",
    ):
        assert error_of(text)


def test_names_without_types_and_of_every_type_can_be_declared() -> None:
    names = {"item": "dyn", "index": "int", "exitCode": "int?", "object": Fields({"spec": Members("string")})}
    assert compile_expression("item.x == index", names).references == {("item", "x"), ("index",)}
    assert compile_expression("object.spec.anything + 'x'", names).result_type == "string"
    assert "object has no" in error_of("object.status", names).message
    assert '"+" does not take (string, int)' in error_of("object.spec.anything + 1", names).message
    with pytest.raises(ValueError, match="integer"):
        Fields({"top": "integer"})
    with pytest.raises(ValueError, match="integer"):
        compile_expression("top", {"top": "integer"})
    with pytest.raises(ValueError, match="list is a type of CEL"):
        compile_expression("1", {"list": "dyn"})


def test_the_same_text_is_compiled_once_for_the_same_names() -> None:
    first = compile_expression("params.top + 41", NAMES)
    assert compile_expression("params.top + 41", dict(NAMES)) is first
    same = {**NAMES, "params": Fields({"top": "int"})}
    assert compile_expression("params.top + 41", same) is not first
