"""Paths of fields as kubectl prints them: `spec.tasks[2].needs[0]`."""

import re
from collections.abc import Sequence

from tidegate.api.words import printable

Keys = Sequence[str | int]

_FIELD = re.compile(r"[A-Za-z_][-A-Za-z0-9_]*")


def path_of(keys: Keys) -> str:
    """Write keys as a path; a key that is no plain word, such as a label's, stands in brackets."""
    path = ""
    for key in keys:
        if isinstance(key, int) or not _FIELD.fullmatch(key):
            path += f"[{key if isinstance(key, int) else printable(key)}]"
        else:
            path += f".{key}" if path else key
    return path
