"""Random expressions give what the CEL library's own evaluator gives, value for value and error for error.

Where the two are known to differ nothing is generated: see the last table of test_functions.py.
TIDEGATE_DIFFERENTIAL_EXAMPLES asks for more examples of each type than the 150 of every run.
"""

import datetime as dt
import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tidegate.engine.expressions import compile_expression
from tidegate.engine.expressions.budget import DEFAULT_LIMITS
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.scope import Frame
from tidegate.engine.expressions.values import BoolKey, UInt
from tidegate.errors import ExpressionError

ORACLE = Path(__file__).with_name("oracle.py")
TYPES, tagged = (runpy.run_path(str(ORACLE))[name] for name in ("TYPES", "tagged"))
SCALARS = ("int", "uint", "double", "bool", "string", "timestamp", "duration")

LEAVES: Mapping[str, tuple[str, ...]] = {
    "int": ("i", "j", "0", "1", "-1", "7", "-3", "64", "9223372036854775807", "int(u)", "x"),
    "uint": ("u", "0u", "1u", "18446744073709551615u"),
    "double": ("f", "0.0", "1.5", "-2.5", "0.1", "1e10", "1e300", "100000.0"),
    "bool": ("b", "true", "false", "has(m.a)", "has(d.k)"),
    "string": ("s", '""', '"a"', '"aXb"', '"é😀z"', '" a,b "', '"12"', '"-7"', '"1.5"', '"true"', '"UTC"', '"a.b"'),
    "bytes": ("y", 'b""', 'b"ab"', "b'\\xff'"),
    "list": ("l", "[]", "[1, 2, 3]", '["a", "b"]', "[[1], [2, 3]]", "[i, j, i]", '[1, "a", true, null]', "[1.5, 2.0]"),
    "map": ("m", "{}", '{"a": 1}', '{"k": {"a": i}}'),
    "timestamp": ("t", 'timestamp("2024-02-29T23:59:59.5Z")', "timestamp(0)", "timestamp(j)"),
    "duration": ("r", 'duration("1h30m")', 'duration("-1.5s")', 'duration("0s")'),
    "dyn": ("d", "d.k", "m.a", "l[0]", "m.zz", "dyn(i)", "dyn(f)", "dyn(s)", "dyn(null)", "dyn(b)", "dyn(u)", "x"),
    "optional": ("optional.none()", "m.?a", "d.?k", "l[?1]", 'm[?"zz"]', "optional.of(d)"),
}

COMMON: Mapping[str, tuple[str, ...]] = {
    "int": (
        "{int} + {int}",
        "{int} - {int}",
        "{int} * {int}",
        "{int} / {int}",
        "{int} % {int}",
        "-{int}",
        "size({string})",
        "{string}.size()",
        "size({list})",
        "size({map})",
        "size({bytes})",
        "int({string})",
        "int({double})",
        "int({uint})",
        "int({timestamp})",
        "int({dyn})",
        "{string}.indexOf({string})",
        "{string}.lastIndexOf({string})",
        "{string}.indexOf({string}, {int})",
        "{timestamp}.getFullYear()",
        "{timestamp}.getMonth()",
        "{timestamp}.getDate()",
        "{timestamp}.getDayOfMonth()",
        "{timestamp}.getDayOfWeek()",
        "{timestamp}.getDayOfYear()",
        '{timestamp}.getHours("Europe/Berlin")',
        '{timestamp}.getMinutes("-02:30")',
        "{timestamp}.getSeconds({string})",
        "{timestamp}.getMilliseconds()",
        "{duration}.getHours()",
        "{duration}.getMinutes()",
        "{duration}.getSeconds()",
        "{duration}.getMilliseconds()",
        "math.abs({int})",
        "math.sign({int})",
        "math.bitAnd({int}, {int})",
        "math.bitOr({int}, {int})",
        "math.bitXor({int}, {int})",
        "math.bitNot({int})",
        "math.bitShiftLeft({int}, {int})",
        "math.bitShiftRight({int}, {int})",
        "math.greatest({int}, {int})",
        "math.least({int}, {int}, {int})",
        "({bool} ? {int} : {int})",
        "cel.bind(x, {int}, {int})",
    ),
    "uint": (
        "{uint} + {uint}",
        "{uint} - {uint}",
        "{uint} * {uint}",
        "{uint} / {uint}",
        "{uint} % {uint}",
        "uint({int})",
        "uint({string})",
        "uint({double})",
        "math.bitNot({uint})",
        "math.bitShiftLeft({uint}, {int})",
        "math.abs({uint})",
    ),
    "double": (
        "{double} + {double}",
        "{double} - {double}",
        "{double} * {double}",
        "{double} / {double}",
        "-{double}",
        "double({int})",
        "double({uint})",
        "double({string})",
        "math.ceil({double})",
        "math.floor({double})",
        "math.round({double})",
        "math.trunc({double})",
        "math.abs({double})",
        "math.sqrt({double})",
        "math.greatest({double}, {double})",
        "math.sqrt({int})",
    ),
    "bool": (
        "{int} < {int}",
        "{uint} >= {uint}",
        "{double} <= {double}",
        "{string} > {string}",
        "{bytes} < {bytes}",
        "{timestamp} < {timestamp}",
        "{duration} >= {duration}",
        "{bool} < {bool}",
        "{int} == {int}",
        "{string} != {string}",
        "{dyn} == {dyn}",
        "{dyn} != {dyn}",
        "{list} == {list}",
        "{map} == {map}",
        "{dyn} < {dyn}",
        "{dyn} >= {int}",
        "{dyn} == {list}",
        "{timestamp} == {timestamp}",
        "({bool} && {bool})",
        "({bool} || {bool})",
        "!{bool}",
        "({dyn} && {bool})",
        "({bool} || {dyn})",
        "!{dyn}",
        "({bool} ? {bool} : {dyn})",
        "{dyn} in {list}",
        "{string} in {map}",
        "{dyn} in {dyn}",
        "{string}.contains({string})",
        "{string}.startsWith({string})",
        "{string}.endsWith({string})",
        '{string}.matches("^[a-z]+$")',
        '{string}.matches("[0-9]")',
        "bool({string})",
        "{list}.all(x, {bool})",
        "{list}.exists(x, {bool})",
        "{list}.exists_one(x, {bool})",
        "{map}.all(x, {bool})",
        "{map}.exists(x, {bool})",
        "{optional}.hasValue()",
        "{optional} == {optional}",
        "has({dyn}.a)",
        "math.isNaN({double})",
        "math.isInf({double})",
        "math.isFinite({double})",
        "sets.contains({list}, {list})",
        "sets.equivalent({list}, {list})",
        "sets.intersects({list}, {list})",
        "type({dyn}) == type({dyn})",
        "type({dyn}) == int",
        "cel.bind(x, {dyn}, {bool})",
    ),
    "string": (
        "{string} + {string}",
        "string({int})",
        "string({double})",
        "string({bool})",
        "string({uint})",
        "string({duration})",
        "string({timestamp})",
        "string({bytes})",
        "string({dyn})",
        "{string}.charAt({int})",
        "{string}.substring({int})",
        "{string}.replace({string}, {string})",
        "{string}.replace({string}, {string}, {int})",
        "{string}.lowerAscii()",
        "{string}.upperAscii()",
        "{string}.trim()",
        "{string}.reverse()",
        "strings.quote({string})",
        "base64.encode({bytes})",
        '{string}.split({string}).join("+")',
        '["q", {string}].join({string})',
        '"%s|%d|%s".format([{string}, {int}, {bool}])',
        '"%x %o %b".format([{int}, {int}, {int}])',
        '"%.3f %e".format([{double}, {double}])',
        '"%s".format([l])',
        '"%X".format([{bytes}])',
        'regex.replace({string}, "[a-z]", "<\\\\0>")',
        'regex.replace({string}, "(.)b", "\\\\1")',
        'regex.extract({string}, "[a-z]+").orValue({string})',
        "({bool} ? {string} : {string})",
        "{dyn}.lowerAscii()",
        "cel.bind(x, {string}, x + x)",
    ),
    "bytes": ("{bytes} + {bytes}", "bytes({string})", "base64.decode({string})"),
    "list": (
        "{list} + {list}",
        "{list}.map(x, {dyn})",
        "{list}.map(x, {bool}, {dyn})",
        "{list}.filter(x, {bool})",
        "{list}.map(x, {int})",
        "{list}.reverse()",
        "{list}.distinct()",
        "{list}.flatten()",
        "{list}.flatten({int})",
        "{list}.slice({int}, {int})",
        "[{int}, {int}, {int}].sort()",
        "[{string}, {string}].sort()",
        "[{double}, {double}].sort()",
        "{list}.sortBy(x, {dyn})",
        "{list}.sortBy(x, {int})",
        "[{dyn}, {dyn}]",
        "[?{optional}, {dyn}]",
        "{string}.split({string})",
        "{string}.split({string}, {int})",
        'regex.extractAll({string}, "[a-z]")',
        "({bool} ? {list} : {list})",
        "{list}.filter(x, type(x) == int)",
    ),
    "map": (
        '{"a": {dyn}}',
        '{"a": {int}, "b": {dyn}}',
        '{?"a": {optional}, "c": {dyn}}',
        "({bool} ? {map} : {map})",
    ),
    "timestamp": (
        "{timestamp} + {duration}",
        "{timestamp} - {duration}",
        "{duration} + {timestamp}",
        "timestamp({string})",
    ),
    "duration": (
        "{duration} + {duration}",
        "{duration} - {duration}",
        "{timestamp} - {timestamp}",
        "duration({string})",
    ),
    "dyn": (
        "{dyn} + {dyn}",
        "{dyn} - {dyn}",
        "{dyn} * {dyn}",
        "{dyn} / {dyn}",
        "{dyn} % {dyn}",
        "-{dyn}",
        "{dyn}.a",
        "{dyn}[{dyn}]",
        "{list}[{int}]",
        "{list}[{dyn}]",
        "{map}[{string}]",
        "{map}[{dyn}]",
        "dyn({list})",
        "dyn({map})",
        "dyn({int})",
        "dyn({double})",
        "dyn({bool})",
        "dyn({string})",
        "dyn({uint})",
        "dyn({timestamp})",
        "dyn({duration})",
        "{optional}.orValue({dyn})",
        "{optional}.value()",
        "({bool} ? {dyn} : {dyn})",
        "({dyn} ? {dyn} : {dyn})",
        "math.greatest({dyn}, {dyn})",
        "math.least({list})",
        "cel.bind(x, {dyn}, {dyn})",
        "{dyn}.value()",
    ),
    "optional": (
        "{dyn}.?a",
        "{map}.?a",
        "{map}[?{string}]",
        "{list}[?{int}]",
        "optional.of({dyn})",
        "{optional}.or({optional})",
        "optional.ofNonZeroValue({dyn})",
        "{optional}.optMap(x, {dyn})",
        "{optional}.optFlatMap(x, {optional})",
        "{list}.first()",
        "{list}.last()",
        "{optional}.?a",
        "{optional}.a",
    ),
}

EXAMPLES = int(os.environ.get("TIDEGATE_DIFFERENTIAL_EXAMPLES", "150"))
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@st.composite
def expressions(draw: Callable[[Any], Any], kind: str, depth: int) -> str:
    """Draw a text of the kind; `x` is the variable of a loop where there is one."""
    choices = LEAVES[kind] if depth == 0 else (*LEAVES[kind][:2], *COMMON[kind])
    text = draw(st.sampled_from(choices))
    return PLACEHOLDER.sub(lambda match: in_parentheses(draw(expressions(match[1], depth - 1))), text)


def in_parentheses(text: str) -> str:
    return f"({text})" if " " in text or text.startswith("-") else text


INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, -1.25]) | st.sampled_from(["", "a", "b1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "k"]), inner, max_size=1),
    max_leaves=4,
)
DATA = st.fixed_dictionaries(
    {
        "i": INTEGERS,
        "j": st.integers(-3, 70),
        "u": st.integers(0, 2**64 - 1) | st.integers(0, 3),
        "f": st.floats(-1e9, 1e9) | st.sampled_from([0.0, 0.5, 2.5]),
        "b": st.booleans(),
        "s": st.text("ab1, é😀.", max_size=5),
        "y": st.binary(max_size=3),
        "l": st.lists(JSON_VALUES, max_size=3),
        "m": st.dictionaries(st.sampled_from(["a"]), JSON_VALUES, max_size=1),
        "t": st.integers(-(2**51), 2**52).map(lambda microseconds: EPOCH + dt.timedelta(microseconds=microseconds)),
        "r": st.timedeltas(dt.timedelta(days=-400), dt.timedelta(days=400)),
        "d": st.dictionaries(st.sampled_from(["a", "k"]), JSON_VALUES, max_size=1) | JSON_VALUES,
    }
)


class Oracle:
    """The program of oracle.py, asked line by line."""

    def __init__(self) -> None:
        self.child = subprocess.Popen(
            [sys.executable, str(ORACLE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, text: str, data: Mapping[str, Any]) -> Any:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(json.dumps({"text": text, "data": tagged(dict(data))}) + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline().replace("-nan", "nan"))  # the library prints NaN's sign


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    started = Oracle()
    yield started
    started.child.terminate()
    started.child.wait()


def outcome(text: str, data: Mapping[str, Any]) -> Any:
    """Give `[value]` as the oracle does, or the error as text."""
    try:
        expression = compile_expression(text, TYPES)
        frame = Frame({**data, "u": UInt(data["u"])}, expression.variables, DEFAULT_LIMITS)
        return [tagged(without_keys(expression.run(frame)))]
    except (ExpressionError, Fault) as error:
        return error.describe() if isinstance(error, Fault) else error.message


def without_keys(value: Any) -> Any:
    """Give a value with bools as keys of dicts; only for data of which no int equals such a key."""
    if isinstance(value, list):
        return [without_keys(item) for item in value]
    if isinstance(value, dict):
        return {key.value if isinstance(key, BoolKey) else key: without_keys(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("kind", [*SCALARS, "list", "map", "dyn"])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(drawn=st.data())
def test_the_value_is_that_of_the_library(oracle: Oracle, kind: str, drawn: Any) -> None:
    text, data = drawn.draw(expressions(kind, 2)), drawn.draw(DATA)
    expected, found = oracle.ask(text, data), outcome(text, data)
    if isinstance(expected, str):
        assert isinstance(found, str), f"{text} over {data} is an error to the library: {expected}; here it is {found}"
    else:
        assert found == expected, f"{text} over {data}"
