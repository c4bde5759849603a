"""How many requests may be in flight at once: found by trying, as TCP does.

Each answer that is not 429 widens the gate a little, a 429 halves it (once for all requests that were in flight
together) and closes it for as long as Retry-After says.
"""

import asyncio
from collections import deque
from typing import Self

_FIRST = 8.0


class Gate:
    """An async context manager around each request; waiters go through in the order in which they came.

    Args:
        most: requests in flight that are never exceeded.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._limit = min(_FIRST, self._most)
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0
        self._narrowed_at = float("-inf")

    @property
    def limit(self) -> int:
        """Requests that may be in flight at present."""
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        """Requests that went through and have not come back."""
        return self._in_flight

    async def __aenter__(self) -> Self:
        """Wait for a place."""
        if not self._waiters and self._is_open():
            self._in_flight += 1
            return self
        loop = asyncio.get_running_loop()
        place: asyncio.Future[None] = loop.create_future()
        self._waiters.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()  # the place was given in the moment in which we were cancelled
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give the place back."""
        self._leave()

    def succeeded(self) -> None:
        """Take note of an answer that was not 429: one more for each round of all that are in flight."""
        self._limit = min(self._most, self._limit + 1.0 / self._limit)
        self._admit()

    def throttled(self, sent_at: float, retry_after: float | None) -> None:
        """Take note of a 429 to a request that was sent at an instant of the loop's clock."""
        loop = asyncio.get_running_loop()
        if sent_at >= self._narrowed_at:
            self._narrowed_at = loop.time()
            self._limit = max(1.0, self._limit / 2)
        if retry_after:
            self._closed_until = max(self._closed_until, loop.time() + retry_after)
            loop.call_at(self._closed_until, self._admit)

    def _is_open(self) -> bool:
        return self._in_flight < int(self._limit) and asyncio.get_running_loop().time() >= self._closed_until

    def _leave(self) -> None:
        self._in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiters and self._is_open():
            place = self._waiters.popleft()
            if not place.done():
                self._in_flight += 1
                place.set_result(None)
