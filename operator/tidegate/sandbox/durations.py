"""Ages as kubectl writes them: two units at most, the coarser the longer."""

from tidegate.sandbox.moments import instant

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 31_536_000

_SPANS = (
    (2 * _MINUTE, (1, "s")),
    (10 * _MINUTE, (_MINUTE, "m"), (1, "s")),
    (3 * _HOUR, (_MINUTE, "m")),
    (8 * _HOUR, (_HOUR, "h"), (_MINUTE, "m")),
    (2 * _DAY, (_HOUR, "h")),
    (8 * _DAY, (_DAY, "d"), (_HOUR, "h")),
    (2 * _YEAR, (_DAY, "d")),
    (8 * _YEAR, (_YEAR, "y"), (_DAY, "d")),
)
"""Up to so many seconds, the units that are shown."""


def age(since: str | None, now: float) -> str:
    """Write the time since an instant: `5s`, `3m20s`, `2d4h`; `<unknown>` without one."""
    return duration(now - instant(since)) if since else "<unknown>"


def duration(length: float) -> str:
    """Write a number of seconds."""
    left = int(length)
    if left < -1:
        return "<invalid>"  # what kubectl shows of the future
    left = max(left, 0)
    units = next((units for limit, *units in _SPANS if left < limit), [(_YEAR, "y")])
    words: list[str] = []
    for size, letter in units:
        count, left = divmod(left, size)
        if count or not words:
            words.append(f"{count}{letter}")
    return "".join(words)
