"""Hostile expressions stop: within their steps and bytes, which are within a fraction of a second and 16 MiB.

What is asserted is the count of steps and the peak of memory, not the clock, which other processes share.
"""

import subprocess
import sys
import tracemalloc

import pytest
from bench.bombs import BOMBS, NAMES
from bench.bombs import context as context_of

from tidegate.engine.expressions import Limits, compile_expression, compile_template
from tidegate.errors import BudgetExceeded, ExpressionError


@pytest.fixture(scope="module")
def context() -> dict[str, object]:
    return context_of()


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_stops_with_little_memory(bomb: str, context: dict[str, object]) -> None:
    expression = compile_expression(BOMBS[bomb], NAMES)
    tracemalloc.start()
    try:
        with pytest.raises(BudgetExceeded, match="more than"):
            expression.evaluate(context)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


def test_what_people_do_with_ten_thousand_items_is_within_the_budget() -> None:
    rows = [{"name": f"file-{number}.csv", "size": number} for number in range(10_000)]
    names = {"rows": "list"}
    for text, size in (
        ("rows.filter(r, r.size >= 100 && r.name.endsWith('.csv')).map(r, r.name)", 9_900),
        ("rows.filter(r, r.name.matches('^file-[0-9]+[.]csv$')).map(r, r.size * 2)", 10_000),
        ("rows.sortBy(r, -r.size).map(r, r.name)", 10_000),
    ):
        assert len(compile_expression(text, names).evaluate({"rows": rows})) == size


def test_the_limits_can_be_given_and_the_message_has_them() -> None:
    expression = compile_expression("l.map(x, x + 1)", {"l": "list"})
    assert expression.evaluate({"l": [1, 2]}, Limits(steps=100)) == [2, 3]
    with pytest.raises(BudgetExceeded, match=r"more than 100 steps: give it less data.*\(in `l.map"):
        expression.evaluate({"l": [1] * 100}, Limits(steps=100))
    with pytest.raises(BudgetExceeded, match="more than 1,000 bytes"):
        expression.evaluate({"l": [1] * 100}, Limits(memory=1000))


def test_the_same_evaluation_always_costs_the_same() -> None:
    expression = compile_expression("l.all(x, x.matches('^a+$'))", {"l": "list"})
    data = {"l": ["a" * 20] * 10}
    enough = next(steps for steps in range(100, 10_000, 10) if passes(expression, data, steps))
    compile_expression("'x'.matches('b')", {}).evaluate({})
    assert passes(expression, data, enough)
    assert not passes(expression, data, enough - 10)


def passes(expression: object, data: object, steps: int) -> bool:
    try:
        return bool(expression.evaluate(data, Limits(steps=steps)))  # type: ignore[attr-defined]
    except BudgetExceeded:
        return False


def test_a_budget_is_not_absorbed_as_errors_are() -> None:
    expression = compile_expression("l.all(x, l.all(y, x == y)) || true", {"l": "list"})
    with pytest.raises(BudgetExceeded):
        expression.evaluate({"l": [1] * 2000})


def test_deep_data_are_an_error_and_not_a_crash() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    for text in ("deep", "deep == deep", "'%s'.format([deep])", "[deep].distinct() == [deep, deep].distinct()"):
        with pytest.raises(BudgetExceeded, match="nested too deeply"):
            compile_expression(text, NAMES).evaluate({"deep": deep})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 2000 + "1" + ")" * 2000, "nested too deeply"),
        ("(" * 10_000 + "1" + ")" * 10_000, "at most 4,096"),
        ("[" * 4096, "nested too deeply"),
        ("1" + "+1" * 1000, "nested too deeply"),
        ("deep" + ".a" * 1000, "nested too deeply"),
        ("optional.of(1)" + ".optMap(x, x)" * 12 + ".hasValue()", "too large once its macros are expanded"),
        ("optional.of(1)" + ".optMap(x, x)" * 200 + ".hasValue()", "too large once its macros are expanded"),
        ("optional.of(1)" + ".optFlatMap(x, optional.of(x))" * 100 + ".hasValue()", "too large"),
        ("text.matches('((a{100}){100}){100}')", "not valid"),
        (f"text.matches('{'a?' * 600}')", "more than 1000 characters"),
    ],
)
def test_a_text_that_would_explode_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        compile_expression(text, NAMES)


def test_large_but_harmless_texts_are_accepted() -> None:
    assert compile_expression("!" * 4000 + "true", {}).evaluate({}) is True
    assert compile_expression(" && ".join(["true"] * 500), {}).evaluate({}) is True
    assert compile_expression("[" + "1, " * 1000 + "1]", {}).evaluate({}) == [1] * 1001


def test_texts_that_are_hard_to_cut_end_soon() -> None:
    for text in (
        "$[[ " + "]" * 100_000,
        "$[[ 1 + // ]]\n" + "// ]]\n" * 600 + " 2 ]]",
        "$[[ " * 10_000,
        "$[[ " + '"' * 4001,
        "$[[ " + '"""' * 1001 + " ]]",
        "$[[ " + "(" * 1_000_000,
        "$[[ '" + "x" * 1_000_000,
        "$[[ " + "a-" * 2000,
    ):
        with pytest.raises(ExpressionError):
            compile_template(text, NAMES)


def test_the_whole_process_stays_small_with_hostile_patterns() -> None:
    program = (
        "from tidegate.engine.expressions import compile_expression\n"
        "from tidegate.errors import BudgetExceeded\n"
        "import resource\n"
        "text = compile_expression('words.all(w, text.matches(w + \"([a-z0-9]|é){1,9}x\") || true)', "
        "{'words': 'dyn', 'text': 'dyn'})\n"
        "data = {'words': [f'a{n}' for n in range(5000)], 'text': 'ab9é' * 500}\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for _ in range(3):\n"
        "    try: text.evaluate(data)\n"
        "    except BudgetExceeded: pass\n"
        "    else: raise SystemExit('it ended')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    kibibytes = int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    assert kibibytes < 24 * 1024
