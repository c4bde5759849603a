"""Where an operator stands in the middle of a look: its coroutines, frame by frame, as a value that can be compared.

With what it remembers that is all that decides how it goes on. What is neither frozen nor known here is refused,
so that nothing that matters is ever left out.
"""

import asyncio
from collections.abc import Coroutine, Hashable, Iterator
from functools import partial
from types import CodeType, FrameType, MethodType
from typing import Any

from explorer.client import ExploredClient
from explorer.liveness import live
from explorer.memory import Prints
from tidegate.kube.calling import Calling
from tidegate.kube.carrying import Carrier
from tidegate.kube.claims import Claims
from tidegate.kube.entrance import Entrance
from tidegate.kube.history import Historian
from tidegate.kube.inbox import Inbox
from tidegate.kube.jobs import Jobs
from tidegate.kube.limits import Limits
from tidegate.kube.queue import WorkQueue
from tidegate.kube.reconciler import Reconciler
from tidegate.kube.reporting import Reporter
from tidegate.kube.session import Session
from tidegate.kube.store import Store
from tidegate.kube.waiting import Waiting

_PARTS = (
    *(ExploredClient, Carrier, Calling, Claims, Entrance, Historian, Inbox, Jobs, Limits, WorkQueue, Reconciler),
    *(Reporter, Store, Waiting, MethodType, partial),
)
"""What is the same for the whole life of a process, or compared elsewhere."""

_IDLE_WORDS = frozenset({("Reconciler._advance", "heard"), ("Reconciler.reconcile", "obj")})
"""Variables of which nothing comes: a measurement, and the end of a run that cannot be read, which none is here."""

_REQUEST = ("ExploredClient._ask", "request")


class Standing:
    """Follows the tasks of one process."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def take(self, task: asyncio.Task[Any]) -> None:
        """Follow a task that begins."""
        self._tasks.append(task)

    @property
    def is_over(self) -> bool:
        """Whether nothing goes on."""
        return all(task.done() for task in self._tasks)

    def print_of(self, main: asyncio.Task[Any] | None, prints: Prints, sessions: dict[str, Session]) -> Hashable:
        """Give where it stands. What tasks gave that nobody waits for any more is left out."""
        self._tasks = [task for task in self._tasks if task is main or not task.done() or not self._is_left(main)]
        return tuple(
            _result(task) if task.done() else (task is main, *_frames(task.get_coro(), prints, sessions))
            for task in self._tasks
        )

    async def end(self) -> None:
        """Give up whatever goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _is_left(self, main: asyncio.Task[Any] | None) -> bool:
        """Whether nobody waits for what has ended: the look is over, or waits for no other task."""
        return main is None or main.done() or all(task.done() for task in self._tasks if task is not main)


def _result(task: asyncio.Task[Any]) -> Hashable:
    error = task.exception()
    return "done", repr(error) if error else task.result()


def _frames(coroutine: Any, prints: Prints, sessions: dict[str, Session]) -> Iterator[Hashable]:
    while isinstance(coroutine, Coroutine):
        frame: FrameType = coroutine.cr_frame  # type: ignore[attr-defined]
        code: CodeType = frame.f_code
        needed, place = live(code, frame.f_lasti), code.co_qualname
        names = (name for name in frame.f_locals if _matters(place, name, needed))
        yield place, frame.f_lasti, tuple((name, _value(frame.f_locals[name], prints, sessions)) for name in names)
        coroutine = coroutine.cr_await  # type: ignore[attr-defined]


def _matters(place: str, name: str, needed: frozenset[str]) -> bool:
    """Whether a variable may still be read; the request that waits is: by the search, which answers it."""
    return (name in needed and (place, name) not in _IDLE_WORDS) or (place, name) == _REQUEST


def _value(value: Any, prints: Prints, sessions: dict[str, Session]) -> Hashable:
    if isinstance(value, (*_PARTS, asyncio.Future, Coroutine)) or type(value).__name__ == "Process":
        return None
    if isinstance(value, Session):
        return None if sessions.get(value.run.uid) is value else prints.of(value)
    if isinstance(value, BaseException):
        return repr(value)
    if isinstance(value, (list, tuple)) and any(isinstance(each, Coroutine) for each in value):
        return len(value)
    return prints.of(value)
