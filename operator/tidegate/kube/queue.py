"""The work queue: keys in, one handler at a time for each key, failures backed off key by key.

Time is the running loop's `time()`, so a loop with virtual time drives it; chance is passed in. What is queued
is a key and never an event: any number of events for a key that waits or is being worked on becomes one more look.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from tidegate.errors import ApiError
from tidegate.kube.backlog import Backlog, Priority
from tidegate.kube.backoff import backoff

__all__ = ["Priority", "WorkQueue"]

K = TypeVar("K", bound=Hashable)

log = logging.getLogger(__name__)


class WorkQueue(Generic[K]):
    """A keyed, deduplicating queue with delays, three priorities and backoff for each key.

    Args:
        rng: source of jitter.
        base: seconds of the first backoff of a key; it doubles with each failure in a row.
        cap: seconds that no backoff exceeds.
        on_add: called for each key that was newly queued.
        on_take: called with the seconds that a key waited, when work on it begins.
        on_error: called with a key whose handler raised and what it raised; the queue retries it by itself.
    """

    def __init__(
        self,
        *,
        rng: random.Random,
        base: float = 0.25,
        cap: float = 60.0,
        on_add: Callable[[], None] = lambda: None,
        on_take: Callable[[float], None] = lambda _: None,
        on_error: Callable[[K, BaseException], None] = lambda _key, _error: None,
    ) -> None:
        self._rng, self._base, self._cap = rng, base, cap
        self._on_add, self._on_take, self._on_error = on_add, on_take, on_error
        self._backlog: Backlog[K] = Backlog()
        self._failures: dict[K, int] = {}
        self._retried: set[K] = set()
        self._changed = asyncio.Event()
        self._running_since: float | None = None

    def add(self, key: K, priority: Priority = Priority.NEW) -> None:
        """Have the key worked on as soon as a worker is free."""
        if self._backlog.add(key, _now(), priority):
            self._on_add()
        self._changed.set()

    def add_at(self, key: K, when: float, priority: Priority = Priority.NEW) -> None:
        """Have the key worked on at an instant of the loop's clock; the earliest wish for a key wins.

        Work on the key before that instant does not take the wish back: the key is looked at once more.
        """
        self._backlog.add_at(key, when, priority)
        self._changed.set()

    def add_after(self, key: K, seconds: float, priority: Priority = Priority.NEW) -> None:
        """Have the key worked on in so many seconds; see `add_at`."""
        self.add_at(key, _now() + seconds, priority)

    def retry(self, key: K, *, at_least: float = 0.0, priority: Priority = Priority.NEW) -> float:
        """Count a failure of the key and have it worked on after its backoff; give the seconds until then."""
        self._failures[key] = self._failures.get(key, 0) + 1
        delay = max(at_least, backoff(self._failures[key], self._rng, base=self._base, cap=self._cap))
        self._retried.add(key)
        self.add_after(key, delay, priority)
        return delay

    def failures(self, key: K) -> int:
        """Give how many times in a row the key has failed."""
        return self._failures.get(key, 0)

    def forget(self, key: K) -> None:
        """Start the key's backoff anew; done by itself when a handler returns without having called `retry`."""
        self._failures.pop(key, None)

    def drop(self, key: K) -> None:
        """Forget the key, its backoff and its wake-ups: what it stood for is gone."""
        self._failures.pop(key, None)
        self._backlog.drop(key)

    @property
    def depth(self) -> int:
        """Keys that wait to be worked on, delayed ones excepted."""
        return self._backlog.depth

    @property
    def oldest_age(self) -> float:
        """Seconds that the longest waiting key has waited for a worker; zero while nobody runs the queue.

        A follower's queue fills while it has no work to do: only time during which `run` was active counts.
        """
        return self._age(self._backlog.oldest_since())

    @property
    def longest_work(self) -> float:
        """Seconds since the beginning of the oldest work that is not done yet."""
        return self._age(self._backlog.longest_work_since())

    async def run(self, handler: Callable[[K], Awaitable[None]], workers: int) -> None:
        """Work on keys, at most `workers` at a time, until cancelled.

        A handler that raises has its key retried with backoff; it never stops the queue. An ApiError with a
        Retry-After is retried no earlier than that.
        """
        self._running_since = _now()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._changed.clear()
                    while self._backlog.working < workers and (taken := self._backlog.take(_now())) is not None:
                        self._on_take(taken.waited)
                        group.create_task(self._work(handler, taken.key))
                    await self._wait_for_change(is_full=self._backlog.working >= workers)
        finally:
            self._running_since = None

    async def _wait_for_change(self, *, is_full: bool) -> None:
        """Wait until there is something to take; with no worker free a key that becomes due is none."""
        due = None if is_full else self._backlog.next_due()
        timer = None if due is None else asyncio.get_running_loop().call_at(due, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _work(self, handler: Callable[[K], Awaitable[None]], key: K) -> None:
        try:
            await handler(key)
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            self._fail(key, error)  # a stray one, raised inside the handler by something it awaited
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - one bad object must not stop the loop, whatever it raises
            self._fail(key, error)
        else:
            if key not in self._retried:
                self.forget(key)
        finally:
            self._retried.discard(key)
            self._backlog.done(key, _now())
            self._changed.set()

    def _fail(self, key: K, error: BaseException) -> None:
        delay = self.retry(key, at_least=getattr(error, "retry_after", None) or 0.0)
        known = isinstance(error, ApiError)
        log.log(
            logging.WARNING if known else logging.ERROR,
            "work on %s failed %d times in a row, next attempt in %.1f s: %s: %s",
            *(key, self.failures(key), delay, type(error).__name__, error),
            exc_info=None if known else error,
        )
        self._on_error(key, error)

    def _age(self, since: float | None) -> float:
        if since is None or self._running_since is None:
            return 0.0
        return max(0.0, _now() - max(since, self._running_since))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
