"""CEL inside `$[[ ]]`: compiled and checked when a Flow is validated, evaluated over plain data with a budget."""

from tidegate.engine.expressions.budget import DEFAULT_LIMITS, Limits
from tidegate.engine.expressions.compile import MAX_LENGTH, Expression, compile_expression
from tidegate.engine.expressions.moments import parse_duration, parse_timestamp
from tidegate.engine.expressions.names import Fields, Members, NameType
from tidegate.engine.expressions.templates import Template, compile_template, has_expression
from tidegate.engine.expressions.text import to_json, to_text

__all__ = [
    "DEFAULT_LIMITS",
    "MAX_LENGTH",
    "Expression",
    "Fields",
    "Limits",
    "Members",
    "NameType",
    "Template",
    "compile_expression",
    "compile_template",
    "has_expression",
    "parse_duration",
    "parse_timestamp",
    "to_json",
    "to_text",
]
