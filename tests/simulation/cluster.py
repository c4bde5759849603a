"""The simulated cluster: the sandbox's model of one on the loop's time, and who is told of its changes."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.world import World

T = TypeVar("T")
Object = dict[str, Any]

START = 1_764_000_000.0
"""When simulations begin: the loop's own time is the wall time, so that no rounding lies between them."""

RESOLUTION = 1e-6
"""Seconds that a timer of the model is set late at least, so that time moves."""


class Cluster:
    """A world that steps after each change and when its timers are due; `after` is called after each step."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        uids = itertools.count(1)
        self.world = World(now=self.now(), new_uid=lambda: f"uid-{next(uids):06d}", history=1_000_000)
        self.after: Callable[[], None] = lambda: None
        self.changes = 0
        self.remembered: dict[str, Any] = {}
        """What readers make of an object, by its resourceVersion: objects never change, and operators read the same."""
        self._followers: dict[str, list[Callable[[], None]]] = defaultdict(list)
        self._is_due = False
        self._timer: Any = None
        self.world.on_change(self._changed)

    def now(self) -> float:
        """Give the wall time."""
        return self._loop.time()

    def change(self, what: Callable[[], T]) -> T:
        """Do something to the world now; gives what it gives."""
        self.world.now = self._loop.time()
        return what()

    def follow(self, kind: Kind, told: Callable[[], None]) -> Callable[[], None]:
        """Have `told` called after each change of a kind; gives what ends that."""
        followers = self._followers[kind.plural]
        followers.append(told)
        return lambda: followers.remove(told)

    def _changed(self, kind: Kind, _change: str, _obj: Object) -> None:
        self.changes += 1
        for told in self._followers[kind.plural]:
            told()
        self.soon()

    def soon(self) -> None:
        """Have the controllers look before anything else happens."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._step)

    def _step(self) -> None:
        self._is_due = False
        now = self._loop.time()
        wake = self.world.step(now)
        self.after()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if wake is None else self._loop.call_later(max(RESOLUTION, wake - now), self._step)
