"""The indexes of an Indexed Job that have no pod, in the order in which they get one: the lowest first.

As in the real controller an index that waits for its back-off keeps its place in line: with room for one pod, the
back-off of index 0 holds up all others.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable


class IndexQueue:
    """What is pending. The cost of a step depends on what has changed, not on how many indexes there are.

    Args:
        completions: how many indexes there are.
        is_taken: tells of an index that was never given back whether it is done, or else will be given back: the
            queue does not begin with an untouched Job when a sandbox is started again.
    """

    def __init__(self, completions: int, is_taken: Callable[[int], bool]) -> None:
        self._completions = completions
        self._is_taken = is_taken
        self._untried = 0
        """All pending indexes from here on were never given back."""
        self._returned: list[int] = []
        self._waiting: list[int] = []
        self._due: dict[int, float] = {}
        self._dues: list[tuple[float, int]] = []

    def give_back(self, index: int, due: float) -> None:
        """Put an index that has no pod any more in line, or change its turn; it gets no pod before `due`."""
        self.drop(index)
        insort(self._waiting, index)
        self._due[index] = due
        heapq.heappush(self._dues, (due, index))

    def drop(self, index: int) -> None:
        """Take an index that was given back out of line: it is done after all."""
        if self._due.pop(index, None) is not None:
            del self._waiting[bisect_left(self._waiting, index)]
        elif index in self._returned:
            self._returned.remove(index)
            heapq.heapify(self._returned)

    def take(self, room: int, now: float) -> list[int]:
        """Give those of the `room` lowest indexes in line whose back-off is over, and take them out."""
        self._wake(now)
        taken: list[int] = []
        while len(taken) < room:
            lowest = self._lowest()
            if lowest is None or bisect_left(self._waiting, lowest) + len(taken) >= room:
                break
            self._remove(lowest)
            taken.append(lowest)
        return taken

    def _wake(self, now: float) -> None:
        """Let go of those whose back-off is over."""
        while self._dues and self._dues[0][0] <= now:
            due, index = heapq.heappop(self._dues)
            if self._due.get(index) == due:
                del self._due[index], self._waiting[bisect_left(self._waiting, index)]
                heapq.heappush(self._returned, index)

    def _lowest(self) -> int | None:
        """Give the lowest index that may have a pod now."""
        while self._untried < self._completions and self._is_taken(self._untried):
            self._untried += 1
        untried = self._untried if self._untried < self._completions else None
        if not self._returned:
            return untried
        return self._returned[0] if untried is None else min(untried, self._returned[0])

    def _remove(self, lowest: int) -> None:
        if self._returned and self._returned[0] == lowest:
            heapq.heappop(self._returned)
        else:
            self._untried += 1
