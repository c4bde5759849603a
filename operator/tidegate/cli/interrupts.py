"""Ctrl-C (and SIGTERM) in two steps: the first asks, the second does not."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

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
    """Listen to signals on behalf of the current task."""
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
