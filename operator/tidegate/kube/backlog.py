"""The books of the work queue: which keys wait, which are worked on, which will be due; no loop and no clock.

All instants are floats of one clock that the caller chooses. `queue.py` drives this from an event loop.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)

# Strict priorities would let a flood of completions starve the resync, so one take in this many
# goes to whoever has waited longest.
_FAIR_SHARE = 8


class Priority(IntEnum):
    """What is worked on first: a smaller number comes earlier."""

    COMPLETION = 0
    NEW = 1
    RESYNC = 2


_PRIORITIES = tuple(Priority)


class Taken(NamedTuple, Generic[K]):
    """A key to work on now, and the seconds that it waited."""

    key: K
    waited: float


@dataclass(slots=True)
class _Place:
    priority: Priority
    since: float
    ticket: int


class Backlog(Generic[K]):
    """Deduplicated keys in three priorities; each key is worked on by at most one worker at a time."""

    def __init__(self) -> None:
        self._tickets = itertools.count()
        self._takes = 0
        self._waiting: dict[K, _Place] = {}
        self._lines: dict[Priority, deque[tuple[K, int]]] = {priority: deque() for priority in Priority}
        self._working: dict[K, float] = {}
        self._dirty: dict[K, _Place] = {}
        self._wakes: dict[K, tuple[float, Priority]] = {}
        self._heap: list[tuple[float, int, K]] = []

    def add(self, key: K, now: float, priority: Priority = Priority.NEW) -> bool:
        """Queue a key; tell whether it was not queued yet.

        A waiting key keeps its place in time and moves up if the new priority is better; a key that is being worked
        on is marked dirty and queued again when its worker is done.
        """
        if key in self._working:
            return self._mark_dirty(key, now, priority)
        if (place := self._waiting.get(key)) is None:
            self._enqueue(key, now, priority)
            return True
        if priority < place.priority:
            self._enqueue(key, place.since, priority)
        return False

    def add_at(self, key: K, when: float, priority: Priority = Priority.NEW) -> None:
        """Have the key queued at an instant; of several wishes for a key only the earliest counts."""
        earlier = self._wakes.get(key)
        if earlier is not None and earlier[0] <= when:
            self._wakes[key] = (earlier[0], min(earlier[1], priority))
            return
        self._wakes[key] = (when, priority if earlier is None else min(earlier[1], priority))
        heapq.heappush(self._heap, (when, next(self._tickets), key))

    def take(self, now: float) -> Taken[K] | None:
        """Give the next key to work on, or None; `done` must follow."""
        self._queue_due(now)
        heads = [head for priority in _PRIORITIES if (head := self._head(priority)) is not None]
        if not heads:
            return None
        self._takes += 1
        is_fair_turn = self._takes % _FAIR_SHARE == 0
        key = min(heads, key=lambda head: self._waiting[head].since) if is_fair_turn else heads[0]
        place = self._waiting.pop(key)
        self._working[key] = now
        return Taken(key, max(0.0, now - place.since))

    def done(self, key: K, now: float) -> None:
        """Give a key back; it is queued again when it was added meanwhile."""
        del self._working[key]
        if (place := self._dirty.pop(key, None)) is not None:
            self._enqueue(key, min(place.since, now), place.priority)

    def drop(self, key: K) -> None:
        """Forget that the key waits or will be due, for a key that stands for nothing any more."""
        self._waiting.pop(key, None)
        self._dirty.pop(key, None)
        self._wakes.pop(key, None)

    def next_due(self) -> float | None:
        """Give the earliest instant at which `add_at` will queue a key."""
        while self._heap and not self._is_current_wake(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    @property
    def depth(self) -> int:
        """Keys that wait to be worked on, those that will be due later excepted."""
        return len(self._waiting) + len(self._dirty)

    @property
    def working(self) -> int:
        """Keys being worked on."""
        return len(self._working)

    def oldest_since(self) -> float | None:
        """Give the instant since which the longest waiting key waits."""
        # Keys that were only marked dirty are behind their own worker, not behind the queue.
        return min((place.since for place in self._waiting.values()), default=None)

    def longest_work_since(self) -> float | None:
        """Give the instant at which the oldest work that is not done yet began."""
        return min(self._working.values(), default=None)

    def _enqueue(self, key: K, since: float, priority: Priority) -> None:
        ticket = next(self._tickets)
        self._waiting[key] = _Place(priority, since, ticket)
        self._lines[priority].append((key, ticket))

    def _mark_dirty(self, key: K, now: float, priority: Priority) -> bool:
        if (place := self._dirty.get(key)) is None:
            self._dirty[key] = _Place(priority, now, 0)
            return True
        place.priority = min(place.priority, priority)
        return False

    def _queue_due(self, now: float) -> None:
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heapq.heappop(self._heap)
            _, priority = self._wakes.pop(key)
            self.add(key, due, priority)

    def _is_current_wake(self, entry: tuple[float, int, K]) -> bool:
        wake = self._wakes.get(entry[2])
        return wake is not None and wake[0] == entry[0]

    def _head(self, priority: Priority) -> K | None:
        """Give the first key of a line, after dropping places that were given up for a better one."""
        line = self._lines[priority]
        while line:
            key, ticket = line[0]
            place = self._waiting.get(key)
            if place is not None and place.ticket == ticket:
                return key
            line.popleft()
        return None
