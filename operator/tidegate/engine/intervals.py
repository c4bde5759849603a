"""Sets of item numbers as intervals, `0-271,273`; kept as bit masks, so that union and count cost next to nothing."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache

MOST = 100_000
"""No Job has more indexes; a set takes memory up to its greatest number."""

_BITS = "base64:"


@lru_cache(maxsize=4096)
def mask_of(text: str) -> int:
    """Read intervals as Kubernetes or `text_of` writes them.

    Raises:
        ValueError: they are not such.
    """
    mask = 0
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        low, high = int(first), int(last if dash else first)
        if not low <= high <= MOST:
            raise ValueError(f"not an interval of numbers up to {MOST:,}: {part}")
        mask |= span(low, high + 1)
    return mask


def mask_from(claims: Iterable[bool]) -> int:
    """Give the set of the places at which a claim is true."""
    return int("".join("01"[claim] for claim in claims)[::-1] or "0", 2)


def span(begin: int, end: int) -> int:
    """Give the set of all numbers from `begin` to before `end`."""
    return (1 << end) - (1 << begin)


def runs(mask: int) -> Iterator[tuple[int, int]]:
    """Give the first and last number of each interval, in order."""
    start = 0
    while mask:
        gap = _trailing_zeros(mask)
        start, mask = start + gap, mask >> gap
        length = _trailing_zeros(~mask)
        yield start, start + length - 1
        start, mask = start + length, mask >> length


def numbers(mask: int) -> Iterator[int]:
    """Give the numbers of a set, in order."""
    for first, last in runs(mask):
        yield from range(first, last + 1)


def first_of(mask: int) -> int:
    """Give the least number of a set that is not empty."""
    return _trailing_zeros(mask)


def text_of(mask: int, most: int | None = None) -> str:
    """Write a set as intervals; in at most so many characters, a word saying how many numbers are not shown."""
    parts: list[str] = []
    length, left = 0, mask.bit_count()
    for first, last in runs(mask):
        part = str(first) if first == last else f"{first}-{last}"
        length += len(part) + 1
        if most is not None and length + len(f" and {left} more") > most:
            return f"{','.join(parts)} and {left} more"
        parts.append(part)
        left -= last - first + 1
    return ",".join(parts)


def packed(mask: int) -> str:
    """Write a set as intervals, or as its bits where that is shorter: never longer than a quarter of its greatest."""
    bits = _BITS + b64encode(mask.to_bytes((mask.bit_length() + 7) // 8, "little")).decode()
    return min(text_of(mask), bits, key=len)


def unpacked(text: str) -> int:
    """Read what `packed` wrote.

    Raises:
        ValueError: it is not that.
    """
    if text.startswith(_BITS):
        return int.from_bytes(b64decode(text.removeprefix(_BITS), validate=True), "little")
    return mask_of(text)


def _trailing_zeros(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
