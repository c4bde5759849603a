"""Finds expressions in a text: `$[[`, CEL, and the first `]]` at which the text so far parses as CEL.

What parses has its brackets in pairs and its strings closed, so only a `]]` outside of both can be the end; inside
of a comment it can be one too, and there the parser decides.
"""

import itertools
import re
from collections.abc import Iterator

from tidegate.engine.expressions import library

OPENING, CLOSING = "$[[", "]]"

MAX_TRIES = 16
"""How many ends are tried: more than one only if they are inside of comments."""

_TOKEN = re.compile(
    r"""
      (?P<comment>//[^\n]*)
    | (?P<string> (?:[bB]?[rR]|[rR][bB])  # raw: a backslash is only a character
            (?: \"{3}[\s\S]*?\"{3} | '{3}[\s\S]*?'{3} | "[^"\r\n]*" | '[^'\r\n]*' )
        | [bB]?
            (?: \"{3}(?:\\[\s\S]|[^\\])*?\"{3} | '{3}(?:\\[\s\S]|[^\\])*?'{3}
              | "(?:\\[^\r\n]|[^"\\\r\n])*" | '(?:\\[^\r\n]|[^'\\\r\n])*' ) )
    | (?P<word>\w+)
    | (?P<opening>[\[({])
    | (?P<closing>[\])}])
    | (?P<quote>["'])
    | (?P<other>[\s\S])
    """,
    re.VERBOSE,
)
_PAIRS = {"]": "[", ")": "(", "}": "{"}


def end_of_expression(text: str, start: int, limit: int) -> int | None:
    """Give where the `]]` is that ends the expression that starts at `start`.

    When no place is right the first `]]` is given, so that the parser can say what is wrong before it; None when
    there is none at all.

    Args:
        text: the whole text.
        start: offset right behind `$[[`.
        limit: how long an expression may be; a longer one ends nowhere.
    """
    window = text[: start + limit + len(CLOSING)]
    for end, is_certain in itertools.islice(_candidates(window, start), MAX_TRIES):
        if is_certain or _parses(text[start:end]):
            return end
    first = text.find(CLOSING, start)
    return None if first < 0 else first


def _candidates(text: str, start: int) -> Iterator[tuple[int, bool]]:
    """Give each `]]` outside of brackets and strings, and whether it is certain, which the last one is."""
    open_brackets: list[str] = []
    position = start
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or token.lastgroup == "quote":
            return  # a string without an end: nothing behind it can parse
        kind, written = token.lastgroup, token.group()
        if kind == "comment" and not open_brackets:
            end = written.find(CLOSING)
            if end >= 0:
                yield position + end, False
        elif kind == "opening":
            open_brackets.append(written)
        elif kind == "closing":
            if not open_brackets:
                if text.startswith(CLOSING, position):
                    yield position, True
                return
            if open_brackets.pop() != _PAIRS[written]:
                return
        position = token.end()


def _parses(text: str) -> bool:
    try:
        library.parse(text)
    except library.Refused:
        return False
    return True
