"""Where time comes from: passed in, so that tests and simulations have their own."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where time comes from: `wall` in seconds since the epoch, `monotonic` in seconds that never jump."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]


_TOLERANCE = 2.0
"""Seconds by which two clocks may differ before it is asked which is right: dates of answers have whole seconds."""


class SteadyClock:
    """The time of day that schedules go by: that of the API server, carried on by a clock that never jumps.

    A node whose clock is set a day ahead must not start tomorrow's runs. So our own wall clock counts only while it
    agrees with the API server's, and between two answers no jump of it is believed.

    Args:
        clocks: our own.
        on_moved: called when it was found that the time is another than was thought.
    """

    def __init__(self, clocks: Clocks, on_moved: Callable[[], None] = lambda: None) -> None:
        self._clocks, self._on_moved = clocks, on_moved
        self._offset = clocks.wall() - clocks.monotonic()

    def now(self) -> float:
        """Give the time in seconds since the epoch."""
        return self._clocks.monotonic() + self._offset

    def measured(self, skew: float | None) -> None:
        """Take by how many seconds the API server's clock was found ahead of ours just now; None when it is unknown."""
        offset = self._clocks.wall() - self._clocks.monotonic()
        if skew is not None and abs(skew) > _TOLERANCE:
            offset += skew
        has_moved = abs(offset - self._offset) > 1.0
        self._offset = offset
        if has_moved:
            self._on_moved()
