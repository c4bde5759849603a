"""Moments on the command line."""

from datetime import UTC, datetime

from tidegate.errors import UsageError


def moment(option: str, text: str) -> int:
    """Read a time as seconds since the epoch; one without a zone is meant in UTC, a date alone as its midnight.

    Raises:
        UsageError: it is not a time.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: {text!r} is not a time such as 2026-03-28T00:00:00Z") from None
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp())
