"""How values and names found in a manifest are shown to people: short, printable, and next to what was meant."""

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

MAX_SHOWN = 80
"""Characters of a value that a message repeats: enough to recognise it, too few to leak a script."""


def shown(value: Any) -> str:
    """Write a value as JSON, cut to `MAX_SHOWN` characters, without anything that could move a terminal's cursor."""
    text = printable(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def printable(text: str) -> str:
    """Escape control, bidirectional and other invisible characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Give the known word that was probably meant, whatever its capitals and underscores; None if none is near."""
    lowered = {_plain(name): name for name in sorted(known)}
    close = difflib.get_close_matches(_plain(word), lowered, n=1, cutoff=0.6)
    return lowered[close[0]] if close else None


def quoted_list(words: Sequence[str]) -> str:
    """Write words as Kubernetes lists supported values: `"A", "B"`."""
    return ", ".join(f'"{word}"' for word in words)


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
