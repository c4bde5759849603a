"""From the text of an expression to something that can be evaluated, or to the mistake in it."""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.engine.expressions import diagnosis, library, typing_pass
from tidegate.engine.expressions.access import Access, accesses
from tidegate.engine.expressions.budget import DEFAULT_LIMITS, Limits
from tidegate.engine.expressions.evaluate import closures
from tidegate.engine.expressions.faults import Fault, Missing
from tidegate.engine.expressions.functions.conversions import TYPES
from tidegate.engine.expressions.functions.patterns import PATTERN_FUNCTIONS, compiled
from tidegate.engine.expressions.hyphens import hyphenated
from tidegate.engine.expressions.names import NameType, check_type
from tidegate.engine.expressions.place import place_of
from tidegate.engine.expressions.plain import plain
from tidegate.engine.expressions.scope import Closure, Frame
from tidegate.engine.expressions.tree import Call, Constant, Node, walk
from tidegate.errors import BudgetExceeded, ExpressionError, FieldMissing

MAX_LENGTH = 4096
"""Characters of one expression."""

_CACHED = 4096
_SHOWN = 120
_PLAIN = frozenset({str, int, bool, type(None)})
_NO_RESULT = {
    "optional": "the result is an optional: end it with .orValue(...)",
    "bytes": "the result is bytes: use base64.encode(...) or string(...)",
    "type": "the result is a type: compare it, as in type(x) == string",
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    `references` are the paths it reads from its names, `("tasks", "list", "outputs", "rows")`; a key that is not a
    constant string is `*`, and a path that ends early is read as a whole: `("tasks",)` may be any task.
    `references_at` has each with line and column of its first name, in the order of the text. `result_type` is
    CEL's: `bool`, `string`, `list`, ..., or `dyn` when only the evaluation can tell.
    """

    text: str
    references: frozenset[tuple[str, ...]]
    references_at: tuple[tuple[tuple[str, ...], int, int], ...]
    result_type: str
    run: Closure = field(repr=False, compare=False)
    variables: int = field(repr=False, compare=False)

    def evaluate(self, context: Mapping[str, Any], limits: Limits = DEFAULT_LIMITS) -> Any:
        """Give the value over a context: plain JSON data, or a timestamp or duration as datetime or timedelta.

        Args:
            context: the value of each name; maps may be lazy, timestamps must be aware.
            limits: what this evaluation may take.

        Raises:
            ExpressionError: the data do not fit the expression; the message has the expression and the place.
            FieldMissing: they do not have what it reads.
            BudgetExceeded: it takes more than the limits.
        """
        frame = Frame(context, self.variables, limits)
        try:
            value = self.run(frame)
            return value if type(value) in _PLAIN else plain(frame, value)
        except Fault as fault:
            raise self._failed(fault) from None
        except BudgetExceeded as error:
            raise BudgetExceeded(f"{error.message} (in {self._shown()})", line=1, column=1) from None
        except RecursionError:
            raise BudgetExceeded(f"the data are nested too deeply (in {self._shown()})", line=1, column=1) from None

    def _failed(self, fault: Fault) -> ExpressionError:
        line, column = place_of(self.text, fault.offset or 0)
        at = f"column {column}" if line == 1 else f"line {line}, column {column}"
        kind = FieldMissing if isinstance(fault, Missing) else ExpressionError
        return kind(f"{fault.describe()} ({at} of {self._shown()})", line=line, column=column)

    def _shown(self) -> str:
        return f"`{self.text}`" if len(self.text) <= _SHOWN else f"`{self.text[:_SHOWN]}...`"


def compile_expression(text: str, names: Mapping[str, NameType], task_names: Collection[str] = ()) -> Expression:
    """Compile one expression.

    Args:
        text: CEL, without delimiters.
        names: the names that exist where the expression stands, with their types.
        task_names: the names of the Flow's tasks, to recognise one with a hyphen.

    Raises:
        ExpressionError: with line and column inside the text, what is wrong, and the nearest right name.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text):,} characters; at most {MAX_LENGTH:,} are allowed")
    try:
        expression = _compile(text, frozenset(names.items()))
    except ExpressionError as error:
        raise hyphenated(text, names, task_names) or error from None
    with_hyphen = hyphenated(text, names, task_names)
    if with_hyphen is not None:
        raise with_hyphen
    return expression


@functools.lru_cache(maxsize=_CACHED)
def _compile(text: str, declared: frozenset[tuple[str, NameType]]) -> Expression:
    names = dict(declared)
    variables = _variables(declared)
    try:
        checked = library.check(text, variables)
    except library.Refused as refused:
        raise diagnosis.explain(text, names, refused) from None
    found = accesses(checked.tree)
    unknown = diagnosis.unknown_in(text, checked.tree, found, names)
    if unknown is not None:
        raise unknown
    found = tuple(access for access in found if access.path[0] in names)
    result_type = _typed_result(text, found, names, checked.result_type)
    _try_patterns(text, checked.tree)
    run, slots = closures(checked.tree)
    places = tuple((access.path, *place_of(text, access.nodes[0].offset)) for access in found)
    return Expression(text, frozenset(path for path, *_ in places), places, result_type, run, slots)


@functools.lru_cache(maxsize=64)
def _variables(declared: frozenset[tuple[str, NameType]]) -> library.Variables:
    """Give the library's variables: an object is a map to it.

    Raises:
        ValueError: a name is that of one of CEL's types.
    """
    for name, kind in declared:
        check_type(name, kind)
        if name in TYPES:
            raise ValueError(f"{name} is a type of CEL and cannot be a variable")
    simple = ((name, kind if isinstance(kind, str) else "map") for name, kind in declared)
    return frozenset(simple) | typing_pass.stand_ins()


def _typed_result(text: str, found: tuple[Access, ...], names: Mapping[str, NameType], result_type: str) -> str:
    """Check the types of fields, and give the type of the result, which they may make known."""
    retyped = typing_pass.retyped(text, found, names)
    if retyped is not None:
        try:
            result_type = library.result_type(retyped, _variables(frozenset(names.items())))
        except library.Refused as refused:
            raise diagnosis.explain(text, names, refused) from None
    if result_type in _NO_RESULT:
        raise ExpressionError(_NO_RESULT[result_type], line=1, column=1)
    return result_type


def _try_patterns(text: str, tree: Node) -> None:
    """Refuse regular expressions that are written out and wrong."""
    for node in walk(tree):
        if isinstance(node, Call) and node.function in PATTERN_FUNCTIONS:
            pattern = node.arguments[1]
            if isinstance(pattern, Constant) and isinstance(pattern.value, str):
                try:
                    compiled(pattern.value)
                except Fault as fault:
                    line, column = place_of(text, pattern.offset)
                    raise ExpressionError(fault.describe(), line=line, column=column) from None
