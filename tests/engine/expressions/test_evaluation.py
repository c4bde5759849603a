"""What expressions give over plain data: CEL's rules for logic, equality, access, macros and optionals."""

import datetime as dt
from collections.abc import Iterator, Mapping

import pytest

from tidegate.engine.expressions import compile_expression
from tidegate.errors import ExpressionError

NAMES = {"d": "dyn", "l": "list", "m": "map", "s": "string", "i": "int", "b": "bool"}
CONTEXT = {
    "d": {"a": 1, "nested": {"x": [10, 20]}, "none": None, "ratio": 2.5},
    "l": [3, 1, 2],
    "m": {"a": 1, "b": 2},
    "s": "text",
    "i": 7,
    "b": True,
}


def value_of(text: str, context: Mapping[str, object] = CONTEXT) -> object:
    return compile_expression(text, NAMES).evaluate(context)


def error_of(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value_of(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # logic answers as soon as one side decides, whatever the other does
        ("true || 1 / 0 == 1", True),
        ("1 / 0 == 1 || true", True),
        ("1 / 0 == 1 && false", False),
        ("false && d.missing.deeper", False),
        ("d.missing == 1 ? 1 : 2", ExpressionError),
        ("b ? 1 : 1 / 0", 1),
        ("d && true", ExpressionError),
        ("d && false", False),
        # numbers: 64 bits that do not wrap, division towards zero, equality across types
        ("9223372036854775807 + 1", ExpressionError),
        ("-9223372036854775808 - 1", ExpressionError),
        ("-9223372036854775808 / -1", ExpressionError),
        ("-9223372036854775808 % -1", ExpressionError),
        ("-(i - 9223372036854775807 - 8)", ExpressionError),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("1 / 0", ExpressionError),
        ("1 % 0", ExpressionError),
        ("1u - 2u", ExpressionError),
        ("18446744073709551615u + 1u", ExpressionError),
        ("6u * 7u", 42),
        ("2.5 * 2.0", 5),
        ("d.a + 1.5", ExpressionError),
        ("double(d.a) + 1.5", 2.5),
        ("dyn(1) == dyn(1.0)", True),
        ("dyn(1) == dyn(1u)", True),
        ("dyn(true) == dyn(1)", False),
        ("dyn([1, true]) == dyn([1.0, 1])", False),
        ("dyn(1) == 'a'", False),
        ("dyn(1) < 1.5", True),
        ("dyn('a') < 1", ExpressionError),
        ("0.0 / 0.0 == 0.0 / 0.0", False),
        ("[0.0 / 0.0] == [0.0 / 0.0]", False),
        ("dyn({'a': 1}) == {'a': 1.0}", True),
        ("{1: 'a'} == {1u: 'a'}", ExpressionError),
        # access
        ("d.nested.x[1]", 20),
        ("d['nested']['x'][0]", 10),
        ("l[dyn(1.0)]", 1),
        ("l[3]", ExpressionError),
        ("l[-1]", ExpressionError),
        ("d.missing", ExpressionError),
        ("d.a.b", ExpressionError),
        ("has(d.a) && !has(d.zz)", True),
        ("has(d.nested.x)", True),
        ("has(d.zz.x)", ExpressionError),
        ("'a' in m && !('z' in m)", True),
        ("2 in l", True),
        ("dyn(2.0) in l", True),
        # bools and ints are different keys, ints and uints are not
        ("{dyn(true): 'bool', dyn(1): 'int'}[dyn(1)]", "int"),
        ("{dyn(true): 'bool', dyn(1): 'int'}[dyn(true)]", "bool"),
        ("{true: 'bool'}[dyn(1)]", ExpressionError),
        ("{1: 'int'}[dyn(1u)]", "int"),
        ("{1: 'int'}[dyn(1.0)]", "int"),
        ("{dyn(true): 1}.map(k, k)", [True]),
        ("{'a': 1, 'a': 2}", ExpressionError),
        ("{dyn(1): 1, dyn(1u): 2}", ExpressionError),
        # macros
        ("l.map(x, x * 2)", [6, 2, 4]),
        ("l.map(x, x > 1, x * 2)", [6, 4]),
        ("l.filter(x, x != 1)", [3, 2]),
        ("l.exists(x, x == 2)", True),
        ("l.all(x, x < 3)", False),
        ("l.exists_one(x, x > 2)", True),
        ("l.exists(x, 6 / (x - 3) == -3)", True),
        ("l.all(x, 6 / (x - 3) == 1)", False),
        ("l.all(x, 6 / (x - 3) < 1)", ExpressionError),
        ("l.exists_one(x, 1 / (x - 1) == 1)", ExpressionError),
        ("l.exists(x, d)", ExpressionError),
        ("m.map(k, k + string(m[k]))", ["a1", "b2"]),
        ("m.filter(k, m[k] > 1)", ["b"]),
        ("[[1, 2], [3]].map(x, x.map(y, y + x[0]))", [[2, 3], [6]]),
        ("l.map(l, l)", [3, 1, 2]),
        ("l.map(s, .s + string(s))", ["text3", "text1", "text2"]),
        ("i.map(x, x)", ExpressionError),
        ("dyn(i).map(x, x)", ExpressionError),
        ("cel.bind(x, i + 1, x * x)", 64),
        ("cel.bind(x, 1 / 0, true)", True),
        ("cel.bind(x, 1 / 0, x == 1 || b)", True),
        ("cel.bind(x, 1 / 0, x)", ExpressionError),
        # optionals
        ("d.?a.orValue(5)", 1),
        ("d.?zz.orValue(5)", 5),
        ("d.?nested.?x.orValue([])", [10, 20]),
        ("d.?zz.x.y.orValue('none')", "none"),
        ("d.?a.?b.orValue(1)", ExpressionError),
        ("d[?'zz'].hasValue()", False),
        ("l[?9].orValue(0)", 0),
        ("d.?a.value()", 1),
        ("d.?zz.value()", ExpressionError),
        ("d.?zz.or(d.?a).orValue(9)", 1),
        ("d.?a.orValue(1 / 0)", 1),
        ("d.?a.optMap(x, x + 1).orValue(0)", 2),
        ("d.?nested.optFlatMap(x, x.?x).orValue([])", [10, 20]),
        ("optional.ofNonZeroValue('').orValue('empty')", "empty"),
        ("optional.ofNonZeroValue(d).hasValue()", True),
        ("[?d.?zz, ?d.?a, 9]", [1, 9]),
        ("{?'x': d.?zz, ?'y': d.?a}", {"y": 1}),
        ("[optional.none()].size()", 1),
        ("d.?none.hasValue()", True),
        # types
        ("type(i) == int && type(d) == map && type(null) == null_type", True),
        ("l.all(x, type(x) == int)", True),
    ],
)
def test_an_expression_has_the_value_that_cel_gives_it(text: str, value: object) -> None:
    if value is ExpressionError:
        try:
            result = value_of(text)
        except ExpressionError:
            return
        pytest.fail(f"{text} gave {result!r}")
    result = value_of(text)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("d.nested.y", 9, 'no such key: "y" (there is: x) (column 9 of `d.nested.y`)'),
        ("d.nested.x[0] + d.ratioo", 18, 'no such key: "ratioo": did you mean "ratio"? (column 18 of '),
        ("d.a + 1.5", 5, '"+" does not take (int, double): convert with double(...) or int(...) (column 5 of '),
        ("d.none + 1", 8, '"+" does not take (null, int): replace null first, as in "x == null ? 0 : x" (column 8 of '),
        ("l[5]", 2, "there is no element 5 in a list of 3 (column 2 of `l[5]`)"),
        ("1 +\n  d.a.b", 6, 'a value of type int has no field "b" (line 2, column 6 of '),
        ("d && b", 3, '"&&" takes two bools, not (map, bool) (column 3 of '),
        ("d.a ? 1 : 2", 5, "before ? a bool is expected, not a value of type int (column 5 of "),
        ("s.matches(d.a)", 10, '"matches" does not take (string, int)'),
        ("l.exists(x, d.a)", 9, "the condition must give a bool, not a value of type int (column 9 of "),
        ("dyn(3).orValue(1)", 15, '"orValue" does not take (int)'),
        ("int('x')", 4, '"x" is not an integer (column 4 of '),
    ],
)
def test_an_error_names_the_place_the_expression_and_the_types(text: str, column: int, message: str) -> None:
    error = error_of(text)
    assert message in str(error)
    assert (error.line, error.column) == (text.count("\n") + 1, column)
    assert error.reason == "ExpressionFailed"


def test_a_long_expression_is_cut_in_the_message() -> None:
    assert str(error_of("d.zz + " + " + ".join(["'padding'"] * 20))).endswith("...`)")


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(ExpressionError, match='there is no value for "d" here'):
        value_of("d.a", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dyn(b'x')", "base64.encode"),
        ("[b'x']", "base64.encode"),
        ("[type(1)]", "type(x) == string"),
        ("[d.?a]", ".orValue(...)"),
        ("[1.0 / 0.0]", "the number inf"),
        ("{1: 2}", "keys are not strings"),
        ("1.0 / 0.0", "the number inf"),
    ],
)
def test_a_value_without_a_form_in_json_is_refused(text: str, message: str) -> None:
    assert message in str(error_of(text))


def test_integral_doubles_leave_as_integers_as_they_would_come_back_from_the_api_server() -> None:
    result = value_of("[2.0, 2.5, -0.0, 1e300]")
    assert result == [2, 2.5, 0, 1e300]
    assert [type(number) for number in result] == [int, float, int, float]  # type: ignore[attr-defined]


def test_times_leave_as_they_are_and_inside_of_lists_as_text() -> None:
    noon = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
    names = {"t": "timestamp", "r": "duration"}
    context = {"t": noon, "r": dt.timedelta(minutes=90)}
    assert compile_expression("t + r", names).evaluate(context) == noon + dt.timedelta(minutes=90)
    assert compile_expression("r", names).evaluate(context) == dt.timedelta(minutes=90)
    assert compile_expression("[[t], {'r': r}]", names).evaluate(context) == [["2026-05-01T12:00:00Z"], {"r": "5400s"}]


class Lazy(Mapping[str, object]):
    """A map that makes its values when asked, and remembers for which keys it was."""

    def __init__(self, size: int) -> None:
        self.size, self.asked = size, []

    def __getitem__(self, key: str) -> object:
        self.asked.append(key)
        if not key.startswith("t") or int(key[1:]) >= self.size:
            raise KeyError(key)
        return {"outputs": {"rows": int(key[1:])}}

    def __iter__(self) -> Iterator[str]:
        return (f"t{number}" for number in range(self.size))

    def __len__(self) -> int:
        return self.size


@pytest.mark.parametrize(
    ("text", "value", "asked"),
    [
        ("m.t7.outputs.rows > 5", True, ["t7"]),
        ("m['t7'].outputs.rows", 7, ["t7"]),
        ("m.?t7.?outputs.?rows.orValue(0)", 7, ["t7"]),
        ("m.?zz.?outputs.orValue({})", {}, ["zz"]),
        ("size(m) == 1000000 && m != {}", True, []),
        ("dyn(m) == dyn([])", False, []),
    ],
)
def test_a_lazy_map_is_asked_only_for_what_is_read(text: str, value: object, asked: list[str]) -> None:
    lazy = Lazy(1_000_000)
    assert value_of(text, {"m": lazy}) == value
    assert lazy.asked == asked


def test_a_lazy_map_can_be_gone_through_compared_and_returned() -> None:
    plain = {"t0": {"outputs": {"rows": 0}}, "t1": {"outputs": {"rows": 1}}}
    assert value_of("m.filter(k, m[k].outputs.rows == 1)", {"m": Lazy(2)}) == ["t1"]
    assert value_of("m == d", {"m": Lazy(2), "d": plain}) is True
    assert value_of("m", {"m": Lazy(2)}) == plain


def test_the_data_are_not_changed_and_not_shared_with_the_result() -> None:
    context = {"d": {"a": [1]}}
    result = value_of("d", context)
    assert isinstance(result, dict)
    result["a"].append(2)
    assert context == {"d": {"a": [1]}}


def test_an_expression_can_be_evaluated_again_and_gives_the_same() -> None:
    expression = compile_expression("l.map(x, cel.bind(y, x + i, y))", NAMES)
    assert [expression.evaluate({"l": [1, 2], "i": number}) for number in (0, 10, 0)] == [[1, 2], [11, 12], [1, 2]]
