"""What pydantic found, said in the words of the API server wherever it says the same."""

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from tidegate.api.base import NAME_PATTERN
from tidegate.api.modelpath import fields_of
from tidegate.api.words import nearest, quoted_list, shown

EXPECTED = {
    "string_type": "a string",
    "string_sub_type": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "null",
}
"""By pydantic's kind of error, what the value has to be."""

_IN_WORDS = {NAME_PATTERN: 'a small letter, then letters, digits, "-" or "_", with a letter or digit at the end'}
"""Patterns that every reader meets, and what they mean."""

_BUILT_IN = frozenset(get_args(ErrorType))

Words = Callable[[Any, Mapping[str, Any]], str]


def message_of(error: ErrorDetails, owner: type[BaseModel] | None) -> str:
    """Say what is wrong with a value, without its path.

    Args:
        error: one entry of `ValidationError.errors()`.
        owner: the model that holds the field, for the names that would have been right.
    """
    kind, found, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_field(str(error["loc"][-1]), owner)
    if kind in EXPECTED:
        return wrong_type(found, [EXPECTED[kind]])
    if kind in _WORDS:
        return _WORDS[kind](found, context)
    if kind in ("value_error", "assertion_error") and "error" in context:
        return str(context["error"])
    return f"Invalid value: {shown(found)}: {error['msg']}" if kind in _BUILT_IN else error["msg"]


def wrong_type(found: Any, expected: list[str]) -> str:
    """Say what a value should have been, and how to write it where that can be told."""
    return f"Invalid value: {shown(found)}: must be {' or '.join(expected)}{_remedy(found, expected)}"


def unknown_field(name: str, owner: type[BaseModel] | None) -> str:
    """Name a field that does not exist, and the one that was probably meant, or all there are."""
    said = f"unknown field {shown(name)}"
    if owner is None:
        return said
    known = fields_of(owner)
    meant = nearest(name, known)
    return f'{said}; did you mean "{meant}"?' if meant else f"{said}; known fields: {quoted_list(known)}"


def _remedy(found: Any, expected: list[str]) -> str:
    match found, expected:
        case None, _:
            return "; give a value, or leave the field out"
        case bool() | int() | float(), ["a string"]:
            return f'; put it in quotes: "{shown(found)}"'
        case str(), ["an integer" | "a number"] if re.fullmatch(r"-?[0-9]+", found):
            return f"; remove the quotes: {found}"
        case str(), ["true or false"] if found.lower() in _TRUTHS:
            return f"; write {_TRUTHS[found.lower()]}"
        case str() | int(), ["a list"]:
            return f'; write a list: ["{shown(found).strip(chr(34))}"]'
        case _:
            return ""


_TRUTHS = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}


def _should(rule: str, limit: str) -> Words:
    return lambda found, context: f"Invalid value: {shown(found)}: should be {rule} {context[limit]}"


def _unsupported(found: Any, context: Mapping[str, Any]) -> str:
    values = re.findall(r"'([^']*)'", str(context.get("expected", context.get("expected_tags", ""))))
    return f"Unsupported value: {shown(context.get('tag', found))}: supported values: {quoted_list(values)}"


def _mismatch(found: Any, context: Mapping[str, Any]) -> str:
    pattern = context["pattern"]
    meaning = f": {_IN_WORDS[pattern]}" if pattern in _IN_WORDS else ""
    return f"Invalid value: {shown(found)}: should match '{pattern}'{meaning}"


def _too_many(found: Any, context: Mapping[str, Any]) -> str:
    return f"Too many: {context['actual_length'] or len(found)}: must have at most {_items(context['max_length'])}"


def _too_few(found: Any, context: Mapping[str, Any]) -> str:
    return f"Invalid value: {shown(found)}: should have at least {_items(context['min_length'])}"


def _items(count: int) -> str:
    return f"{count} item{'' if count == 1 else 's'}"


def _characters(count: int) -> str:
    return f"{count} character{'' if count == 1 else 's'}"


_WORDS: dict[str, Words] = {
    "missing": lambda _found, _context: "Required value",
    "union_tag_not_found": lambda _found, context: (
        f"Required value: {context['discriminator'].strip(chr(39))} says which kind it is"
    ),
    "union_tag_invalid": _unsupported,
    "enum": _unsupported,
    "literal_error": _unsupported,
    "greater_than_equal": _should("greater than or equal to", "ge"),
    "greater_than": _should("greater than", "gt"),
    "less_than_equal": _should("less than or equal to", "le"),
    "less_than": _should("less than", "lt"),
    "multiple_of": _should("a multiple of", "multiple_of"),
    "string_pattern_mismatch": _mismatch,
    "string_too_long": lambda found, context: (
        f"Too long: may not be more than {_characters(context['max_length'])}, is {len(found)}"
    ),
    "string_too_short": lambda found, context: (
        f"Invalid value: {shown(found)}: should be at least {_characters(context['min_length'])} long"
    ),
    "too_long": _too_many,
    "too_short": _too_few,
}
