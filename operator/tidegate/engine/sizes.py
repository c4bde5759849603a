"""How large values are as JSON, and text that fits; nothing here knows what for."""

import json
from typing import Any

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
