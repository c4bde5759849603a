"""Errors inside an evaluation: CEL's own kind, which `&&`, `||`, `exists` and `all` may absorb.

They never leave the package: what is not absorbed becomes an ExpressionError with its place in the text. A fault
keeps what its message needs and writes it only when somebody will read it.
"""

import difflib
from collections.abc import Iterable
from typing import Any

from tidegate.engine.expressions.moments import shortened

_COMPARABLE = 500
"""Names among which a nearest one is looked for; it takes 10 us for each."""

_LONGEST = 100


class Fault(Exception):
    """The evaluation of one node failed; `offset` is the node's place in the text, once known."""

    def __init__(self, message: str = "", offset: int | None = None) -> None:
        self.message, self.offset = message, offset
        super().__init__(message)

    def describe(self) -> str:
        """Give the sentence for people."""
        return self.message


class Missing(Fault):
    """The data do not have what is read."""


class MissingKey(Missing):
    """A map does not have the key."""

    def __init__(self, key: Any, present: Iterable[Any], offset: int | None = None) -> None:
        super().__init__("", offset)
        self.key, self.present = key, present

    def describe(self) -> str:
        """Name the key, and the nearest one that is there."""
        names = [key for key in self.present if isinstance(key, str)]
        shown = shortened(self.key) if isinstance(self.key, str) else str(self.key)
        return f"no such key: {shown}{suggestion(str(self.key), names)}"


def suggestion(word: str, choices: Iterable[str]) -> str:
    """Give `: did you mean "params"?` for the nearest of the choices, a short list of them, or nothing."""
    names = sorted(set(choices))
    if len(names) > _COMPARABLE or len(word) > _LONGEST:
        return ""
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f': did you mean "{near[0]}"?'
    return f" (there is: {', '.join(names)})" if 0 < len(names) <= 12 else ""
