"""How large values are as JSON, and text that fits; nothing here knows what for."""

import json
from typing import Any

from tidegate.api.nodes import MAX_DEPTH

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def bytes_of(value: Any) -> int:
    """Give the bytes of a value as compact JSON."""
    return len(_encoder.encode(value).encode())


def size_of(value: Any) -> int:
    """Give the bytes of a value as an API server keeps it: there <, > and & take six bytes each."""
    text = _encoder.encode(value)
    return len(text.encode()) + 5 * (text.count("<") + text.count(">") + text.count("&"))


def within(text: str, most: int) -> str:
    """Give a text, cut to so many bytes as an API server keeps it; three dots say that there was more."""
    if len(text) * 6 <= most or size_of(text) <= most + 2:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size_of(text[:middle]) + 1 <= most else (low, middle - 1)
    return f"{text[:low]}..."


def is_too_deep(value: Any) -> bool:
    """Whether collections are nested deeper than those of a manifest may be; found without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True
