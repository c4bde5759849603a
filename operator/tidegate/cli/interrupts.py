"""Ctrl-C and SIGTERM: who is told of them, and that it stays so whatever libraries do.

`run` is for commands that have an operator inside: kopf puts handlers of its own in place when it starts, and they
would end kopf alone.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """What the next signal does: it cancels the task that listens, unless something milder is set."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel
        self.on_first: Callable[[], None] | None = None

    def interrupt(self) -> None:
        """Take one signal."""
        mild, self.on_first = self.on_first, None
        if mild is not None:
            mild()
        else:
            self._cancel()


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Listen to signals on behalf of the current task; expects to be inside of `run`."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is None:
        raise RuntimeError("there is no task to cancel")
    listener = Interrupts(task.cancel)
    for number in _SIGNALS:
        loop.add_signal_handler(number, listener.interrupt)
    try:
        yield listener
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


class _Loop(asyncio.SelectorEventLoop):
    """A loop on which the first handler of a signal stays until it is removed."""

    def __init__(self) -> None:
        super().__init__()
        self._held: set[int] = set()

    def add_signal_handler(self, sig: int, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Set the handler if the signal has none."""
        if sig not in self._held:
            self._held.add(sig)
            super().add_signal_handler(sig, callback, *args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Remove the handler."""
        self._held.discard(sig)
        return super().remove_signal_handler(sig)
