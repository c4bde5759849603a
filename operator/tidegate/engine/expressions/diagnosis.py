"""Says what is wrong with an expression that the CEL library refused, in words for the person who wrote it.

The library's places for unknown names are those of a dot or a parenthesis, and it suggests nothing; so the unchecked
tree is searched for the name itself.
"""

from collections.abc import Iterable, Iterator, Mapping

from tidegate.engine.expressions import library
from tidegate.engine.expressions.access import COMPUTED, Access, accesses
from tidegate.engine.expressions.faults import suggestion
from tidegate.engine.expressions.forms import FORMS
from tidegate.engine.expressions.functions import FUNCTIONS
from tidegate.engine.expressions.functions.conversions import TYPES
from tidegate.engine.expressions.functions.table import shown
from tidegate.engine.expressions.moments import shortened
from tidegate.engine.expressions.names import Members, NameType
from tidegate.engine.expressions.place import place_of
from tidegate.engine.expressions.tree import Call, Has, Message, Name, Node, walk
from tidegate.engine.expressions.wording import in_plain_words
from tidegate.errors import ExpressionError

MACROS: Mapping[str, str] = {
    "all": "list.all(x, x > 0)",
    "exists": "list.exists(x, x > 0)",
    "exists_one": "list.exists_one(x, x > 0)",
    "map": "list.map(x, x + 1)",
    "filter": "list.filter(x, x > 0)",
    "sortBy": "list.sortBy(x, x.name)",
    "optMap": "optional.optMap(x, x + 1)",
    "optFlatMap": "optional.optFlatMap(x, x.?name)",
    "bind": "cel.bind(x, value, x + x)",
    "has": "has(object.field)",
    "greatest": "math.greatest(1, 2)",
    "least": "math.least(1, 2)",
}
"""How each macro is written: with other arguments it is taken for a function that does not exist."""

_ALLOWED = frozenset(FUNCTIONS) | frozenset(FORMS)
_NAMESPACES = frozenset(name.rpartition(".")[0] for name in _ALLOWED if "." in name) | {"cel", "google", "lists"}


def explain(text: str, names: Mapping[str, NameType], refused: library.Refused) -> ExpressionError:
    """Give the error to raise for a text that the library refused."""
    named = None
    if refused.message.startswith("undeclared reference"):
        tree = library.parse(text)
        named = unknown_in(text, tree, accesses(tree), names)
    return named or ExpressionError(in_plain_words(refused.message), line=refused.line, column=refused.column)


def unknown_in(text: str, tree: Node, read: Iterable[Access], names: Mapping[str, NameType]) -> ExpressionError | None:
    """Give the error of the first name, field or function of a tree that does not exist or is not allowed.

    Args:
        text: the expression.
        tree: its tree, checked or not.
        read: the accesses of the tree.
        names: what exists.
    """
    found = [*_unknown_names(text, read, names), *_unknown_functions(text, tree)]
    if not found:
        return None
    offset, message = min(found)
    line, column = place_of(text, offset)
    return ExpressionError(message, line=line, column=column)


def _unknown_names(text: str, read: Iterable[Access], names: Mapping[str, NameType]) -> Iterator[tuple[int, str]]:
    for access in read:
        root = access.path[0]
        if root in names:
            yield from _unknown_field(text, access, names[root])
        elif root not in TYPES and root not in _NAMESPACES:
            yield access.nodes[0].offset, f"unknown name {shortened(root)}{suggestion(root, names)}"


def _unknown_field(text: str, access: Access, kind: NameType) -> Iterator[tuple[int, str]]:
    """Go down the path as far as types are known, and give the first field that does not exist."""
    for index, (name, node) in enumerate(zip(access.path[1:], access.nodes[1:], strict=True), start=1):
        if isinstance(kind, str):
            return
        if isinstance(kind, Members):
            kind = kind.of
            continue
        field = kind.get(name)
        if field is None:
            if name != COMPUTED:
                owner = ".".join(access.path[:index]).replace(f".{COMPUTED}", "[...]")
                yield (
                    _start_of_field(text, node, name),
                    f"{owner} has no {shortened(name)}{suggestion(name, kind.names())}",
                )
            return
        kind = field


def _start_of_field(text: str, node: Node, name: str) -> int:
    """Give where the field of a selection starts; for `has` the tree has only the place of the parenthesis."""
    start = text.find(name, node.operand.offset + 1 if isinstance(node, Has) else node.offset)
    return node.offset if start < 0 else start


def _unknown_functions(text: str, tree: Node) -> Iterator[tuple[int, str]]:
    for node in walk(tree):
        if isinstance(node, Message):
            yield node.offset, f"messages such as {node.name}{{...}} are not allowed: write a map"
        elif isinstance(node, Call) and _full_name(node) not in _ALLOWED:
            name = _full_name(node)
            yield _start_of(text, node, (name, node.function)), _about_function(name)


def _start_of(text: str, node: Call, spellings: Iterable[str]) -> int:
    """Give where the name of a call starts; the tree has only the place of its parenthesis."""
    starts = (text.rfind(spelling, 0, node.offset) for spelling in spellings)
    return next((start for start in starts if start >= 0), node.offset)


def _full_name(call: Call) -> str:
    """Give `math.abs` also for an unchecked tree, in which `math` is a variable with a method."""
    owner = call.arguments[0] if call.is_method else None
    if isinstance(owner, Name) and owner.name in _NAMESPACES:
        return f"{owner.name}.{call.function}"
    return call.function


def _about_function(name: str) -> str:
    if name == "lists.range":
        return 'the function "lists.range" is not allowed: it makes lists of any length out of nothing'
    short = name.rpartition(".")[2]
    if short in MACROS:
        return f'"{shown(name)}" is written as in {MACROS[short]}'
    people = (shown(allowed) for allowed in _ALLOWED if shown(allowed)[0].isalpha())
    return f"unknown function {shortened(shown(name))}{suggestion(shown(name), people)}"
