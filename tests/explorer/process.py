"""One operator process: the production reconciler, store and inbox, fed by hand one thing after another."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry

from explorer.apiserver import News
from explorer.bell import Bell
from explorer.client import ExploredClient, Shared
from explorer.manifests import EPOCH, NAME, NAMESPACE
from explorer.memory import Prints, forked, rebase
from explorer.requests import Answer, Request
from explorer.standing import Standing
from tidegate.errors import ApiError
from tidegate.kube.clocks import Clocks
from tidegate.kube.graphs import Graphs
from tidegate.kube.inbox import Inbox, Queues
from tidegate.kube.observing import see_job, see_pod
from tidegate.kube.reconciler import Reconciler
from tidegate.kube.reporting import Reporter
from tidegate.kube.session import Session
from tidegate.kube.store import Store
from tidegate.metrics import Metrics

KEY = (NAMESPACE, NAME)
_METRICS = Metrics(CollectorRegistry())
_GRAPHS = Graphs()


@dataclass(slots=True)
class Memory:
    """What a process knows between two looks at the run; its clock stands at 0 then."""

    store: Store = field(default_factory=Store)
    sessions: dict[str, Session] = field(default_factory=dict)
    is_rung: bool = False
    is_set: bool = False


class Process:
    """Goes on from a memory, which stays as it is. `failed` is what must never be raised."""

    def __init__(self, shared: Shared, memory: Memory) -> None:
        self._shared = shared
        self.client = ExploredClient(shared)
        self._store, self._bell = forked(memory.store), Bell(is_rung=memory.is_rung, is_set=memory.is_set)
        clocks = Clocks(lambda: EPOCH, lambda: self._bell.clock)
        reporter = Reporter(self.client, _METRICS, "operator")
        self._reconciler = Reconciler(self.client, self._store, self._bell, _GRAPHS, reporter, clocks)
        self._reconciler._sessions = forked(memory.sessions)
        queues = Queues(self._bell, Bell(), Bell(), Bell())
        self._inbox = Inbox(self._store, queues, self._reconciler.forget, clocks.monotonic)
        self._work: asyncio.Task[None] | None = None
        self.standing = Standing()
        self.failed: BaseException | None = None

    @property
    def is_free(self) -> bool:
        """Whether it is between two looks, so that it may begin another."""
        return self._work is None or self._work.done()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing of it goes on: a look that failed may have left something behind that does."""
        return self.is_free and self.standing.is_over

    @property
    def wishes(self) -> tuple[bool, bool]:
        """Whether it is to look, and whether it wants to look again later."""
        return self._bell.is_rung, self._bell.is_set

    def hear(self, news: News) -> None:
        """Take what a watch tells."""
        obj = self._shared.library[news.object]
        if news.kind == "run":
            self._inbox.run(news.change, obj)
        elif news.kind == "flow":
            self._inbox.flow(news.change, obj)
        else:
            seen = see_job(obj) if news.kind == "job" else see_pod(obj)
            assert seen is not None, obj
            self._inbox.child(news.change, seen)

    def wake(self) -> None:
        """Let time pass until it wanted to look again."""
        self._bell.go_on()

    def look(self) -> None:
        """Begin a look at the run."""
        self._bell.is_rung = False
        self._work = asyncio.ensure_future(self._reconcile())

    def answer(self, request: Request, answer: Answer, seconds: float) -> None:
        """Answer a request after so many seconds."""
        self._bell.clock += seconds
        self.client.answer(request, answer)

    async def _reconcile(self) -> None:
        try:
            await self._reconciler.reconcile(KEY)
        except ApiError:
            self._bell.retry(KEY)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the search looks for
            self.failed = error

    def print_of(self, prints: Prints) -> Hashable:
        """Give all that decides how it goes on, in the middle of a look."""
        sessions = self._reconciler._sessions
        remembered = prints.of(self._store), prints.of(sessions), self._bell.clock, self.wishes
        return self.standing.print_of(self._work, prints, sessions), remembered

    def memory(self) -> Memory:
        """Give what it knows; it must not be used any more."""
        sessions = self._reconciler._sessions
        for session in sessions.values():
            rebase(session, self._bell.clock)
        return Memory(self._store, sessions, self._bell.is_rung, self._bell.is_set)

    def took(self, task: asyncio.Task[Any]) -> None:
        """Follow a task of its own that began."""
        self.standing.take(task)

    async def close(self) -> None:
        """Give up what it is doing."""
        await self.standing.end()
