"""YAML 1.2's core scalars: `on` is a string, `010` is ten. PyYAML alone speaks YAML 1.1."""

import math
import re
from typing import Any

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE, _FALSE = frozenset({"true", "True", "TRUE"}), frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_MAX_DIGITS = 400


def plain(text: str) -> Any:
    """Give the value of a scalar that is written without quotes.

    Raises:
        ValueError: a number that JSON cannot hold.
    """
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    first = text[0]
    if first not in "+-.0123456789":
        return text
    return _number(text)


def _number(text: str) -> Any:
    if _INFINITE.fullmatch(text) or text in _NAN:
        raise ValueError(f"{text} is not a number that JSON knows")
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError(f"{text} is too large for a number")
        return value
    return text
