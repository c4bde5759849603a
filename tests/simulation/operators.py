"""A simulated operator process: the production reconciler on views that lag, that may crash and start anew."""

import asyncio
import random
from collections import Counter
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from simulation.chance import Chance
from simulation.client import SimulatedClient, kind_of
from simulation.cluster import Cluster
from tidegate.engine.facts import JobFact, PodFact
from tidegate.errors import ApiError, Gone
from tidegate.kube.clocks import Clocks
from tidegate.kube.flows import FlowReconciler
from tidegate.kube.graphs import Graphs
from tidegate.kube.inbox import Inbox
from tidegate.kube.observing import see_job, see_pod
from tidegate.kube.queue import WorkQueue
from tidegate.kube.reconciler import Reconciler
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import FLOWRUNS, FLOWS, JOBS, PODS, Resource
from tidegate.kube.store import RunKey, Store
from tidegate.metrics import Metrics
from tidegate.sandbox.kinds import Kind

UNEXPECTED = (ApiError, asyncio.CancelledError)


class OperatorProcess:
    """Lives until its cluster is done; `errors` collects what must never be raised."""

    def __init__(self, name: str, cluster: Cluster, chance: Chance, counts: Counter[str]) -> None:
        self.name, self._cluster, self._chance, self._counts = name, cluster, chance, counts
        self.errors: list[BaseException] = []
        self.crashes = 0
        self._life: asyncio.Task[None] | None = None
        self._graphs = Graphs()
        self.metrics = Metrics(CollectorRegistry())

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
            await asyncio.sleep(self._chance.seconds(0.1, 30.0))

    def crash(self) -> None:
        """Die at the next instruction that waits."""
        if self._life is not None:
            self._life.cancel()
            current = asyncio.current_task()
            if current is not None:
                current.cancel()
            raise asyncio.CancelledError

    async def _live(self) -> None:
        store, rng = Store(), random.Random(self._chance.rng.random())
        loop = asyncio.get_running_loop()
        clocks = Clocks(self._cluster.now, loop.time)
        client = SimulatedClient(self._cluster, self._chance, self.crash, self._counts)
        runs: WorkQueue[RunKey] = WorkQueue(rng=rng, on_error=self._failed)
        flows: WorkQueue[RunKey] = WorkQueue(rng=rng, on_error=self._failed)
        self.metrics = Metrics(CollectorRegistry())
        reporter = Reporter(client, self.metrics, self.name)
        reconciler = Reconciler(client, store, runs, self._graphs, reporter, clocks)
        inbox = Inbox(store, runs, flows, reconciler.forget, loop.time)
        views = [
            View(self._cluster, self._chance, FLOWS, inbox.flow),
            View(self._cluster, self._chance, FLOWRUNS, inbox.run),
            View(self._cluster, self._chance, JOBS, _seen(see_job, inbox), partial(inbox.listed, JobFact)),
            View(self._cluster, self._chance, PODS, _seen(see_pod, inbox), partial(inbox.listed, PodFact)),
        ]
        for view in views:
            view.list_all()
        async with asyncio.TaskGroup() as group:
            for view in views:
                group.create_task(view.run())
            group.create_task(runs.run(reconciler.reconcile, 4))
            judge = FlowReconciler(client, store, self._graphs, clocks)
            group.create_task(flows.run(judge.reconcile, 1))

    def _failed(self, _key: RunKey, error: BaseException) -> None:
        if not isinstance(error, UNEXPECTED):
            self.errors.append(error)


def _seen(look: Any, inbox: Inbox) -> Any:
    def take(change: str, obj: dict[str, Any]) -> None:
        seen = look(obj)
        if seen is not None:
            inbox.child(change, seen)

    return take


class View:
    """What an operator sees of one kind: the truth of a moment ago, with a cursor of its own."""

    def __init__(
        self, cluster: Cluster, chance: Chance, resource: Resource, take: Any, listed: Any = lambda *_: None
    ) -> None:
        self._listed = listed
        self._cluster, self._chance, self._kind, self._take = cluster, chance, kind_of(resource), take
        self._resource = resource
        self._cursor = 0
        self._held: dict[str, dict[str, Any]] = {}
        self._news = asyncio.Event()
        cluster.world.on_change(self._noticed)

    def _noticed(self, kind: Kind, _change: str, _obj: dict[str, Any]) -> None:
        if kind == self._kind:
            self._news.set()

    def list_all(self) -> None:
        """Look at everything anew, and tell also what is gone."""
        world = self._cluster.world
        self._cursor = world.resource_version
        present = {obj["metadata"]["uid"]: self._named(obj) for obj in world.list(self._kind)}
        for uid in [uid for uid in self._held if uid not in present]:
            self._take("DELETED", self._held.pop(uid))
        for uid, obj in present.items():
            change = "MODIFIED" if uid in self._held else "ADDED"
            self._held[uid] = obj
            self._take(change, obj)
        self._listed(None, present.keys(), self._cursor)

    async def run(self) -> None:
        """Follow, now closely, now far behind."""
        while True:
            await self._news.wait()
            await asyncio.sleep(self._chance.seconds(1, 15) if self._chance.strikes("lagging_view") else 0.005)
            self._news.clear()
            if self._chance.strikes("gap_in_view"):
                self.list_all()
                continue
            try:
                self._follow()
            except Gone:
                self.list_all()

    def _follow(self) -> None:
        for change, obj, version in self._cluster.world.events_since(self._kind, self._cursor):
            self._cursor = version
            named = self._named(obj)
            if change == "DELETED":
                self._held.pop(obj["metadata"]["uid"], None)
            else:
                self._held[obj["metadata"]["uid"]] = named
            self._take(change, named)

    def _named(self, obj: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": self._resource.api_version, "kind": self._resource.kind, **obj}
