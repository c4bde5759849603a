"""Values of a manifest that may hold expressions: compiled once, rendered for each attempt."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.engine.expressions import (
    Expression,
    NameType,
    Template,
    compile_expression,
    compile_template,
    has_expression,
)
from tidegate.engine.expressions import to_json as plain_json
from tidegate.engine.findings import Finding, Keys
from tidegate.errors import ExpressionError


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be named in one place of a Flow."""

    names: Mapping[str, NameType]
    task_names: Collection[str] = ()


@dataclass(slots=True)
class Compiler:
    """Compiles the expressions of a Flow and collects what is wrong, and what each place refers to."""

    found: list[Finding] = field(default_factory=list)
    references: list[tuple[Keys, tuple[str, ...], int, int]] = field(default_factory=list)

    def expression(self, text: str, scope: Scope, keys: Keys) -> Expression | None:
        """Compile bare CEL; None (and a finding) when it is wrong."""
        try:
            expression = compile_expression(text, scope.names, scope.task_names)
        except ExpressionError as error:
            self.found.append(Finding(keys, error.message, error.line, error.column))
            return None
        self.references += [(keys, *reference) for reference in expression.references_at]
        return expression

    def condition(self, text: str, scope: Scope, keys: Keys) -> Expression | None:
        """Compile CEL that must give true or false."""
        expression = self.expression(text, scope, keys)
        if expression is not None and expression.result_type not in ("bool", "dyn"):
            self.found.append(Finding(keys, f"gives a {expression.result_type}; expected true or false", 1, 1))
        return expression

    def value(self, value: Any, scope: Scope, keys: Keys) -> Any:
        """Compile every string inside of a JSON value that holds `$[[ ]]`."""
        if isinstance(value, str):
            return self._text(value, scope, keys) if has_expression(value) else value
        if isinstance(value, dict):
            return {key: self.value(item, scope, (*keys, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, scope, (*keys, index)) for index, item in enumerate(value)]
        return value

    def constant(self, value: str, keys: Keys, why: str) -> None:
        """Refuse an expression where text must stay as written."""
        if has_expression(value):
            self.found.append(Finding(keys, why, 1, value.index("$[[") + 1 if "\n" not in value else 1))

    def _text(self, text: str, scope: Scope, keys: Keys) -> Template | str:
        try:
            template = compile_template(text, scope.names, scope.task_names)
        except ExpressionError as error:
            self.found.append(Finding(keys, error.message, error.line, error.column))
            return text
        self.references += [(keys, *reference) for reference in template.references_at]
        return template


def render(value: Any, context: Mapping[str, Any]) -> Any:
    """Evaluate all templates inside a compiled value; what comes out is JSON.

    Raises:
        ExpressionError: an expression fails on the data.
    """
    if isinstance(value, Template):
        return plain_json(value.render(context))
    if isinstance(value, dict):
        return {key: render(item, context) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, context) for item in value]
    return value


def render_text(value: Template | str, context: Mapping[str, Any]) -> str:
    """Evaluate a template whose place takes text.

    Raises:
        ExpressionError: an expression fails on the data, or gives null.
    """
    return value.render_text(context) if isinstance(value, Template) else value


def templates(value: Any) -> Iterator[Template]:
    """Give all templates inside a compiled value."""
    if isinstance(value, Template):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from templates(item)
    elif isinstance(value, list):
        for item in value:
            yield from templates(item)
