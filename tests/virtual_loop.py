"""An event loop whose time jumps to the next timer: waits of hours take no time, and each run is the same.

It has no file descriptors, threads or child processes. When every task waits and no timer is left the loop
raises `Deadlock` instead of hanging.
"""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Deadlock(RuntimeError):
    """Everybody waits and nothing will ever wake them."""


class VirtualLoop(asyncio.BaseEventLoop):
    """A deterministic loop; `time()` starts at `start` and moves only while nothing is ready to run."""

    def __init__(self, start: float = 1_000.0) -> None:
        super().__init__()
        self._now = start
        self._selector = self  # the base loop calls `_selector.select(timeout)` when nothing is ready
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Give the virtual now, in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass without running anything, as when a process was suspended or the loop blocked."""
        self._now += seconds

    def select(self, timeout: float | None) -> list[Any]:
        """Jump to the next timer; with `None` there is none."""
        if timeout is None:
            waiting = [task.get_name() for task in asyncio.all_tasks(self) if not task.done()]
            raise Deadlock(f"no timer is left and these tasks wait: {', '.join(sorted(waiting)) or 'none'}")
        if timeout > 0:
            self._now = max(self._now, self._scheduled[0].when())
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody has to be woken: there is one thread."""


def run(main: Coroutine[Any, Any, T], *, start: float = 1_000.0) -> T:
    """Run a coroutine to its end on a loop of its own, as `asyncio.run` does, without waiting."""
    loop = VirtualLoop(start)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        try:
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def on_virtual_time(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a test of a coroutine: `@on_virtual_time async def test_...(): await asyncio.sleep(3600)`."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(test(*args, **kwargs))

    return wrapper


def _cancel_all(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
