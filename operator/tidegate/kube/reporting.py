"""Telling the world what happened: metrics and Events, always after the write that made it true."""

import contextlib
from collections.abc import Iterable

from tidegate.engine.actions import Happening
from tidegate.engine.conclusion import Outcome
from tidegate.engine.draft import Ended
from tidegate.engine.run import Run
from tidegate.errors import AlreadyExists
from tidegate.kube.client import Client
from tidegate.kube.resources import EVENTS
from tidegate.metrics import Metrics
from tidegate.resources.event import event


class Reporter:
    """Speaks for the reconciler. `instance` names this process in Events."""

    def __init__(self, client: Client, metrics: Metrics, instance: str) -> None:
        self._client, self._metrics, self._instance = client, metrics, instance

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

    async def tell(self, run: Run, happenings: Iterable[Happening], now: float) -> None:
        """Write Events; one that exists was told already.

        Raises:
            ApiError: an Event could not be written.
        """
        for happening in happenings:
            with contextlib.suppress(AlreadyExists):
                await self._client.create(EVENTS, run.namespace, event(run, happening, now, self._instance))
