"""Telling the world what happened: metrics and Events, always after the write that made it true."""

import contextlib
import logging
from collections.abc import Iterable, Mapping

from tidegate.engine.actions import Happening
from tidegate.engine.conclusion import Outcome
from tidegate.engine.draft import Ended
from tidegate.engine.facts import Attempt, JobFact
from tidegate.engine.plan import Plan
from tidegate.engine.run import Run
from tidegate.errors import AlreadyExists, ApiError
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import EVENTS
from tidegate.kube.session import Session
from tidegate.kube.store import RunKey, key_of
from tidegate.metrics import Metrics
from tidegate.resources.event import backfill_event, event, flow_event

log = logging.getLogger(__name__)


class Reporter:
    """Speaks for the reconciler. `instance` names this process in Events."""

    def __init__(self, client: Client, metrics: Metrics, instance: str) -> None:
        self._client, self._metrics, self._instance = client, metrics, instance

    async def step_taken(self, session: Session, plan: Plan, jobs: Mapping[Attempt, JobFact], now: float) -> None:
        """Tell what a step of a run brought; that an Event could not be written is only logged."""
        for end in plan.ended:
            self.task_ended(session.run, end, _start_latency(session, plan, jobs, end))
        for reason in plan.disruptions:
            self.disrupted(reason)
        if plan.outcome is not None:
            self.run_ended(session.run, plan.outcome, now)
            log.info("run ended", extra={"run": session.run.name, "reason": plan.outcome.reason})
        try:
            await self.tell(session.run, plan.happenings, now)
        except ApiError as error:
            log.warning("an event could not be written", extra={"run": session.run.name, "error": str(error)})

    def run_ended(self, run: Run, outcome: Outcome, now: float) -> None:
        """Count a run that ended."""
        result = "Succeeded" if outcome.succeeded else "Failed"
        self._metrics.run_ended(run.namespace, run.flow, result, outcome.reason, now - run.created)

    def task_ended(self, run: Run, ended: Ended, start_latency: float | None) -> None:
        """Count a task that ended; `start_latency` are the seconds from its Job to its first container."""
        self._metrics.task_ended(run.namespace, run.flow, ended.state, ended.reason or "Completed")
        if start_latency is not None and start_latency >= 0:
            flow = self._metrics.flow(run.flow)
            self._metrics.task_start_latency_seconds.labels(run.namespace, flow).observe(start_latency)

    def disrupted(self, reason: str) -> None:
        """Count a pod that the cluster took."""
        self._metrics.disruptions.labels(reason).inc()

    def hopped(self, seconds: float) -> None:
        """Note the time from hearing that a task ended to the Jobs that needed it."""
        self._metrics.hop_seconds.observe(seconds)

    def triggered(self, flow: RunKey, kind: str, counts: Mapping[str, int]) -> None:
        """Count what became of instants of a trigger of a Flow, by result."""
        for result, count in counts.items():
            self._metrics.triggered(*flow, kind, result, count)

    def started(self, flow: Object, delay: float) -> None:
        """Note how many seconds after its instant a run was started."""
        namespace, name = key_of(flow)
        self._metrics.schedule_delay_seconds.labels(namespace, self._metrics.flow(name)).observe(max(0.0, delay))

    async def tell_of_flow(self, flow: Object, happenings: Iterable[Happening], now: float) -> None:
        """Write Events about a Flow, likewise."""
        for happening in happenings:
            with contextlib.suppress(AlreadyExists):
                body = flow_event(flow, happening, now, self._instance)
                await self._client.create(EVENTS, flow["metadata"]["namespace"], body)

    async def tell_of_backfill(self, backfill: Object, happenings: Iterable[Happening], now: float) -> None:
        """Write Events about a Backfill; that one could not be written is only logged."""
        for happening in happenings:
            body = backfill_event(backfill, happening, now, self._instance)
            try:
                await self._client.create(EVENTS, backfill["metadata"]["namespace"], body)
            except AlreadyExists:
                continue
            except ApiError as error:
                told = {"backfill": backfill["metadata"]["name"], "error": str(error)}
                log.warning("an event could not be written", extra=told)

    async def tell(self, run: Run, happenings: Iterable[Happening], now: float) -> None:
        """Write Events; one that exists was told already.

        Raises:
            ApiError: an Event could not be written.
        """
        for happening in happenings:
            with contextlib.suppress(AlreadyExists):
                await self._client.create(EVENTS, run.namespace, event(run, happening, now, self._instance))


def _start_latency(session: Session, plan: Plan, jobs: Mapping[Attempt, JobFact], end: Ended) -> float | None:
    slot = session.graph.slots[end.task]
    job, record = jobs.get((slot, plan.state.ledger.attempts[slot])), plan.state.records.get(slot)
    return record.started - job.created if job and record and record.started else None
