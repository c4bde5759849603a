"""Operators as automata, learnt as they are needed: in this state, given this, the production code goes to that state.

An operator between two looks is what it remembers. One in the middle of a look is what it remembered when it began,
and all that it was told since: so it can be brought to that point again, though coroutines cannot be copied. Equal
states have equal numbers; what was once worked out is never worked out again, however often the search comes by.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from explorer.apiserver import News
from explorer.client import Shared
from explorer.memory import Prints
from explorer.process import Memory, Process
from explorer.requests import Answer, Request
from virtual_loop import VirtualLoop

_A_MOMENT = 1e-6

Look, Wake = "look", "wake"


@dataclass(frozen=True, slots=True)
class Answered:
    """A request was answered, after so many seconds on the operator's clock."""

    request: Request
    answer: Answer
    seconds: float = 0.0


Input = str | Answered | tuple[News, ...]


@dataclass(frozen=True, slots=True)
class Local:
    """A state: `base` is the memory before the look, `told` what came since; `pending` are its unanswered requests.

    `may_look` and `may_wake` say what it can do by itself: time passes only once nothing of a look goes on any more.
    """

    base: Memory
    told: tuple[Input, ...] = ()
    pending: tuple[Request, ...] = ()
    failed: str = ""
    may_look: bool = False
    may_wake: bool = False


@dataclass(slots=True)
class Operators:
    """All states of all operators of a search, by number."""

    shared: Shared
    first: tuple[News, ...]
    locals: list[Local] = field(default_factory=list)
    _numbers: dict[Hashable, int] = field(default_factory=dict)
    _after: dict[tuple[int, Input], int] = field(default_factory=dict)
    _prints: Prints = field(default_factory=Prints)
    _loop: VirtualLoop = field(default_factory=VirtualLoop)

    def __getitem__(self, number: int) -> Local:
        return self.locals[number]

    def born(self, news: tuple[News, ...]) -> int:
        """Give an operator that has just started and listed everything."""
        empty = self._idle(Memory())
        return self.after(empty, (*self.first, *news))

    def after(self, number: int, what: Input) -> int:
        """Give the state that follows."""
        key = (number, what)
        if key not in self._after:
            local = self.locals[number]
            if isinstance(what, tuple):
                what = _in_order(what)
            self._after[key] = self._worked(local, what)
        return self._after[key]

    def _worked(self, local: Local, what: Input) -> int:
        return self._loop.run_until_complete(self._work(local, what))

    async def _work(self, local: Local, what: Input) -> int:
        process, told = Process(self.shared, local.base), (*local.told, what)
        self._loop.set_task_factory(lambda loop, coro, **_: _followed(process, asyncio.Task(coro, loop=loop)))
        for each in told:
            _feed(process, each)
            await asyncio.sleep(_A_MOMENT)  # on virtual time: until nothing is left that could go on
        if process.failed is not None:
            return self._number(("failed", repr(process.failed)), Local(local.base, (), (), repr(process.failed)))
        if process.is_quiet:
            return self._idle(process.memory())
        is_rung = process.is_free and process.wishes[0]
        pending = tuple(request for request, _ in process.client.pending)
        local = Local(local.base, told, pending, may_look=is_rung)
        number = self._number(process.print_of(self._prints), local)
        await process.close()
        return number

    def _idle(self, memory: Memory) -> int:
        print_ = (self._prints.of(memory.store), self._prints.of(memory.sessions), memory.is_rung, memory.is_set)
        return self._number(
            print_, Local(memory, may_look=memory.is_rung, may_wake=memory.is_set and not memory.is_rung)
        )

    def _number(self, key: Hashable, local: Local) -> int:
        number = self._numbers.setdefault(key, len(self.locals))
        if number == len(self.locals):
            self.locals.append(local)
        return number


def _followed(process: Process, task: "asyncio.Task[Any]") -> "asyncio.Task[Any]":
    process.took(task)
    return task


def _in_order(heard: tuple[News, ...]) -> tuple[News, ...]:
    """Put what is heard at one point into the order of kinds: only within a kind does it make a difference."""
    return tuple(sorted(heard, key=lambda news: news.kind))


def _feed(process: Process, what: Input) -> None:
    if isinstance(what, Answered):
        process.answer(what.request, what.answer, what.seconds)
    elif isinstance(what, tuple):
        for news in what:
            process.hear(news)
    elif what == Look:
        process.look()
    else:
        process.wake()
