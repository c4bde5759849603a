"""The body of a request as a JSON value that an API server keeps as it is: nothing nested too deep, no number cut."""

import json
import math
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, NoReturn

from tidegate.api.nodes import MAX_DEPTH
from tidegate.engine.paramtypes import normal, shown
from tidegate.engine.sizes import is_too_deep
from tidegate.errors import RequestRefused

_INT64 = 1 << 63
_STRING = re.compile(rb'"(?:[^"\\]|\\.?)*+"?', re.DOTALL)
"""Also one without an end, so that nothing is gone through twice."""

_STEPS = dict.fromkeys(b"[{", 1) | dict.fromkeys(b"]}", -1)
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))
_LARGE = re.compile(r"\d{19}|[eE]\+?\d{3}")
"""Only a text that has such may have a number that is too large; so most are read without a call for each number."""


def media_of(headers: Mapping[str, str]) -> str:
    """Give the media type of a request, in lower case and without parameters; JSON where it says nothing.

    Raises:
        RequestRefused: the text is in another encoding than UTF-8.
    """
    media, *parameters = headers.get("content-type", "application/json").lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "us-ascii"):
            raise RequestRefused(415, f"Content-Type has charset={shown(value)}; expected utf-8")
    return media.strip()


def parse(body: bytes, media: str) -> Any:
    """Give the value of a body, null for none at all.

    Raises:
        RequestRefused: it is not JSON, or JSON that could not be kept.
    """
    if not body:
        return None
    if media != "application/json" and not media.endswith("+json"):
        raise RequestRefused(415, f"Content-Type is {shown(media)}; expected application/json")
    if _may_be_deep(body):
        raise RequestRefused(400, f"the body is nested deeper than {MAX_DEPTH}")
    try:
        text = body.decode()
        value = _value_of(text)
    except UnicodeDecodeError as error:
        raise RequestRefused(400, f"the body is not UTF-8, at byte {error.start:,}") from None
    except ValueError as error:
        raise RequestRefused(400, f"the body is not JSON: {error}"[:300]) from None
    if is_too_deep(value):
        raise RequestRefused(400, f"the body is nested deeper than {MAX_DEPTH}")
    if "\\u" in text:
        _demand_characters(value)
    return normal(value)


def _may_be_deep(body: bytes) -> bool:
    """Whether brackets are nested so deep that a parser would need a stack for them."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", body).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > 2 * MAX_DEPTH


def _value_of(text: str) -> Any:
    if _LARGE.search(text) is None:
        return json.loads(text, parse_constant=_refuse)
    return json.loads(text, parse_constant=_refuse, parse_int=_integer, parse_float=_number)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _integer(text: str) -> int:
    value = int(text) if len(text) <= 20 else _INT64
    if not -_INT64 <= value < _INT64:
        raise ValueError(f"an integer beyond 64 bits: {text[:40]}")
    return value


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"a number beyond 64 bits: {text[:40]}")
    return value


def _demand_characters(value: Any) -> None:
    """Refuse halves of surrogate pairs: they are in no text that could be written."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RequestRefused(400, "the body has half of a surrogate pair, which is no character") from None
