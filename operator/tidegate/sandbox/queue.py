"""What the world's controllers still have to look at, now or at a later instant, in a fixed order."""

import heapq
from collections import deque

Task = tuple[str, str]
"""(controller, uid): a controller looks at the object again and does what is missing."""


class Queue:
    """First in, first out, each task once; timers put tasks in when they are due.

    A task keeps only its earliest timer: a look does everything that is due and sets the next timer itself.
    """

    def __init__(self) -> None:
        self._ready: deque[Task] = deque()
        self._waiting: set[Task] = set()
        self._timers: list[tuple[float, int, Task]] = []
        self._count = 0
        self._soonest: dict[Task, float] = {}

    def add(self, task: Task) -> None:
        """Ask for a look as soon as possible."""
        if task not in self._waiting:
            self._waiting.add(task)
            self._ready.append(task)

    def add_at(self, when: float, task: Task) -> None:
        """Ask for a look at an instant."""
        if self._soonest.get(task, when + 1) <= when:
            return
        self._soonest[task] = when
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, task))

    def pop(self, now: float) -> Task | None:
        """Take the next task, None when nothing is due."""
        self._drop_replaced()
        while self._timers and self._timers[0][0] <= now:
            task = heapq.heappop(self._timers)[2]
            del self._soonest[task]
            self.add(task)
            self._drop_replaced()
        if not self._ready:
            return None
        task = self._ready.popleft()
        self._waiting.discard(task)
        return task

    def next_wake(self) -> float | None:
        """Give the instant of the earliest timer."""
        self._drop_replaced()
        return self._timers[0][0] if self._timers else None

    def _drop_replaced(self) -> None:
        while self._timers and self._soonest.get(self._timers[0][2]) != self._timers[0][0]:
            heapq.heappop(self._timers)
