"""YAML 1.2 core scalars: what plain text means. `on`, `yes` and `no` are strings, `010` is ten.

PyYAML speaks YAML 1.1, where a country code turns into `false` and a mode into its octal value; therefore its resolver
is not used. What JSON cannot hold (infinity, integers beyond 64 bits) is refused here, since Kubernetes stores JSON.
"""

import math
import re

Scalar = str | int | float | bool | None

TAG = "tag:yaml.org,2002:"

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}
_NUMERIC = re.compile(r"[-+.0-9]")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o([0-7]+)")
_HEXADECIMAL = re.compile(r"0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_DIGITS = 40
"""More can never be a 64-bit integer, also in octal and with zeros in front; Python would take long to read them."""


class NoSuchValue(ValueError):
    """The text looks like a number or carries a tag, and cannot become a JSON value; the message says why."""


def plain_value(text: str) -> Scalar:
    """Give what plain (unquoted) text means.

    Raises:
        NoSuchValue: infinity, not a number, an integer beyond 64 bits.
    """
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if _NUMERIC.match(text) else text


def tagged_value(tag: str, text: str, *, is_plain: bool) -> Scalar:
    """Give what text with an explicit tag, such as `!!str 10`, means.

    Raises:
        NoSuchValue: the tag is none of JSON's types, or the text is not of that type.
    """
    kind = tag.removeprefix(TAG)
    if kind == "str":
        return text
    accepted = _TYPES.get(kind)
    if accepted is None:
        raise NoSuchValue(f"tag {short_tag(tag)} is not known: remove it, or put the text in quotes")
    value = plain_value(text) if is_plain or kind != "null" else text
    if not isinstance(value, accepted) or (kind != "bool" and isinstance(value, bool)):
        raise NoSuchValue(f"{text!r} is not what its tag {short_tag(tag)} says")
    return float(value) if kind == "float" and value is not None else value


def short_tag(tag: str) -> str:
    """Write a tag as people do: `!!binary`, `!Ref`."""
    return f"!!{tag.removeprefix(TAG)}" if tag.startswith(TAG) else tag


def _number(text: str) -> Scalar:
    if _INTEGER.fullmatch(text):
        return _bounded(text, 10)
    if match := _OCTAL.fullmatch(text):
        return _bounded(match[1], 8)
    if match := _HEXADECIMAL.fullmatch(text):
        return _bounded(match[1], 16)
    if _NOT_FINITE.fullmatch(text):
        raise NoSuchValue(f"{text} is not a number that JSON can hold; if text is meant, put it in quotes")
    return _finite(text) if _FLOAT.fullmatch(text) else text


def _bounded(digits: str, base: int) -> int:
    value = int(digits, base) if len(digits) <= _MAX_DIGITS else None
    if value is None or not -(2**63) <= value < 2**63:
        raise NoSuchValue("the integer does not fit into 64 bits; if text is meant, put it in quotes")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NoSuchValue("the number is too large; if text is meant, put it in quotes")
    return value
