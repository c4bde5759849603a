"""YAML 1.2 core scalars: what plain text means.

Where YAML 1.1 means something else, as kubectl does (`no` is false, `010` is eight), the text is refused: a manifest
must not mean one thing here and another on its way to a cluster. What JSON cannot hold (infinity, integers beyond 64
bits) is refused, too, since Kubernetes stores JSON.
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
_TRUE_IN_1_1 = frozenset(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"))
_FALSE_IN_1_1 = frozenset(("n", "N", "no", "No", "NO", "off", "Off", "OFF"))
_INTEGER_IN_1_1 = re.compile(r"[-+]?0(?:[0-7]+|b[01]+|[xX][0-9a-fA-F]+|o[0-7]+)")
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
        NoSuchValue: infinity, not a number, an integer beyond 64 bits; text on which the versions of YAML disagree.
    """
    if text in _WORDS:
        return _WORDS[text]
    refuse_disputed(text)
    return _number(text) if _NUMERIC.match(text) else text


def refuse_disputed(text: str) -> None:
    """Refuse plain text that kubectl, and whoever else reads YAML 1.1, takes for something else.

    Raises:
        NoSuchValue: it does.
    """
    if text in _TRUE_IN_1_1 or text in _FALSE_IN_1_1:
        value = "true" if text in _TRUE_IN_1_1 else "false"
        raise NoSuchValue(f"{text} is {value} to kubectl and text to others: put it in quotes, or write {value}")
    if _NUMERIC.match(text) and _is_disputed_number(text):
        raise NoSuchValue(f"{text} is another number to kubectl than to others: write it in decimal, or in quotes")


def _is_disputed_number(text: str) -> bool:
    """Whether YAML 1.1 reads a number where 1.2 reads text or another number."""
    bare = text.replace("_", "")
    if "_" in text and (_INTEGER_IN_1_1.fullmatch(bare) or _FLOAT.fullmatch(bare)):
        return True
    if not _INTEGER_IN_1_1.fullmatch(text) or not text.strip("+-0"):
        return False
    return _OCTAL.fullmatch(text) is None and _HEXADECIMAL.fullmatch(text) is None


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
