"""What an API server says, made sense of: Status objects, Retry-After, the Date header, the lines of a watch."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from tidegate.errors import ApiError, api_error
from tidegate.kube.client import Change, Object

# More of an answer that is not a Status, such as a proxy's page, helps nobody.
_EXCERPT = 300


def parse_object(body: bytes) -> Object:
    """Parse an answer.

    Raises:
        ApiError: Unavailable, it is not a JSON object: something that is no API server has answered.
    """
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise api_error(0, "NotJson", f"the answer is not JSON: {_excerpt(body)}") from error
    if not isinstance(parsed, dict):
        raise api_error(0, "NotJson", f"the answer is {type(parsed).__name__}, expected an object: {_excerpt(body)}")
    return parsed


def error_of(status: int, body: bytes, headers: Mapping[str, str]) -> ApiError:
    """Give the error for an answer that is not 2xx."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        return api_error(status, "", _excerpt(body), retry_after=retry_after(headers))
    message, reason = str(parsed.get("message") or _excerpt(body)), str(parsed.get("reason") or "")
    return api_error(status, reason, message, retry_after=retry_after(headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds of Retry-After; None without one, or when it is a date, which API servers do not send."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def clock_skew(date: str | None, sent: float, received: float) -> float | None:
    """Give the seconds by which the server's clock is ahead for certain, negative when it is behind.

    Args:
        date: the Date header, which is cut to whole seconds.
        sent: our clock (seconds since 1970) when the request began.
        received: our clock when the answer was there.
    """
    if not date:
        return None
    try:
        second = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    # The answer was dated somewhere in [second, second + 1), and between `sent` and `received`.
    ahead_at_least, ahead_at_most = second - received, second + 1 - sent
    return ahead_at_least if ahead_at_least > 0 else min(ahead_at_most, 0.0)


async def lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Cut a stream at line ends, whatever the length of a line: an object may have megabytes."""
    parts: list[bytes] = []
    async for chunk in chunks:
        head, *rest = chunk.split(b"\n")
        parts.append(head)
        for piece in rest:
            if line := b"".join(parts):
                yield line
            parts = [piece]


def change_of(line: bytes) -> Change:
    """Parse one line of a watch.

    Raises:
        ApiError: the line is an ERROR, Gone when the resourceVersion is not kept any more.
    """
    event: dict[str, Any] = parse_object(line)
    type_, item = str(event.get("type")), event.get("object")
    if not isinstance(item, dict):
        raise api_error(0, "NotJson", f"a line of a watch has no object: {_excerpt(line)}")
    if type_ == "ERROR":
        code = item.get("code")
        raise api_error(code if isinstance(code, int) else 0, str(item.get("reason") or ""), str(item.get("message")))
    return Change(type_, item)


def _excerpt(body: bytes) -> str:
    return body[:_EXCERPT].decode("utf-8", "replace").strip()
