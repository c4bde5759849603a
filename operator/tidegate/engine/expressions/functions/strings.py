"""Text: the standard functions and the extension `strings` but `format`. Positions count code points."""

from collections.abc import Callable
from typing import Any

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.table import Table, linear, no_overload

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_ESCAPES = str.maketrans(
    {
        "\a": r"\a",
        "\b": r"\b",
        "\f": r"\f",
        "\n": r"\n",
        "\r": r"\r",
        "\t": r"\t",
        "\v": r"\v",
        "\\": r"\\",
        '"': r"\"",
    }
)
_PART_BYTES = 72
"""What a list takes for each of its texts, but for their characters."""


def _plus(meter: Meter, left: str | bytes, right: Any) -> Any:
    meter.charge_text(len(left) + len(right))
    meter.allocate(left.__sizeof__() + right.__sizeof__())
    return left + right


def _position(name: str, position: int, length: int) -> int:
    if 0 <= position <= length:
        return position
    raise Fault(f'"{name}" has no position {position}: the text has {length} characters')


def _char_at(_: Meter, text: str, position: int) -> str:
    start = _position("charAt", position, len(text))
    return text[start : start + 1]


def _substring(meter: Meter, text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else _position("substring", end, len(text))
    if _position("substring", start, len(text)) > stop:
        raise Fault(f'"substring" ends at {stop}, before it starts at {start}')
    meter.charge_text(stop - start)
    meter.allocate(stop - start)
    return text[start:stop]


def _index_of(meter: Meter, text: str, part: str, start: int = 0) -> int:
    meter.charge_text(len(text))
    return text.find(part, _position("indexOf", start, len(text)))


def _last_index_of(meter: Meter, text: str, part: str, last: int | None = None) -> int:
    meter.charge_text(len(text))
    end = len(text) if last is None else _position("lastIndexOf", last, len(text)) + len(part)
    return text.rfind(part, 0, end)


def _replace(meter: Meter, text: str, old: str, new: str, limit: int = -1) -> str:
    meter.charge_text(len(text))
    count = text.count(old)
    if limit >= 0:
        count = min(count, limit)
    growth = max(len(new) - len(old), 0) * count
    meter.charge(count // 8 + growth // 64)
    meter.allocate(text.__sizeof__() + growth * max(1, new.__sizeof__() // max(len(new), 1)))
    return text.replace(old, new, count)


def _split(meter: Meter, text: str, separator: str, limit: int = -1) -> list[str]:
    """Give at most `limit` parts, the last with all that remains."""
    if limit == 0:
        return []
    meter.charge_text(len(text))
    parts = text.count(separator) + 1 if separator else len(text)
    parts = min(parts, limit) if limit > 0 else parts
    meter.charge(parts // 2)
    meter.allocate(parts * _PART_BYTES + text.__sizeof__())
    if separator:
        return text.split(separator, parts - 1)
    return [*text[: parts - 1], text[parts - 1 :]] if text else [""]


def _join(meter: Meter, parts: list[Any], separator: str = "") -> str:
    meter.charge(len(parts))
    for part in parts:
        if not isinstance(part, str):
            raise no_overload("join", part)
    length = sum(map(len, parts)) + len(separator) * len(parts)
    meter.charge_text(length)
    widest = max(map(_width, parts), default=1)
    meter.allocate(length * max(widest, _width(separator)))
    return separator.join(parts)


def _width(text: str) -> int:
    """Give the bytes that Python takes for a character of this text."""
    return 1 if text.isascii() else 4


def _in_bytes(text: str, change: Callable[[bytes], bytes]) -> str:
    """Change the case of ASCII letters only, which is all that bytes know."""
    return change(text.encode(errors="surrogatepass")).decode(errors="surrogatepass")


def _reverse(text: str) -> str:
    return text[::-1]


def _quote(meter: Meter, text: str) -> str:
    meter.charge(len(text) // 2)
    meter.allocate(2 * text.__sizeof__())
    return f'"{text.translate(_ESCAPES)}"'


TABLE: Table = {
    ("size", str): lambda _, text: len(text),
    ("size", bytes): lambda _, data: len(data),
    ("_+_", str, str): _plus,
    ("_+_", bytes, bytes): _plus,
    ("contains", str, str): linear(lambda text, part: part in text),
    ("startsWith", str, str): linear(str.startswith),
    ("endsWith", str, str): linear(str.endswith),
    ("charAt", str, int): _char_at,
    ("substring", str, int): _substring,
    ("substring", str, int, int): _substring,
    ("indexOf", str, str): _index_of,
    ("indexOf", str, str, int): _index_of,
    ("lastIndexOf", str, str): _last_index_of,
    ("lastIndexOf", str, str, int): _last_index_of,
    ("replace", str, str, str): _replace,
    ("replace", str, str, str, int): _replace,
    ("split", str, str): _split,
    ("split", str, str, int): _split,
    ("join", list): _join,
    ("join", list, str): _join,
    ("lowerAscii", str): linear(lambda text: _in_bytes(text, bytes.lower)),
    ("upperAscii", str): linear(lambda text: _in_bytes(text, bytes.upper)),
    ("trim", str): linear(lambda text: text.strip(_SPACE)),
    ("reverse", str): linear(_reverse),
    ("strings.quote", str): _quote,
}
