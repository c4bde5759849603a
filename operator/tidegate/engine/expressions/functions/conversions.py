"""From one type to another: `int`, `string`, `timestamp`, ... and `type`."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.formatting import double_text
from tidegate.engine.expressions.functions.numbers import double, int64, uint64
from tidegate.engine.expressions.functions.table import ANY, Table
from tidegate.engine.expressions.moments import (
    LONGEST,
    duration_text,
    parse_duration,
    parse_timestamp,
    shortened,
    timestamp_text,
)
from tidegate.engine.expressions.values import KINDS, TypeValue, UInt, type_of

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,20})[ \t\n\v\f\r]*")
_DOUBLE = re.compile(
    r"[ \t\n\v\f\r]*([+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan))[ \t\n\v\f\r]*",
    re.IGNORECASE | re.ASCII,
)
_BOOLS = dict.fromkeys(("1", "t", "true", "TRUE", "True"), True)
_BOOLS |= dict.fromkeys(("0", "f", "false", "FALSE", "False"), False)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PROTOBUF_NAMES = {
    "null": "null_type",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
    "optional": "optional_type",
}


def _int_of_text(_: Meter, text: str) -> int:
    match = _INTEGER.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise Fault(f"{shortened(text)} is not an integer")
    return int64(int(match[1]))


def _uint_of_text(_: Meter, text: str) -> UInt:
    match = _INTEGER.fullmatch(text) if len(text) <= LONGEST else None
    if match is None or "-" in text:
        raise Fault(f"{shortened(text)} is not an unsigned integer")
    return uint64(int(match[1]))


def _int_of_double(_: Meter, value: float) -> int:
    if not -(2.0**63) < value < 2.0**63:
        raise Fault(f"{value} does not fit into an integer of 64 bits")
    return int(value)


def _uint_of_double(_: Meter, value: float) -> UInt:
    if not 0 <= value < 2.0**64:
        raise Fault(f"{value} does not fit into an unsigned integer of 64 bits")
    return UInt(value)


def _double_of_text(meter: Meter, text: str) -> float:
    meter.charge(5 + min(len(text), LONGEST) // 4)
    match = _DOUBLE.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise Fault(f"{shortened(text)} is not a number")
    return float(match[1])


def _bool_of_text(_: Meter, text: str) -> bool:
    if text not in _BOOLS:
        raise Fault(f"{shortened(text)} is neither true nor false")
    return _BOOLS[text]


def _text_of_bytes(meter: Meter, data: bytes) -> str:
    meter.charge_text(len(data))
    meter.allocate(4 * len(data))
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Fault("the bytes are not text in UTF-8") from None


def _text_of_double(meter: Meter, value: float) -> str:
    meter.charge(20)
    return double_text(value)


def _bytes_of_text(meter: Meter, text: str) -> bytes:
    meter.charge_text(len(text))
    meter.allocate(2 * text.__sizeof__())
    return text.encode(errors="surrogatepass")


def _parsed(parse: Callable[[str], Any]) -> Callable[[Meter, str], Any]:
    """Make a function of what reads a text, or raises ValueError with the reason."""

    def convert(meter: Meter, text: str) -> Any:
        meter.charge(15 + min(len(text), LONGEST))
        try:
            return parse(text)
        except ValueError as error:
            raise Fault(str(error)) from None

    return convert


def _timestamp_of_seconds(_: Meter, seconds: int) -> dt.datetime:
    try:
        return _EPOCH + dt.timedelta(seconds=seconds)
    except OverflowError:
        raise Fault("timestamp overflow: the moment is not within the years 1 to 9999") from None


def _seconds_since_epoch(_: Meter, moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(seconds=1)


def type_value(value: Any) -> TypeValue:
    """Give the type of a value as a value."""
    kind = KINDS[type_of(value)]
    return TypeValue(_PROTOBUF_NAMES.get(kind, kind))


TYPES = {name: TypeValue(name) for kind in KINDS.values() for name in [_PROTOBUF_NAMES.get(kind, kind)]}
"""The types that may be named in an expression, as in `type(x) == string`."""


def _same(_: Meter, value: Any) -> Any:
    return value


def _text(write: Callable[[Any], str]) -> Callable[[Meter, Any], str]:
    return lambda _, value: write(value)


TABLE: Table = {
    ("type", ANY): lambda _, value: type_value(value),
    ("dyn", ANY): _same,
    ("bool", bool): _same,
    ("bool", str): _bool_of_text,
    ("int", int): _same,
    ("int", bool): lambda _, value: int(value),
    ("int", UInt): lambda _, value: int64(int(value)),
    ("int", float): _int_of_double,
    ("int", str): _int_of_text,
    ("int", dt.datetime): _seconds_since_epoch,
    ("uint", UInt): _same,
    ("uint", int): lambda _, value: uint64(value),
    ("uint", float): _uint_of_double,
    ("uint", str): _uint_of_text,
    ("double", float): _same,
    ("double", int): lambda _, value: double(value),
    ("double", UInt): lambda _, value: double(value),
    ("double", str): _double_of_text,
    ("string", str): _same,
    ("string", bool): _text(lambda value: "true" if value else "false"),
    ("string", int): _text(str),
    ("string", UInt): _text(lambda value: str(int(value))),
    ("string", float): _text_of_double,
    ("string", bytes): _text_of_bytes,
    ("string", dt.datetime): _text(timestamp_text),
    ("string", dt.timedelta): _text(duration_text),
    ("bytes", bytes): _same,
    ("bytes", str): _bytes_of_text,
    ("timestamp", dt.datetime): _same,
    ("timestamp", str): _parsed(parse_timestamp),
    ("timestamp", int): _timestamp_of_seconds,
    ("duration", dt.timedelta): _same,
    ("duration", str): _parsed(parse_duration),
}
