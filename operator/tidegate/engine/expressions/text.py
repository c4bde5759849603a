"""How plain values read as text, for env, args, messages and status."""

import datetime as dt
import json
from typing import Any

from tidegate.engine.expressions.moments import duration_text, timestamp_text
from tidegate.errors import ExpressionError


def to_text(value: Any) -> str:
    """Give the text of a plain value.

    A string is taken as it is, a timestamp as RFC 3339, a duration in seconds, anything else as compact JSON.

    Raises:
        ExpressionError: the value is null.
    """
    if isinstance(value, str):
        return value
    if value is None:
        raise ExpressionError(
            "null has no text: replace it, as in `x.?y.orValue(0)` when it may be absent or "
            '`x == null ? "none" : x` when it may be null'
        )
    plain = to_json(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def to_json(value: Any) -> Any:
    """Give a plain value as JSON data: a timestamp or duration on its own becomes text too."""
    if isinstance(value, dt.datetime):
        return timestamp_text(value)
    return duration_text(value) if isinstance(value, dt.timedelta) else value
