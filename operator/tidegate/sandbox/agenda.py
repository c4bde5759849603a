"""What the controllers of the model still have to look at, now or at a later instant, in a fixed order."""

import heapq
from collections import deque

Look = tuple[str, str]
"""(controller, uid): the controller looks at the object again and does what is missing."""


class Agenda:
    """First in, first out, each look once; timers add looks when they are due."""

    def __init__(self) -> None:
        self._ready: deque[Look] = deque()
        self._waiting: set[Look] = set()
        self._timers: list[tuple[float, int, Look]] = []
        self._set: set[tuple[float, Look]] = set()
        self._count = 0

    def add(self, controller: str, uid: str) -> None:
        """Ask for a look as soon as possible."""
        look = (controller, uid)
        if look not in self._waiting:
            self._waiting.add(look)
            self._ready.append(look)

    def add_at(self, when: float, controller: str, uid: str) -> None:
        """Ask for a look at an instant; asking again for the same changes nothing."""
        look = (controller, uid)
        if (when, look) not in self._set:
            self._set.add((when, look))
            self._count += 1
            heapq.heappush(self._timers, (when, self._count, look))

    def pop(self, now: float) -> Look | None:
        """Take the next look that is due."""
        while self._timers and self._timers[0][0] <= now:
            when, _, look = heapq.heappop(self._timers)
            self._set.discard((when, look))
            self.add(*look)
        if not self._ready:
            return None
        look = self._ready.popleft()
        self._waiting.discard(look)
        return look

    def next_wake(self) -> float | None:
        """Give the instant of the earliest timer."""
        return self._timers[0][0] if self._timers else None
