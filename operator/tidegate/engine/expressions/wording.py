"""Puts the sentences of the CEL library about types and syntax into plain words."""

import re
from collections.abc import Callable

from tidegate.engine.expressions.functions.table import hint, shown

_LONGEST_TYPES = 200
_ADVICE = {"_?_:_": ": what is before the ? must be a bool, what is around the : of one type"}


def in_plain_words(message: str) -> str:
    """Put the library's sentence about types or syntax into words of ours; one it has never said stays as it is."""
    for pattern, words in _WORDS:
        match = pattern.search(message)
        if match is not None:
            return words(match)
    return message.replace("Syntax error", "syntax error")


def _about_overload(match: re.Match[str]) -> str:
    name, types = match["name"], _plain_types(match["types"])
    advice = _ADVICE.get(name) or hint(types)
    return f'"{shown(name)}" does not take {types}{advice}'


def _about_unexpected(match: re.Match[str]) -> str:
    what = match["what"]
    return "syntax error: the expression ends too early" if what == "<EOF>" else f'syntax error: unexpected "{what}"'


def _about_characters(match: re.Match[str]) -> str:
    what = match["what"]
    if '"' in what[:3] or "'" in what[:3]:
        return f"syntax error: the string {what} has no end, or an escape that does not exist"
    return f'syntax error: unexpected "{what}"'


def _plain_types(types: str) -> str:
    """Give types as people write them: `(int, string)`."""
    for library_word, word in (
        ("google.protobuf.Timestamp", "timestamp"),
        ("google.protobuf.Duration", "duration"),
        ("null_type", "null"),
        ("optional_type", "optional"),
    ):
        types = types.replace(library_word, word)
    types = re.sub(r"wrapper\((\w+)\)", r"\1 or null", types)
    types = re.sub(r"T%\d+|%\w+", "dyn", types)
    return types if len(types) <= _LONGEST_TYPES else f"{types[:_LONGEST_TYPES]}...)"


_WORDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r"found no matching overload for '(?P<name>[^']+)' applied to '(?P<types>.*)'"),
        _about_overload,
    ),
    (
        re.compile(r"Syntax error: (?:mismatched|extraneous|no viable alternative at) input '(?P<what>.*?)'"),
        _about_unexpected,
    ),
    (
        re.compile(r"Syntax error: token recognition error at: '(?P<what>.*?)'?$"),
        _about_characters,
    ),
    (
        re.compile(r"Syntax error: missing (?P<what>.*) at '"),
        lambda match: f"syntax error: {match['what']} is missing",
    ),
    (
        re.compile(r"undeclared reference to '(?P<name>[^']+)'"),
        lambda match: f'unknown name "{match["name"]}"',
    ),
    (
        re.compile(r"expression of type '(?P<type>[^']+)' cannot be the operand of a select"),
        lambda match: f"a value of type {_plain_types(match['type'])} has no fields",
    ),
    (
        re.compile(r"recursion limit exceeded|max recursion depth"),
        lambda _: "the expression is nested too deeply: at most 32 levels, and each + of a sum is one",
    ),
    (
        re.compile(r"node count exceeded"),
        lambda _: "the expression is too large once its macros are expanded",
    ),
)
"""Sentences of the library and what we say instead."""
