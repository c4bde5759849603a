"""Text becomes data: YAML 1.2, places, and mistakes in plain words."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.api import manifest
from tidegate.api.documents import MAX_ALIASED
from tidegate.api.manifest import load_documents
from tidegate.api.nodes import MAX_DEPTH, PurePythonParser, parser_class, roots
from tidegate.errors import InvalidSpec


@pytest.fixture(params=["c", "python"], autouse=True)
def parser(request, monkeypatch):
    """Every test runs with both parsers."""
    chosen = parser_class() if request.param == "c" else PurePythonParser
    monkeypatch.setattr(manifest, "roots", lambda text: roots(text, chosen))
    return request.param


def data_of(text):
    (document,) = load_documents(text)
    return document.data


def problems_in(text, file=""):
    with pytest.raises(InvalidSpec) as caught:
        load_documents(text, file)
    return caught.value.problems


def problem_in(text):
    (problem,) = problems_in(text)
    return problem


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nULL", "nULL"),
        ("0o10", 8),
        ("0x1F", 31),
        ("00", 0),
        ("08", 8),
        ("_1", "_1"),
        ("0b2", "0b2"),
        ("yEs", "yEs"),
        ("+7", 7),
        ("-7", -7),
        ("12:30:45", "12:30:45"),
        ("2026-01-31", "2026-01-31"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1e", "1e"),
        ("1.2.3", "1.2.3"),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("'10'", "10"),
        ('"true"', "true"),
        ("!!str 10", "10"),
        ("!!float 3", 3.0),
        ("!!int '3'", 3),
        ("=", "="),
        ("'<<'", "<<"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(written, meant):
    value = data_of(f"a: {written}")["a"]
    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (".inf", "not a number that JSON can hold"),
        ("-.INF", "not a number that JSON can hold"),
        (".nan", "not a number that JSON can hold"),
        ("1e999", "too large"),
        ("9223372036854775808", "does not fit into 64 bits"),
        ("0xFFFFFFFFFFFFFFFFF", "does not fit into 64 bits"),
        ("9" * 100_000, "does not fit into 64 bits"),
        ("!!int abc", "'abc' is not what its tag !!int says"),
        ("!!binary aGk=", "tag !!binary is not known"),
        ("!!timestamp 2026-01-31", "tag !!timestamp is not known"),
        ("!Ref x", "tag !Ref is not known"),
        ("!!python/object/apply:os.getcwd []", "tag !!python/object/apply:os.getcwd is not known"),
        ("!!set {a: 1}", "tag !!set is not known"),
    ],
)
def test_values_that_json_cannot_hold_are_refused(written, message):
    problem = problem_in(f"a:\n  b: {written}")
    assert (problem.line, problem.column, problem.path) == (2, 6, "a.b")
    assert message in problem.message


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("n", "n is false to kubectl and text to others: put it in quotes, or write false"),
        ("Yes", "Yes is true to kubectl and text to others"),
        *[(each, f"{each} is") for each in ("y", "Y", "N", "yes", "no", "NO", "on", "OFF")],
        ("010", "010 is another number to kubectl than to others: write it in decimal, or in quotes"),
        *[(each, f"{each} is another number") for each in ("-010", "0777_1", "0b11", "-0x1F", "1_000", "1_0.5e1_0")],
    ],
)
def test_what_kubectl_reads_otherwise_is_refused(written, told):
    assert problem_in(f"a: {written}").message.startswith(told)
    assert problem_in(f"{written}: 1").message.startswith(told)
    assert data_of(f"'{written}': '{written}'") == {written: written}


def test_keys_are_always_text():
    assert data_of("'on': 1\n8080: 2\ntrue: 3\n'': 4\n") == {"on": 1, "8080": 2, "true": 3, "": 4}


def test_all_duplicate_keys_are_reported_with_both_lines():
    problems = problems_in("a: 1\nb:\n- c: 1\n  c: 2\n  c: 3\na: 2\n", "flow.yaml")
    assert [str(problem) for problem in problems] == [
        'flow.yaml:4:3: b[0].c: duplicate field "c": it stands in line 3 already',
        'flow.yaml:5:3: b[0].c: duplicate field "c": it stands in line 3 already',
        'flow.yaml:6:1: a: duplicate field "a": it stands in line 1 already',
    ]


def test_equal_keys_of_different_spelling_are_duplicates():
    assert "duplicate" in problem_in("a: 1\n'a': 2\n").message


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("x: &d {a: 1}\nb:\n  <<: *d\n", "merge keys", (3, 3)),
        ("image: {{ .Values.image }}\n", "put them in quotes", (1, 9)),
        ("? [a]\n: 1\n", "a key must be text", (1, 3)),
        ("a: 1\n?\n: 2\n", "a key is missing", (2, 2)),
        ("null: 2\n", "a key is missing", (1, 1)),
    ],
)
def test_what_is_no_key_is_refused(text, message, place):
    problem = problem_in(text)
    assert message in problem.message
    assert (problem.line, problem.column) == place


def test_aliases_repeat_values():
    assert data_of("a: &x [1, {b: 2}]\nc: *x\nd: *x\n")["d"] == [1, {"b": 2}]


def test_aliased_values_are_copies():
    data = data_of("a: &x {b: 1}\nc: *x\n")
    data["a"]["b"] = 2
    assert data["c"] == {"b": 1}


def bomb(levels):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(rows)


def test_a_bomb_of_aliases_stops_early_in_little_memory():
    tracemalloc.start()
    problem = problem_in(bomb(30))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"more than {MAX_ALIASED} nodes" in problem.message
    assert peak < 8 * 2**20


def test_the_budget_of_aliases_counts_aliased_nodes_only():
    written = "\n".join(f"- {{name: t{n}, needs: [a, b]}}" for n in range(3000))
    assert len(data_of(written)) == 3000
    aliased = "a: &a [" + "x, " * 999 + "x]\nb: [" + ", ".join(["*a"] * 9) + "]\n"
    assert len(data_of(aliased)["b"]) == 9
    assert "more than" in problem_in(aliased.replace("b: [", "b: [*a, ")).message


def test_long_text_by_alias_takes_more_of_the_budget():
    text = "a: &a " + "x" * 100_000 + "\nb: [" + ", ".join(["*a"] * 30) + "]\n"
    assert "more than" in problem_in(text).message


def test_an_alias_that_contains_itself_is_refused():
    assert "an alias contains itself" in problem_in("a: &a [*a]\n").message


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_is_limited(opening):
    closing = {"[": "]", "{a: ": "}", "- ": ""}[opening]
    assert data_of(opening * MAX_DEPTH + "1" + closing * MAX_DEPTH)
    assert "nested deeper" in problem_in(opening * (MAX_DEPTH + 1) + "1" + closing * (MAX_DEPTH + 1)).message
    problem = problem_in(opening * 50_000)
    assert "nested deeper" in problem.message or "inside each other" in problem.message


def test_a_file_holds_several_documents_and_empty_ones_are_dropped():
    documents = load_documents("# nothing\n---\na: 1\n---\n---\n# only words\n---\nb: 2\n...\n---\nnull\n")
    assert [document.data for document in documents] == [{"a": 1}, {"b": 2}]
    assert documents[1].locate(["b"]) == (8, 4)


@pytest.mark.parametrize("text", ["", "\n", "# words\n", "---\n", "--- ~\n"])
def test_a_text_without_documents_is_an_empty_list(text):
    assert load_documents(text) == []


def test_mistakes_in_earlier_documents_are_told_with_a_syntax_error_in_a_later_one():
    problems = problems_in("a: 1\na: 2\n---\nb: [1\n")
    assert [problem.line for problem in problems] == [2, 5]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a:\n\tb: 1\n", (2, 1), "a tab is used as indentation"),
        ("a: 1\n\tb: 2\n", (2, 1), "a tab is used as indentation"),
        ("a:\n  \tb: 1\n  c\n d: 1", (2, 3), "a tab is used as indentation"),
        ("a: b: c\n", (1, 5), "a colon stands where no key can be"),
        ("a: 1\n  b: 2\n", (2, 4), "a colon stands where no key can be"),
        ("a: - b\n", (1, 4), "a list item cannot stand here"),
        ("a: [1, 2\nb: 3\n", (2, 2), 'expected "," or "]" in the list of line 1, found ":"'),
        ("a: {b: 1\nc: 2}\n", (2, 2), 'expected "," or "}" in the mapping of line 1, found ":"'),
        ('a: 1\nb: "abc\n', (2, 4), "the quote that opens here is never closed"),
        ("a: 'abc", (1, 4), "the quote that opens here is never closed"),
        ("a: @x\n", (1, 4), 'text cannot begin with "@"'),
        ("a: `x`\n", (1, 4), 'text cannot begin with "`"'),
        ("a: %x\n", (1, 4), 'text cannot begin with "%"'),
        ("a: *x\n", (1, 4), 'begins with "*" here has no anchor above it'),
        ("a: &x 1\nb: &x 2\n", (2, 4), "this anchor was defined before"),
        ("a: 'x' y\nb: 1\n", (1, 8), 'found "y" where a key or the end is expected'),
        ("a:\n  - 1\n b: 2\n", (3, 2), "check the indentation"),
        (" a: 1\nb: 2\n", (2, 1), 'the document ended above, yet "b:" follows'),
        ("k: [a, b]]\n", (1, 10), 'found "]" where'),
        ("a: &  x\n", (1, 5), 'beginning with "&", "*" or "!" needs quotes'),
        ("a: ? b\n", (1, 4), 'text cannot begin with "? "'),
        ("a: |0\n  x\n", (1, 5), "from 1 to 9"),
        ("]\n", (1, 1), 'expected a value, found "]"'),
    ],
)
def test_a_syntax_error_is_told_in_plain_words_with_its_place(text, place, message):
    problem = problem_in(text)
    assert message in problem.message
    assert (problem.line, problem.column) == place


def test_an_unknown_escape_is_told():
    assert 'write "\\\\" for a backslash' in problem_in('a: "C:\\quux"\n').message


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\ud800", "\ufffe"])
def test_characters_that_yaml_forbids_are_named_with_their_place(character):
    problem = problem_in(f"a: ü\r\nb: x{character}y\n")
    assert (problem.line, problem.column) == (2, 5)
    assert f"U+{ord(character):04X}" in problem.message


def test_a_byte_order_mark_is_ignored():
    (document,) = load_documents("\ufeffa: 1\n")
    assert document.data == {"a": 1}
    assert document.locate(["a"], key=True) == (1, 1)


def test_json_is_yaml():
    value = {"a": [1, 2.5, None, True, 'é\n\t"\\/'], "b": {"on": "yes", "": []}}
    assert data_of(json.dumps(value, indent="\t")) == value
    assert data_of(json.dumps(value, separators=(",", ":"), ensure_ascii=False)) == value


def test_json_with_escaped_pairs_keeps_its_text():
    value = {"a": "😀", "b": "\\ud83d", "c": "\\😀"}
    assert data_of(json.dumps(value)) == value


def test_escaped_pairs_outside_json_stay_as_they_are():
    assert data_of("a: |\n  \\ud83d\\ude00\n") == {"a": "\\ud83d\\ude00\n"}


def test_a_broken_json_file_with_tabs_is_not_blamed_on_its_tabs():
    assert 'expected "," or "}"' in problem_in('{\n\t"a": 1\n\t"b": 2\n}').message


_WORDS = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" \n\t\"'\\:#-"), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9) | _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(value=_JSON)
def test_whatever_json_says_yaml_says(value):
    (document,) = load_documents(json.dumps([value]))
    assert document.data == [value]


MANIFEST = """\
kind: Flow
metadata: {name: x, labels: {"a.b/c": d}}
spec:
  tasks:
  - name: first
    needs: [a, 'b']
  -
    name: second
    script: |
      line one

        line three
"""


@pytest.mark.parametrize(
    ("keys", "value", "key"),
    [
        ([], (1, 1), (1, 1)),
        (["kind"], (1, 7), (1, 1)),
        (["metadata", "labels", "a.b/c"], (2, 39), (2, 30)),
        (["spec"], (4, 3), (3, 1)),
        (["spec", "tasks", 0], (5, 5), (5, 5)),
        (["spec", "tasks", 0, "needs", 1], (6, 16), (6, 16)),
        (["spec", "tasks", 1], (8, 5), (8, 5)),
        (["spec", "tasks", 1, "script"], (9, 13), (9, 5)),
        (["spec", "tasks", 1, "image"], (8, 5), (8, 5)),
        (["spec", "tasks", 7, "image"], (5, 3), (5, 3)),
        (["kind", "x"], (1, 7), (1, 7)),
    ],
)
def test_every_value_and_key_has_a_place(keys, value, key):
    (document,) = load_documents(MANIFEST)
    assert document.locate(keys) == value
    assert document.locate(keys, key=True) == key


def test_an_aliased_value_is_where_it_was_written():
    (document,) = load_documents("a: &x {b: 1}\nc: *x\n")
    assert document.locate(["c", "b"]) == (1, 11)


def _characters_with_places(text, keys):
    (document,) = load_documents(text)
    value = document.data
    for key in keys:
        value = value[key]
    lines = text.split("\n")
    for number, row in enumerate(value.split("\n"), 1):
        for column, character in enumerate(row, 1):
            at_line, at_column = document.locate_in(keys, number, column)
            yield character, lines[at_line - 1][at_column - 1 :]


@pytest.mark.parametrize(
    "text",
    [
        "a: plain text ü here\n",
        "a: &anchor !!str plain text\n",
        "a: 'it''s quoted'\n",
        "a: &anchor 'it''s quoted'\n",
        'a: "double ü quoted"\n',
        "a: |\n  one\n\n    two ü\n  three\n",
        "a: |-\n\n      one\n      two",
        "a: &x |4\n      two more\n    one\n",
        "a: >-\n  folded words\n  folded again\n\n  words\n",
        "a: plain text\n  on plain lines\n",
        "a: 'quoted words\n  quoted lines'\n",
    ],
)
def test_a_place_inside_text_is_the_same_character_in_the_file(text):
    pairs = list(_characters_with_places(text, ["a"]))
    assert pairs
    assert all(source.startswith(character) for character, source in pairs if character != " ")


def test_a_place_after_escapes_counts_what_is_written():
    (document,) = load_documents('a: ["x\\n\\u00e9\\"\\x41z"]\n')
    assert document.locate_in(["a", 0], 1, 1) == (1, 6)
    assert document.locate_in(["a", 0], 2, 1) == (1, 9)
    assert document.locate_in(["a", 0], 2, 2) == (1, 15)
    assert document.locate_in(["a", 0], 2, 4) == (1, 21)


def test_a_place_inside_what_is_no_text_is_that_of_the_value():
    (document,) = load_documents("a: [1]\n")
    assert document.locate_in(["a"], 3, 3) == (1, 4)
    assert document.locate_in(["a", "x"], 3, 3) == (1, 4)


def test_a_place_beyond_the_text_stays_near_it():
    (document,) = load_documents("a: |\n  one\nb: two\n")
    assert document.locate_in(["b"], 9, 99) == (3, 7)
    assert document.locate_in(["a"], 1, 4) == (2, 6)


def test_a_flow_of_2500_tasks_is_read():
    rows = (f"  - {{name: t{n}, needs: [a], image: busybox, env: [{{name: A, value: b}}]}}\n" for n in range(2500))
    text = "spec:\n  tasks:\n" + "".join(rows)
    assert len(data_of(text)["spec"]["tasks"]) == 2500
