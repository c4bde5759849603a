"""The beat of a sandbox: after every change, and when time alone changes something, the controllers act."""

import asyncio
import logging
from collections.abc import Callable

from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.tree import Object
from tidegate.sandbox.world import World

log = logging.getLogger(__name__)

_LONGEST = 3600.0
"""Wall clocks are set and laptops sleep, so nobody waits longer than this for an instant."""


class Driver:
    """Steps a world on the running loop.

    Args:
        world: the cluster.
        clock: the time in seconds since 1970.
        after: called after each step, such as the runtime's `poke`.
    """

    def __init__(self, world: World, clock: Callable[[], float], after: Callable[[], None]) -> None:
        self._world, self._clock, self._after = world, clock, after
        self._next: asyncio.Handle | None = None
        self._is_due = False
        self._is_running = False
        world.on_change(self._note)

    def start(self) -> None:
        """Begin, with a first step soon."""
        self._is_running = True
        self._schedule()

    def stop(self) -> None:
        """Leave the world alone from now on."""
        self._is_running = False
        if self._next is not None:
            self._next.cancel()

    def _note(self, _kind: Kind, _change: str, _obj: Object) -> None:
        self._schedule()

    def _schedule(self) -> None:
        if self._is_running and not self._is_due:
            self._is_due = True
            if self._next is not None:
                self._next.cancel()
            self._next = asyncio.get_running_loop().call_soon(self._beat)

    def _beat(self) -> None:
        now = self._clock()
        try:
            wake = self._world.step(now)
        except Exception:
            log.exception("a controller of the sandbox failed")
            wake = now + 1.0
        self._is_due = False  # what the step itself has changed, it has dealt with
        if wake is not None:
            delay = min(max(wake - now, 0.0), _LONGEST)
            self._next = asyncio.get_running_loop().call_later(delay, self._beat)
        self._after()
