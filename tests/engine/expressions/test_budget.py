"""Hostile expressions stop: within their steps and bytes, which are within a fraction of a second and 16 MiB.

What is asserted is the count of steps and the peak of memory, not the clock, which other processes share.
"""

import itertools
import subprocess
import sys
import tracemalloc

import pytest

from tidegate.engine.expressions import Limits, compile_expression, compile_template
from tidegate.errors import BudgetExceeded, ExpressionError

NAMES = dict.fromkeys(("ints", "words", "text", "wide", "hundreds", "deep", "keys"), "dyn") | {"t": "timestamp"}


def chain(first: str, step: str, last: str, count: int = 24) -> str:
    """Nest `cel.bind` so that each variable is made of the one before."""
    names = ["v", *(f"v{number}" for number in range(count))]
    binds = [f"cel.bind(v, {first}, "]
    binds += [f"cel.bind({name}, {step.format(before)}, " for before, name in itertools.pairwise(names)]
    return "".join(binds) + last.format(names[-1]) + ")" * len(binds)


BOMBS = {
    "nested loops": "hundreds.all(a, hundreds.all(b, hundreds.all(c, a + b + c >= 0)))",
    "nested loops of errors": "ints.exists(a, ints.exists(b, keys.zz == a + b))",
    "product": "hundreds.map(a, hundreds.map(b, hundreds.map(c, a)))",
    "copies of a text": "hundreds.map(a, text)",
    "a long body": "ints.all(a, " + " && ".join(["a >= 0 && (a + 1) * 2 - a > 0"] * 120) + ")",
    "doubled text": chain('"xxxxxxxxxx"', "{0} + {0}", "{0}.size()"),
    "list of itself returned": chain("[1, 1]", "[{0}, {0}]", "{0}"),
    "list of itself printed": chain('["x", "y"]', "[{0}, {0}]", '"%s".format([{0}]).size()'),
    "list of itself compared": chain("[1, 1]", "[{0}, {0}]", "dyn({0}) == dyn({0})"),
    "list of itself flattened": chain("[1, 1]", "[{0}, {0}]", "{0}.flatten(30).size()"),
    "replace grows": "text.replace('a', text).size()",
    "replace in a loop": "ints.map(i, text.replace('a', 'b')).size()",
    "split": "text.split('').size()",
    "join": "hundreds.map(i, text).join(text).size()",
    "precision": "ints.all(i, '%.1000f %.1000f'.format([1.5, 1e300]) != '')",
    "states of a pattern": "text.matches('(a|b)*a(a|b| ){400}z')",
    "patterns in a loop": "words.all(w, 'aaaa'.matches(w + '(a{1,100}){1,10}') || true)",
    "small patterns in a loop": "words.all(w, 'aaaa'.matches(w) || true)",
    "pattern replaced": "regex.replace(text, '', 'xxxxxxxxxxxx').size()",
    "pattern found often": "regex.extractAll(text, 'a').size()",
    "equal texts": "ints.all(i, text == text)",
    "equal lists": "ints.all(i, ints == ints)",
    "search in texts": "ints.exists(i, text.contains('zzz'))",
    "search in lists": "ints.all(i, !(-1 in ints))",
    "sets": "sets.contains(ints, ints.reverse())",
    "distinct lists": "ints.map(i, [i]).distinct().size()",
    "sort in a loop": "ints.all(i, words.sort().size() > 0)",
    "sort of long texts": "hundreds.map(i, text + string(i)).sort().size()",
    "time zones": "words.all(w, t.getHours(w) >= 0 || true)",
    "times read": "ints.all(i, duration('1h2m3s4ms5us6ns1h2m3s4ms5us6ns') > duration('1s'))",
    "numbers printed": "ints.all(i, string(double(i) * 1.1) != '')",
    "maps": "ints.map(i, {'a': i, 'b': [i, i]}).size()",
    "letters": "hundreds.all(i, wide.upperAscii().size() > 0)",
    "quoted": "hundreds.all(i, strings.quote(wide).size() > 0)",
    "base 64": "hundreds.all(i, base64.decode(base64.encode(bytes(text))).size() > 0)",
    "optionals": "ints.all(i, optional.of(i)" + ".optMap(x, x + 1)" * 6 + ".hasValue())",
    "a large result": "ints",
    "a large sum of lists": "ints.all(i, (ints + ints).size() > 0)",
    "an error kept by bind": "cel.bind(x, keys.zz, ints.all(i, ints.all(j, x == 1 || true)))",
}


@pytest.fixture(scope="module")
def context() -> dict[str, object]:
    return {
        "ints": list(range(100_000)),
        "words": [f"word-{number:06d}" for number in range(50_000)],
        "text": "ab " * 300_000,
        "wide": "éa" * 150_000,
        "hundreds": list(range(300)),
        "keys": {f"k{number}": number for number in range(1000)},
        "t": None,
    }


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
