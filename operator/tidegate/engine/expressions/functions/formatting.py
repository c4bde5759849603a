"""`format`, and how numbers read as text.

The clauses are those of the extension `strings`: %s %d %f %e %b %o %x %X %%, with a precision for %f and %e.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.numbers import double
from tidegate.engine.expressions.functions.table import Table
from tidegate.engine.expressions.moments import duration_text, timestamp_text
from tidegate.engine.expressions.values import TypeValue, UInt, kind_of, type_of, value_of_key

MAX_PRECISION = 1000
"""Digits after the point that a clause may ask for."""

_CLAUSE = re.compile(r"%(?:\.(?P<precision>\d{1,9}))?(?P<clause>.)?", re.DOTALL)
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})


def double_text(value: float) -> str:
    """Give the shortest text that reads back as the same double, with an exponent from a million on."""
    if not math.isfinite(value):
        return str(value)
    shortest = repr(value).removesuffix(".0")
    digits = shortest.partition("e")[0].replace(".", "").strip("-0")
    scientific = f"{value:.{max(len(digits) - 1, 0)}e}"
    return shortest if -5 < int(scientific.partition("e")[2]) < 6 else scientific


def _format(meter: Meter, template: str, arguments: list[Any]) -> str:
    meter.charge(len(template) // 8)
    meter.allocate(template.__sizeof__())
    position, pieces, rest = 0, [], iter(arguments)
    for match in _CLAUSE.finditer(template):
        pieces.append(template[position : match.start()])
        pieces.append("%" if match.group() == "%%" else _clause(meter, match, rest))
        position = match.end()
    pieces.append(template[position:])
    return "".join(pieces)


def _clause(meter: Meter, match: re.Match[str], arguments: Any) -> str:
    meter.charge(10)
    clause, precision = match["clause"], int(match["precision"] or 6)
    if clause not in _CLAUSES:
        raise Fault(f'"format" does not know the clause "{match.group()}": it has %s %d %f %e %b %o %x %X %%')
    if precision > MAX_PRECISION:
        raise Fault(f'"format" gives at most {MAX_PRECISION} digits, "{match.group()}" asks for more')
    try:
        value = next(arguments)
    except StopIteration:
        raise Fault(f'"format" has no value for "{match.group()}": the list is too short') from None
    text = _CLAUSES[clause](meter, value, precision)
    meter.allocate(text.__sizeof__())
    return text


def _as_text(meter: Meter, value: Any, _: int = 0) -> str:
    """Give the text of %s, lists and maps included; what it makes is charged as it grows."""
    meter.charge(4)
    kind = type_of(value)
    if kind is str:
        text = str(value)
    elif kind is list:
        text = f"[{', '.join(_as_text(meter, item) for item in value)}]"
    elif kind is dict:
        pairs = sorted((_as_text(meter, value_of_key(key)), _as_text(meter, item)) for key, item in value.items())
        text = "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    elif kind in _PLAIN_TEXT:
        text = _PLAIN_TEXT[kind](value)
    else:
        raise Fault(f'"format" cannot write a value of type {kind_of(value)} as text')
    meter.charge_text(len(text))
    meter.allocate(text.__sizeof__())
    return text


def _double_as_text(value: float) -> str:
    if math.isfinite(value):
        return double_text(value)
    return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"


def _bytes_as_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Fault("the bytes are not text in UTF-8: use base64.encode(...)") from None


_PLAIN_TEXT: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    UInt: lambda value: str(int(value)),
    float: _double_as_text,
    bytes: _bytes_as_text,
    type(None): lambda _: "null",
    dt.datetime: timestamp_text,
    dt.timedelta: duration_text,
    TypeValue: lambda value: str(value.name),
}


def _refused(clause: str, wanted: str, value: Any) -> Fault:
    return Fault(f'"format" takes {wanted} for %{clause}, not a value of type {kind_of(value)}')


def _decimal(_: Meter, value: Any, precision: int) -> str:
    del precision
    kind = type(value)
    if kind in (int, UInt):
        return str(int(value))
    if kind is float:
        return f"{value:.6f}" if math.isfinite(value) else _double_as_text(value)
    raise _refused("d", "numbers", value)


def _fixed(clause: str) -> Callable[[Meter, Any, int], str]:
    def write(_: Meter, value: Any, precision: int) -> str:
        if isinstance(value, str) and value in _NOT_FINITE:
            return value
        if type(value) not in (int, UInt, float):
            raise _refused(clause, 'numbers, "NaN", "Infinity" and "-Infinity"', value)
        number = double(value)
        return f"{number:.{precision}{clause}}" if math.isfinite(number) else _double_as_text(number)

    return write


def _in_base(clause: str, also: tuple[type, ...]) -> Callable[[Meter, Any, int], str]:
    def write(meter: Meter, value: Any, _: int) -> str:
        if type(value) in (int, UInt):
            return f"{int(value):{clause}}"
        if bool in also and type(value) is bool:
            return str(int(value))
        if str in also and isinstance(value, str | bytes):
            data = value.encode(errors="surrogatepass") if isinstance(value, str) else value
            meter.charge_text(len(data))
            meter.allocate(2 * len(data))
            return data.hex().upper() if clause == "X" else data.hex()
        names = ", ".join(["integers", *(kind.__name__ for kind in also)])
        raise _refused(clause, names, value)

    return write


_CLAUSES: Mapping[str, Callable[[Meter, Any, int], str]] = {
    "s": _as_text,
    "d": _decimal,
    "f": _fixed("f"),
    "e": _fixed("e"),
    "b": _in_base("b", (bool,)),
    "o": _in_base("o", ()),
    "x": _in_base("x", (str, bytes)),
    "X": _in_base("X", (str, bytes)),
}

TABLE: Table = {("format", str, list): _format}
