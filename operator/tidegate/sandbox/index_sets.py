"""Sets of an Indexed Job's indexes as Kubernetes writes them, `0-3,5`; it knows nothing of Jobs.

A set is kept as its intervals, so that what it costs depends on its gaps and not on how many indexes there are.
"""

from bisect import bisect_right


class IndexSet:
    """Whole numbers from zero; grows only."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._count = 0
        self._text: str | None = ""
        """None until somebody asks again."""

    @classmethod
    def parse(cls, text: str) -> "IndexSet":
        """Read `0-3,5`, whose parts stand in order; raises ValueError."""
        result = cls()
        for part in text.split(",") if text else ():
            first, _, last = part.partition("-")
            result._append(int(first), int(last or first))
        return result

    def add(self, index: int) -> None:
        """Put an index in."""
        place = bisect_right(self._firsts, index)
        if place and index <= self._lasts[place - 1]:
            return
        self._count += 1
        self._text = None
        follows = place > 0 and self._lasts[place - 1] == index - 1
        precedes = place < len(self._firsts) and self._firsts[place] == index + 1
        if follows and precedes:
            self._lasts[place - 1] = self._lasts.pop(place)
            del self._firsts[place]
        elif follows:
            self._lasts[place - 1] = index
        elif precedes:
            self._firsts[place] = index
        else:
            self._firsts.insert(place, index)
            self._lasts.insert(place, index)

    def __contains__(self, index: int) -> bool:
        place = bisect_right(self._firsts, index)
        return place > 0 and index <= self._lasts[place - 1]

    def __len__(self) -> int:
        return self._count

    def __str__(self) -> str:
        if self._text is None:
            self._text = ",".join(map(_shown, self._firsts, self._lasts))
        return self._text

    def _append(self, first: int, last: int) -> None:
        """Put an interval in behind all others."""
        if last < first or (self._lasts and first <= self._lasts[-1]):
            raise ValueError(f"found the interval {first}-{last} after {self}, expected intervals in order")
        self._count += last - first + 1
        self._text = None
        if self._lasts and self._lasts[-1] == first - 1:
            self._lasts[-1] = last
        else:
            self._firsts.append(first)
            self._lasts.append(last)


def _shown(first: int, last: int) -> str:
    """Write an interval; two neighbours are written `0,1`, as the real controller does."""
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"
