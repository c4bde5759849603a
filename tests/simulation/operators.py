"""A simulated operator process: the production reconciler on views that lag, that may crash and start anew."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable  # noqa: TC003  types of attributes
from functools import lru_cache, partial

from prometheus_client import CollectorRegistry

from simulation.chance import Chance
from simulation.client import SimulatedClient, kind_of
from simulation.cluster import Cluster
from simulation.views import View, seen
from tidegate.engine.facts import JobFact, PodFact
from tidegate.errors import ApiError
from tidegate.kube.answering import ApprovalReconciler
from tidegate.kube.backfiller import Backfiller
from tidegate.kube.backfillruns import BackfillRuns
from tidegate.kube.clocks import Clocks
from tidegate.kube.firing import Firing
from tidegate.kube.flows import FlowReconciler
from tidegate.kube.graphs import Graphs
from tidegate.kube.inbox import Inbox, Queues
from tidegate.kube.observing import see_job, see_pod
from tidegate.kube.queue import WorkQueue
from tidegate.kube.reconciler import Reconciler
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import BACKFILLS, FLOWAPPROVALS, FLOWRUNS, FLOWS, JOBS, PODS
from tidegate.kube.scheduler import Scheduler
from tidegate.kube.store import RunKey, Store
from tidegate.metrics import Metrics

UNEXPECTED = (ApiError, asyncio.CancelledError)
WORKERS = 4


@lru_cache(maxsize=1)
def shared_graphs() -> Graphs:
    """Give the compiled Flows of this process: they are found by content, so all simulations may share them."""
    return Graphs()


@lru_cache(maxsize=1)
def shared_metrics() -> Metrics:
    """Give metrics that nobody reads."""
    return Metrics(CollectorRegistry())


class OperatorProcess:
    """Lives until its cluster is done; `errors` collects what must never be raised."""

    def __init__(
        self, name: str, cluster: Cluster, chance: Chance, counts: Counter[str], metrics: Metrics | None = None
    ) -> None:
        self.name, self._cluster, self._chance, self._counts = name, cluster, chance, counts
        self.metrics = metrics or shared_metrics()
        self.skew: Callable[[], float] = lambda: 0.0
        """By how many seconds the clock that schedules go by is wrong."""
        self.errors: list[BaseException] = []
        self.crashes = 0
        self._life: asyncio.Task[None] | None = None
        self._frozen_until = 0.0

    async def run(self) -> None:
        """Live, crash, and live again, with an empty memory each time."""
        while True:
            self._life = asyncio.create_task(self._live())
            try:
                await asyncio.wait({self._life})
            finally:
                if not self._life.done():
                    self._life.cancel()
                    await asyncio.gather(self._life, return_exceptions=True)
            self.crashes += 1
            is_long = self._chance.strikes("outage")
            await asyncio.sleep(self._chance.seconds(0.1, 900.0 if is_long else 30.0))

    def crash(self) -> None:
        """Die at the next instruction that waits."""
        if self._life is not None:
            self._life.cancel()
            current = asyncio.current_task()
            if current is not None:
                current.cancel()
            raise asyncio.CancelledError

    def freeze(self) -> float:
        """Give the instant before which the process stands still, as one whose node swaps or that was stopped."""
        if self._chance.strikes("frozen"):
            self._frozen_until = self._cluster.now() + self._chance.seconds(1.0, 60.0)
        return self._frozen_until

    async def _live(self) -> None:
        store, rng = Store(), random.Random(self._chance.throw())
        loop = asyncio.get_running_loop()
        clocks = Clocks(self._cluster.now, loop.time)
        client = SimulatedClient(self._cluster, self._chance, self.crash, self.freeze, self._counts)
        runs: WorkQueue[RunKey] = WorkQueue(rng=rng, on_error=self._failed)
        flows: WorkQueue[RunKey] = WorkQueue(rng=rng, on_error=self._failed)
        approvals: WorkQueue[RunKey] = WorkQueue(rng=rng, on_error=self._failed)
        reporter = Reporter(client, self.metrics, self.name)
        reconciler = Reconciler(client, store, runs, shared_graphs(), reporter, clocks)
        triggers: WorkQueue[RunKey] = WorkQueue(rng=rng, on_error=self._failed)
        firing = Firing(client, store, shared_graphs(), lambda: self._cluster.now() + self.skew())
        scheduler = Scheduler(client, store, triggers, runs, reporter, firing)
        judge = FlowReconciler(client, store, shared_graphs(), clocks, triggers.add)
        answerer = ApprovalReconciler(client, store, approvals, clocks.wall)
        backfills: WorkQueue[RunKey] = WorkQueue(rng=rng, on_error=self._failed)
        work = BackfillRuns(client, store, shared_graphs(), firing.now)
        backfiller = Backfiller(client, store, backfills, runs, reporter, work)
        queues = Queues(runs, flows, approvals, backfills)
        views = self._views(Inbox(store, queues, reconciler.forget, loop.time))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(runs.run(reconciler.reconcile, WORKERS))
                group.create_task(flows.run(judge.reconcile, 1))
                group.create_task(triggers.run(scheduler.reconcile, WORKERS))
                group.create_task(approvals.run(answerer.reconcile, 1))
                group.create_task(backfills.run(backfiller.reconcile, 1))
        finally:
            for view in views:
                view.close()

    def _views(self, inbox: Inbox) -> list[View]:
        view, memory = partial(View, self._cluster, self._chance, thawed=lambda: self._frozen_until), self._cluster
        return [
            view(kind_of(FLOWS), inbox.flow),
            view(kind_of(FLOWRUNS), inbox.run),
            view(kind_of(FLOWAPPROVALS), inbox.approval),
            view(kind_of(BACKFILLS), inbox.backfill),
            view(kind_of(JOBS), seen(see_job, inbox.child, memory.remembered), partial(inbox.listed, JobFact)),
            view(kind_of(PODS), seen(see_pod, inbox.child, memory.remembered), partial(inbox.listed, PodFact)),
        ]

    def _failed(self, _key: RunKey, error: BaseException) -> None:
        if not isinstance(error, UNEXPECTED):
            self.errors.append(error)
