"""The composition of the operator: which parts there are, and how they are wired together."""

import asyncio
import functools
import gc
import logging
import random
import socket
import time
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry

from tidegate.api import keys
from tidegate.engine.facts import JobFact, PodFact
from tidegate.errors import ApiError
from tidegate.handlers.listener import listen
from tidegate.kube.answering import ApprovalReconciler
from tidegate.kube.backfiller import Backfiller
from tidegate.kube.backfillruns import BackfillRuns
from tidegate.kube.cache import Pruner
from tidegate.kube.clocks import Clocks, SteadyClock
from tidegate.kube.credentials import Credentials
from tidegate.kube.firing import Firing
from tidegate.kube.flows import FlowReconciler
from tidegate.kube.graphs import Graphs
from tidegate.kube.health import Health, Unwell
from tidegate.kube.http import HttpClient
from tidegate.kube.inbox import Inbox, Queues
from tidegate.kube.lease import Election, boot_clock
from tidegate.kube.observing import Seen, see_job, see_pod
from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.reconciler import Reconciler
from tidegate.kube.reflector import Reflector
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import BACKFILLS, FLOWAPPROVALS, FLOWRUNS, FLOWS, JOBS, PODS, Resource
from tidegate.kube.scheduler import Scheduler
from tidegate.kube.store import RunKey, Store
from tidegate.kube.watchdog import Readings
from tidegate.metrics import Metrics
from tidegate.settings import Settings

log = logging.getLogger(__name__)

_FLOW_WORKERS = 4
_APPROVAL_WORKERS = 2
_BACKFILL_WORKERS = 4
_TRIGGER_WORKERS = 32
_COUNT_SECONDS = 5.0


class Operator:
    """One operator process against one API server."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings, self._credentials = settings, credentials
        self._rng = random.Random()  # noqa: S311  jitter
        self._registry = CollectorRegistry()
        self.metrics = Metrics(self._registry, flow_label=settings.metrics_flow_label)
        self._identity = settings.identity or f"{socket.gethostname()}-{self._rng.randrange(16**6):06x}"
        self._store = Store()
        self._graphs = Graphs()
        self._clocks = Clocks(time.time, time.monotonic)
        self.ready = asyncio.Event()
        self.probe_port: int | None = None
        self._health = Health(
            self._registry,
            read=self._readings,
            limits=settings.limits,
            obstacles=lambda: [] if self.ready.is_set() else ["the first lists are not complete"],
            on_lag=self.metrics.loop_lag_seconds.observe,
        )

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            Unwell: the watchdog found that the process no longer hears.
            ApiError: the API server refuses what the operator cannot do without.
        """
        self._runs: WorkQueue[RunKey] = WorkQueue(
            rng=self._rng,
            on_add=self.metrics.workqueue_adds.labels("flowruns").inc,
            on_take=self.metrics.workqueue_queue_duration_seconds.labels("flowruns").observe,
            on_error=self._run_failed,
        )
        self._flows: WorkQueue[RunKey] = WorkQueue(rng=self._rng)
        self._approvals: WorkQueue[RunKey] = WorkQueue(rng=self._rng)
        self._triggers: WorkQueue[RunKey] = WorkQueue(rng=self._rng)
        self._backfills: WorkQueue[RunKey] = WorkQueue(rng=self._rng)
        self._time = SteadyClock(self._clocks, self._time_moved)
        self._client = HttpClient(
            self._credentials,
            may_write=lambda: self._election.may_write() if self._settings.leader_election else True,
            on_request=self.metrics.request_ended,
            rng=self._rng,
            max_creates=self._settings.max_creates,
            max_status_writes=self._settings.max_status_writes,
            on_skew=self._time.measured,
        )
        self._election = self._make_election()
        reporter = Reporter(self._client, self.metrics, self._identity)
        self._reconciler = Reconciler(self._client, self._store, self._runs, self._graphs, reporter, self._clocks)
        self._flow_reconciler = FlowReconciler(
            self._client, self._store, self._graphs, self._clocks, self._triggers.add
        )
        firing = Firing(self._client, self._store, self._graphs, self._time.now)
        self._scheduler = Scheduler(self._client, self._store, self._triggers, self._runs, reporter, firing)
        self._answerer = ApprovalReconciler(self._client, self._store, self._approvals, self._clocks.wall)
        work = BackfillRuns(self._client, self._store, self._graphs, self._time.now)
        self._backfiller = Backfiller(self._client, self._store, self._backfills, self._runs, reporter, work)
        queues = Queues(self._runs, self._flows, self._approvals, self._backfills)
        self._inbox = Inbox(self._store, queues, self._reconciler.forget, self._clocks.monotonic)
        self._reflectors = [self._reflect(JOBS, see_job, JobFact), self._reflect(PODS, see_pod, PodFact)]
        async with self._health.told(self._settings.probe_host, self._settings.probe_port) as self.probe_port:
            try:
                await self._work()
            finally:
                await self._client.close()

    # Parts

    def _make_election(self) -> Election:
        return Election(
            self._client,
            namespace=self._settings.lease_namespace or self._credentials.namespace,
            name=self._settings.lease_name,
            identity=self._identity,
            clock=boot_clock,
            wall_clock=lambda: datetime.fromtimestamp(self._clocks.wall(), UTC),
            rng=self._rng,
            on_gained=lambda: self._leads(True),
            on_lost=lambda: self._leads(False),
            terms=self._settings.terms,
        )

    def _time_moved(self) -> None:
        log.warning("the time is another than was thought: all triggers are looked at")
        self._scheduler.look_at_everything()

    def _leads(self, leads: bool) -> None:  # noqa: FBT001  called by name of the event only
        self.metrics.leader_election_master_status.labels(self._settings.lease_name).set(int(leads))
        log.info("leading" if leads else "not leading any more", extra={"identity": self._identity})
        if not leads:
            self._client.abort_writes()

    def _reflect(self, resource: Resource, extract: Any, fact: type[JobFact | PodFact]) -> Reflector[Seen]:
        return Reflector(
            self._client,
            resource,
            namespaces=self._settings.namespaces,
            labels=keys.LABEL_RUN_UID,
            extract=extract,
            on_change=self._inbox.child,
            rng=self._rng,
            on_restart=self.metrics.watch_restarted,
            on_listed=functools.partial(self._inbox.listed, fact),
        )

    def _readings(self) -> Readings:
        now = asyncio.get_running_loop().time()
        heard = {r.resource.plural: r.last_heard for r in self._reflectors}
        self.metrics.workqueue_depth.labels("flowruns").set(self._runs.depth)
        return Readings(
            watch_ages={kind: None if last is None else now - last for kind, last in heard.items()},
            queue_age=self._runs.oldest_age,
            work_age=self._runs.longest_work,
            lease_age=boot_clock() - self._election.last_contact if self._settings.leader_election else None,
            clock_skew=self._client.clock_skew,
            regressed=[r.resource.plural for r in self._reflectors if r.has_regressed],
        )

    # Work

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._health.watch_over())
                for reflector in self._reflectors:
                    group.create_task(reflector.run())
                await self._list_ours()
                for reflector in self._reflectors:
                    await reflector.wait_synced()
                group.create_task(listen(self._credentials, self._inbox, self._settings.namespaces))
                gc.freeze()
                gc.set_threshold(50_000, 20, 100)
                self.ready.set()
                log.info("ready", extra={"runs": len(self._store.runs), "flows": len(self._store.flows)})
                group.create_task(self._resync())
                group.create_task(self._count_runs())
                if self._settings.leader_election:
                    group.create_task(self._election.run())
                group.create_task(self._reconcile())
        except* (Unwell, ApiError) as errors:
            raise errors.exceptions[0] from None

    async def _reconcile(self) -> None:
        """Work on keys whenever this replica leads."""
        while True:
            if self._settings.leader_election:
                await self._election.leading.wait()
            async with asyncio.TaskGroup() as group:
                work = [
                    group.create_task(self._runs.run(self._reconciler.reconcile, self._settings.workers)),
                    group.create_task(self._flows.run(self._flow_reconciler.reconcile, _FLOW_WORKERS)),
                    group.create_task(self._triggers.run(self._scheduler.reconcile, _TRIGGER_WORKERS)),
                    group.create_task(self._backfills.run(self._backfiller.reconcile, _BACKFILL_WORKERS)),
                    group.create_task(self._prune()),
                    group.create_task(self._approvals.run(self._answerer.reconcile, _APPROVAL_WORKERS)),
                ]
                while not self._settings.leader_election or self._election.leading.is_set():  # noqa: ASYNC110
                    await asyncio.sleep(0.5)  # an Event tells only when leading begins
                for task in work:
                    task.cancel()

    def _run_failed(self, key: RunKey, error: BaseException) -> None:
        """One bad run is told of and tried again later; it never stops the others."""
        if isinstance(error, ApiError):
            log.info("the API server could not be used", extra={"run": "/".join(key), "error": str(error)})
        else:
            log.error("internal error", exc_info=error, extra={"run": "/".join(key)})

    async def _list_ours(self) -> None:
        """List our kinds before work begins, so that nothing is decided on half a picture."""
        ours = (
            (FLOWS, self._inbox.flow),
            (FLOWAPPROVALS, self._inbox.approval),
            (BACKFILLS, self._inbox.backfill),
            (FLOWRUNS, self._inbox.run),
        )
        for resource, take in ours:
            for namespace in self._settings.namespaces or (None,):
                for obj in (await self._client.list(resource, namespace)).items:
                    take(None, {"apiVersion": resource.api_version, "kind": resource.kind, **obj})

    async def _resync(self) -> None:
        """Look at everything again now and then, and drop what was deleted while a watch was broken."""
        while True:
            await asyncio.sleep(self._settings.resync_seconds)
            try:
                await self._drop_deleted()
            except ApiError as error:
                log.warning("resync failed", extra={"error": str(error)})
            self._reconciler.look_at_everything()
            for key in list(self._store.runs):
                self._runs.add(key, Priority.RESYNC)
            self._scheduler.look_at_everything()
            for key in list(self._store.approvals.known):
                self._approvals.add(key, Priority.RESYNC)
            for key in list(self._store.backfills.known):
                self._backfills.add(key, Priority.RESYNC)

    async def _prune(self) -> None:
        """Delete cached results whose time has passed, now and then."""
        pruner = Pruner(self._client, self._settings.namespaces, self._clocks.wall)
        while True:
            try:
                deleted = await pruner.prune()
                log.debug("cache pruned", extra={"entries": deleted})
            except ApiError as error:
                log.warning("the cache could not be pruned", extra={"error": str(error)})
            await asyncio.sleep(self._settings.resync_seconds)

    async def _count_runs(self) -> None:
        while True:
            self.metrics.count_runs(self._store.active(), self._store.queued())
            await asyncio.sleep(_COUNT_SECONDS)

    async def _drop_deleted(self) -> None:
        for resource, known, take in (
            (FLOWS, self._store.flows, self._inbox.flow),
            (FLOWRUNS, self._store.runs, self._inbox.run),
            (FLOWAPPROVALS, self._store.approvals.known, self._inbox.approval),
            (BACKFILLS, self._store.backfills.known, self._inbox.backfill),
        ):
            before = list(known.values())
            present: set[str] = set()
            for namespace in self._settings.namespaces or (None,):
                page = await self._client.list(resource, namespace, metadata_only=True)
                present |= {obj["metadata"]["uid"] for obj in page.items}
            for obj in before:
                if obj["metadata"]["uid"] not in present:
                    take("DELETED", obj)
