"""Where time comes from: passed in, so that tests and simulations have their own."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where time comes from: `wall` in seconds since the epoch, `monotonic` in seconds that never jump."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]
