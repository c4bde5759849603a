"""The library's serialized tree is read without the protobuf package, macros recognised by their shape."""

import pytest

from tidegate.engine.expressions import library
from tidegate.engine.expressions.tree import (
    Bind,
    Call,
    Collect,
    Constant,
    ExistsOne,
    Has,
    Index,
    ListOf,
    MapOf,
    Message,
    Name,
    Node,
    Quantifier,
    Select,
    walk,
)
from tidegate.engine.expressions.wire import UnknownShape, read_tree

VARIABLES = frozenset({("d", "dyn"), ("l", "list"), ("m", "map")})


@pytest.mark.parametrize("read", [lambda text: library.check(text, VARIABLES).tree, library.parse])
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1", Constant(1, 0)),
        ("-9223372036854775808", Constant(-(2**63), 0)),
        ("1.5", Constant(1.5, 0)),
        ("true", Constant(True, 0)),
        ("null", Constant(None, 0)),
        ("'é'", Constant("é", 0)),
        ("b'\\xff'", Constant(b"\xff", 0)),
        ("d.a", Select(Name("d", 0), "a", 1)),
        ("has(d.a)", Has(Name("d", 4), "a", 3)),
        ("l[0]", Index(Name("l", 0), Constant(0, 2), False, 1)),
        ("d[?'a']", Index(Name("d", 0), Constant("a", 3), True, 1)),
        ("d.size()", Call("size", (Name("d", 0),), True, 6)),
        ("[?d.?a]", ListOf((Index(Name("d", 2), Constant("a", 2), True, 3),), frozenset({0}), 0)),
        ("google.protobuf.Struct{}", Message("google.protobuf.Struct", 0)),
        ("l.all(x, d)", Quantifier("x", Name("l", 0), Name("d", 9), False, 5)),
        ("l.exists(x, d)", Quantifier("x", Name("l", 0), Name("d", 12), True, 8)),
        ("l.exists_one(x, d)", ExistsOne("x", Name("l", 0), Name("d", 16), 12)),
        ("l.map(x, x)", Collect("x", Name("l", 0), None, Name("x", 9), 5)),
        ("l.map(x, d, x)", Collect("x", Name("l", 0), Name("d", 9), Name("x", 12), 5)),
        ("l.filter(x, d)", Collect("x", Name("l", 0), Name("d", 12), Name("x", 9), 8)),
        ("cel.bind(x, d, x)", Bind("x", Name("d", 12), Name("x", 15), 8)),
    ],
)
def test_a_text_has_this_tree(read: object, text: str, tree: Node) -> None:
    assert read(text) == tree  # type: ignore[operator]


def test_a_map_has_its_entries_in_order() -> None:
    tree = library.check("{'a': 1, ?'b': d.?b}", VARIABLES).tree
    assert isinstance(tree, MapOf)
    assert [(entry.key, entry.optional) for entry in tree.entries] == [
        (Constant("a", 1), False),
        (Constant("b", 10), True),
    ]


def test_long_texts_and_many_nodes_are_read_whole() -> None:
    text = "'" + "x" * 2000 + "'"
    assert library.check(text, VARIABLES).tree == Constant("x" * 2000, 0)
    tree = library.check("[" + ", ".join(str(number) for number in range(500)) + "]", VARIABLES).tree
    assert [node.value for node in walk(tree) if isinstance(node, Constant)] == list(reversed(range(500)))


@pytest.mark.parametrize("data", [b"\x0a\x01x\x13", b"\x0a\x01x\x12\x02\x12\x00"])
def test_what_is_not_a_tree_is_a_bug_and_says_so(data: bytes) -> None:
    with pytest.raises((UnknownShape, KeyError, IndexError)):
        read_tree(data)
