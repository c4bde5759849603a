"""An event loop whose time jumps to the next timer: waits of hours take no time, and each run is the same.

It has no file descriptors, threads or child processes. When every task waits and no timer is left the loop
raises `Deadlock` instead of hanging, and `Livelock` when time does not move any more. It is lean, for simulations
spend a third of their time in it: no debug mode, and callbacks run without a context of their own.
"""

import asyncio
import functools
import heapq
import itertools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Deadlock(RuntimeError):
    """Everybody waits and nothing will ever wake them."""


class Livelock(RuntimeError):
    """Something goes on and on at one instant, so that time will never move."""


MOST_AT_ONCE = 50_000
"""Callbacks at one instant; simulations of dozens of objects take hundreds."""


class Call:
    """A callback that waits for its turn: what `call_soon` and `call_at` give."""

    __slots__ = ("_args", "_callback", "_when")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], when: float = 0.0) -> None:
        self._callback: Callable[..., object] | None = callback
        self._args, self._when = args, when

    def cancel(self) -> None:
        """Take it back."""
        self._callback, self._args = None, ()

    def cancelled(self) -> bool:
        """Whether it was taken back."""
        return self._callback is None

    def when(self) -> float:
        """Give the instant for which it was set."""
        return self._when


class VirtualLoop(asyncio.BaseEventLoop):
    """A deterministic loop; `time()` starts at `start` and moves only while nothing is ready to run.

    `calls` counts the callbacks that ran.
    """

    def __init__(self, start: float = 1_000.0) -> None:
        super().__init__()
        self.calls = self._calls_before = 0
        self._now = start
        self._timers: list[tuple[float, int, Call]] = []
        self._tickets = itertools.count()

    def time(self) -> float:
        """Give the virtual now, in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass without running anything, as when a process was suspended or the loop blocked."""
        self._now += seconds

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        """Have the callback called in the next round, after those that were asked for before."""
        call = Call(callback, args)
        self._ready.append(call)
        return call

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        """Have the callback called at an instant; of two for the same instant the first asked for comes first."""
        call = Call(callback, args, when)
        heapq.heappush(self._timers, (when, next(self._tickets), call))
        return call

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        """Have the callback called after so many seconds."""
        return self.call_at(self._now + delay, callback, *args)

    def _run_once(self) -> None:
        """Run what is ready; when nothing is, jump to the next timer."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][2]._callback is None:
            heapq.heappop(timers)
        if not ready:
            if not timers:
                self._give_up()
            self._move_to(timers[0][0])
        while timers and timers[0][0] <= self._now:
            ready.append(heapq.heappop(timers)[2])
        if self.calls > self._calls_before + MOST_AT_ONCE:
            self._complain()
        for _ in range(len(ready)):
            call = ready.popleft()
            if call._callback is None:
                continue
            self.calls += 1
            try:
                call._callback(*call._args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - as every loop does: told, and the loop goes on
                self._tell_of(call, error)

    def _move_to(self, instant: float) -> None:
        if instant > self._now:
            self._now, self._calls_before = instant, self.calls

    def _complain(self) -> None:
        busy = sorted(str(task.get_coro()) for task in asyncio.all_tasks(self) if not task.done())
        self._calls_before = self.calls
        raise Livelock(f"{MOST_AT_ONCE:,} callbacks ran at {self._now} and time does not move; tasks: {busy[:10]}")

    def _tell_of(self, call: Call, error: BaseException) -> None:
        self.call_exception_handler({"message": f"exception in callback {call._callback}", "exception": error})

    def _give_up(self) -> None:
        waiting = [task.get_name() for task in asyncio.all_tasks(self) if not task.done()]
        raise Deadlock(f"no timer is left and these tasks wait: {', '.join(sorted(waiting)) or 'none'}")

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
