"""Strings of a manifest with expressions in them: `rows-$[[ tasks.list.outputs.rows ]]`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.engine.expressions.compile import MAX_LENGTH, Expression, compile_expression
from tidegate.engine.expressions.delimiters import CLOSING, OPENING, end_of_expression
from tidegate.engine.expressions.names import NameType
from tidegate.engine.expressions.place import Place, moved, place_of
from tidegate.engine.expressions.text import to_text
from tidegate.errors import ExpressionError


@dataclass(frozen=True, slots=True)
class Placed:
    """An expression in a text; `start` is the line and column of its own first character."""

    expression: Expression
    start: Place


@dataclass(frozen=True, slots=True)
class Template:
    """A string of a manifest, cut into literal text and expressions."""

    text: str
    parts: tuple[str | Placed, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Give the expressions in the order of the text."""
        return tuple(part.expression for part in self.parts if isinstance(part, Placed))

    @property
    def is_constant(self) -> bool:
        """Tell whether there is no expression in it."""
        return all(isinstance(part, str) for part in self.parts)

    @property
    def references(self) -> frozenset[tuple[str, ...]]:
        """Give the paths that any of the expressions reads."""
        return frozenset().union(*(expression.references for expression in self.expressions))

    @property
    def references_at(self) -> tuple[tuple[tuple[str, ...], int, int], ...]:
        """Give each reference with its line and column in the whole text."""
        return tuple(
            (path, *moved((line, column), part.start))
            for part in self.parts
            if isinstance(part, Placed)
            for path, line, column in part.expression.references_at
        )

    @property
    def result_type(self) -> str:
        """Give CEL's name for the type that `render` gives: of text around an expression it is `string`."""
        only = self._only()
        return "string" if only is None else only.expression.result_type

    def render(self, context: Mapping[str, Any]) -> Any:
        """Give the value: that of the expression if the string is exactly one, with its type, else text.

        Raises:
            ExpressionError: an expression failed, or one inside of text is null; places are in the whole text.
        """
        only = self._only()
        return self.render_text(context) if only is None else _evaluated(only, context)

    def render_text(self, context: Mapping[str, Any]) -> str:
        """Give the text, as env and args need it, also of a string that is exactly one expression.

        Raises:
            ExpressionError: an expression failed or is null; places are in the whole text.
        """
        return "".join(part if isinstance(part, str) else _as_text(part, context) for part in self.parts)

    def _only(self) -> Placed | None:
        first = self.parts[0] if len(self.parts) == 1 else None
        return first if isinstance(first, Placed) else None


def has_expression(text: str) -> bool:
    """Tell whether a string has an expression in it, or at least the beginning of one."""
    return OPENING in text


def compile_template(text: str, names: Mapping[str, NameType], task_names: Collection[str] = ()) -> Template:
    """Compile a string of a manifest.

    Args:
        text: the string.
        names: the names that exist where it stands, with their types.
        task_names: the names of the Flow's tasks, to recognise one with a hyphen.

    Raises:
        ExpressionError: an expression is wrong or not closed; line and column are in the whole text.
    """
    parts: list[str | Placed] = []
    position = 0
    while (opening := text.find(OPENING, position)) >= 0:
        start = opening + len(OPENING)
        end = end_of_expression(text, start, MAX_LENGTH)
        if end is None:
            line, column = place_of(text, opening)
            raise ExpressionError(f"{OPENING} is not closed: {CLOSING} is missing", line=line, column=column)
        parts += (text[position:opening], _compiled(text, start, end, names, task_names))
        position = end + len(CLOSING)
    parts.append(text[position:])
    return Template(text, tuple(part for part in parts if part != "") or ("",))


def _compiled(text: str, start: int, end: int, names: Mapping[str, NameType], task_names: Collection[str]) -> Placed:
    """Compile what is between the delimiters, without the space around it."""
    inside = text[start:end]
    stripped = inside.strip()
    place = place_of(text, start + (len(inside) - len(inside.lstrip()) if stripped else 0))
    if not stripped:
        raise ExpressionError(f"there is no expression between {OPENING} and {CLOSING}", line=place[0], column=place[1])
    try:
        return Placed(compile_expression(stripped, names, task_names), place)
    except ExpressionError as error:
        raise _in_whole(error, place) from None


def _evaluated(part: Placed, context: Mapping[str, Any]) -> Any:
    try:
        return part.expression.evaluate(context)
    except ExpressionError as error:
        raise _in_whole(error, part.start) from None


def _as_text(part: Placed, context: Mapping[str, Any]) -> str:
    value = _evaluated(part, context)
    if value is None:
        line, column = part.start
        raise ExpressionError(
            f"`{part.expression.text}` is null, which has no text: replace it with .orValue(...), as in "
            '`params.?x.orValue("none")`, or with a condition, as in `x == null ? "none" : x`',
            line=line,
            column=column,
        )
    return to_text(value)


def _in_whole(error: ExpressionError, start: Place) -> ExpressionError:
    """Give the same error with its place in the whole text."""
    line, column = moved((error.line, error.column), start)
    return type(error)(error.message, line=line, column=column)
