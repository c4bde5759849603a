"""Files made to harm whoever reads them: refused with one sentence and its place, in little memory."""

import tracemalloc

import pytest
from click.testing import CliRunner

from tidegate.cli.main import main

HEAD = (
    "apiVersion: tidegate.dev/v1alpha1\nkind: Flow\nmetadata: {name: x}\nspec:\n  tasks:\n  - {name: a, set: {x: 1}}\n"
)
RUN = '{"apiVersion": "tidegate.dev/v1alpha1", "kind": "FlowRun", "metadata": {"name": "x"}, "spec": '

ALIASES = "a: &a0 [x]\n" + "".join(f"b{n}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(12))
PAREN = "(" * 1500 + "1" + ")" * 1500

HOSTILE = {
    "aliases of aliases": (ALIASES, "aliases unfold into more than 10000 nodes"),
    "an alias of itself": ("a: &a [*a]\n", "an alias contains itself"),
    "deep lists": (HEAD + "  params: " + "[" * 50_000 + "]" * 50_000, "too many lists and mappings inside each other"),
    "deep mappings": ("".join(" " * depth + "a:\n" for depth in range(500)), "nested deeper than 64"),
    "deep JSON": (
        RUN + '{"flowRef": {"name": "x"}, "params": {"a": ' + "[" * 5000 + "]" * 5000 + "}}}",
        "too many lists and mappings inside each other",
    ),
    "a number of a million digits": ("a: " + "9" * 1_000_000, "does not fit into 64 bits"),
    "a text of a million characters": (HEAD + "  description: " + "x" * 1_000_000, "may not be more than 4096"),
    "a tag that calls Python": ("a: !!python/object/apply:os.system ['true']", "is not known: remove it"),
    "merge keys": ("a: &a {b: 1}\nc: {<<: *a}\n", 'merge keys ("<<") are not supported'),
    "a deep expression": (HEAD.replace("x: 1", f'x: "$[[ {PAREN} ]]"'), "nested too deeply"),
    "a long expression": (HEAD.replace("x: 1", f'x: "$[[ {"1 + " * 2000}1 ]]"'), "at most 4,096 are allowed"),
    "a pattern that explodes": (
        HEAD.replace("x: 1", "x: \"$[[ 'a'.matches('((a{100}){100}){100}') ]]\""),
        "regular expression is not valid",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_in_little_memory(case: str):
    text, message = HOSTILE[case]
    runner = CliRunner()
    tracemalloc.start()
    try:
        result = runner.invoke(main, ["validate", "-"], input=text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert peak - 8 * len(text) < 16 * 1024 * 1024
