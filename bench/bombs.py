"""Hostile expressions: what each takes until it is stopped; the same that the tests stop."""

import itertools
import time
import tracemalloc
from typing import Any

from bench.tables import table
from tidegate.engine.expressions import Expression, compile_expression
from tidegate.errors import BudgetExceeded

RUNS = 3

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
    "concatenation in a loop": "ints.map(i, text + text).size()",
    "text cut and joined": "text.split(' ').join('xxxxxxxxxxxx').split('x').size()",
    "texts turned round": "ints.all(i, text.reverse() != '')",
    "greedy pattern": "text.matches('(.*)(.*)(.*)(.*)(.*)x')",
    "lists printed": "ints.all(i, '%s'.format([ints]) != '')",
    "lists flattened": "ints.map(i, [i]).flatten().flatten().size()",
    "maps in maps": "ints.map(i, {string(i): {string(i): i}})",
    "numbers joined and cut": "ints.map(i, string(i)).join(',').split(',').size()",
    "sorted again and again": "ints.sortBy(i, -i).sortBy(i, i).sortBy(i, -i).size()",
    "equal maps": "ints.all(i, keys == keys)",
    "a giant literal": "ints.all(i, [" + "i, " * 1000 + "i].size() > 0)",
}


def context() -> dict[str, Any]:
    """Give the data that they meet: more than a run can hold."""
    return {
        "ints": list(range(100_000)),
        "words": [f"word-{number:06d}" for number in range(50_000)],
        "text": "ab " * 300_000,
        "wide": "éa" * 150_000,
        "hundreds": list(range(300)),
        "keys": {f"k{number}": number for number in range(1000)},
        "t": None,
    }


def run() -> None:
    """Measure CPU and memory of each; both must stay below what the docs say, 100 ms and 16 MiB."""
    data, rows = context(), []
    for name, text in BOMBS.items():
        expression = compile_expression(text, NAMES)
        taken = min(_seconds(expression, data) for _ in range(RUNS))
        rows.append((taken, [name, f"{taken * 1000:.0f} ms", f"{_peak(expression, data) / 2**20:.1f} MiB"]))
    rows.sort(key=lambda row: -row[0])
    table(f"until it is stopped, CPU (best of {RUNS}) and peak", ("expression", "CPU", "memory"), [r for _, r in rows])


def _seconds(expression: Expression, data: dict[str, Any]) -> float:
    began = time.process_time()
    _stopped(expression, data)
    return time.process_time() - began


def _peak(expression: Expression, data: dict[str, Any]) -> int:
    tracemalloc.start()
    try:
        _stopped(expression, data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _stopped(expression: Expression, data: dict[str, Any]) -> None:
    try:
        expression.evaluate(data)
    except BudgetExceeded:
        return
    raise SystemExit("a hostile expression came to its end: it is not stopped")
