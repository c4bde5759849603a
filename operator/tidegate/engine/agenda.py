"""What is to happen later, on paper: time passes from one event to the next and is never waited for."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count


@dataclass(slots=True)
class Agenda:
    """It is `now`, in seconds since the epoch; events of the same instant happen in the order they were entered in."""

    now: float
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Enter something that happens so many seconds from now."""
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), happen))

    def pass_time(self, until: float | None) -> bool:
        """Let time pass to the next event, or until then if that is sooner; False when neither will ever come."""
        instants = [until] if until is not None and until > self.now else []
        instants += [self._due[0][0]] if self._due else []
        if not instants:
            return False
        self.now = min(instants)
        while self._due and self._due[0][0] <= self.now:
            heapq.heappop(self._due)[2]()
        return True
