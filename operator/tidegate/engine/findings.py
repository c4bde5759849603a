"""Mistakes as the engine finds them: keyed by where in the manifest they are, before anybody knows a file."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake. `keys` lead to the value, from the object's root; `line` and `column` are inside its text or 0."""

    keys: Keys
    message: str
    line: int = 0
    column: int = 0


def nearest(word: str, known: Iterable[str]) -> str:
    """Give `; did you mean "x"?` for the most similar known word, or an empty string."""
    names = sorted(known)
    lowered = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f'; did you mean "{lowered[close[0]]}"?' if close else ""


def listed(words: Sequence[str], limit: int = 10) -> str:
    """Write words as `"a", "b" and 3 more`."""
    shown = ", ".join(f'"{word}"' for word in words[:limit])
    return shown if len(words) <= limit else f"{shown} and {len(words) - limit} more"
