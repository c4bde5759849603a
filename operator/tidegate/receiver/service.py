"""The composition of the receiver: a process of its own, with its own rights, that creates FlowRuns and nothing else.

It needs the API server, and not the operator: runs that nobody takes up yet wait for it.
"""

import asyncio
import logging
import random
import socket
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry

from tidegate.api import keys
from tidegate.errors import TidegateError, UsageError
from tidegate.kube.clocks import Clocks
from tidegate.kube.credentials import Credentials
from tidegate.kube.health import Health
from tidegate.kube.http import HttpClient
from tidegate.kube.reflector import Reflector
from tidegate.kube.resources import FLOWRUNS, FLOWS, Resource
from tidegate.kube.watchdog import Readings
from tidegate.metrics import Metrics
from tidegate.receiver.desk import Desk
from tidegate.receiver.hooks import Hooks, Place, slim_flow
from tidegate.receiver.runs import Runs, see_run
from tidegate.receiver.secretkeys import SecretKeys
from tidegate.receiver.server import Server
from tidegate.receiver.starting import Starting
from tidegate.receiver.telling import Telling
from tidegate.settings import Settings, variable

log = logging.getLogger(__name__)


class Receiver:
    """One receiver process against one API server. Several may run side by side: nothing is kept between requests."""

    def __init__(self, settings: Settings, credentials: Credentials, clocks: Clocks | None = None) -> None:
        self._settings, self._clocks = settings, clocks or Clocks(time.time, time.monotonic)
        self._rng = random.Random()  # noqa: S311  jitter
        self._registry = CollectorRegistry()
        self.metrics = Metrics(self._registry, flow_label=settings.metrics_flow_label)
        self._client = HttpClient(credentials, on_request=self.metrics.request_ended, rng=self._rng)
        self._hooks, self._runs = Hooks(), Runs(self._clocks.monotonic)
        self._reflectors = [
            self._reflect(FLOWS, slim_flow, self._hooks.take),
            self._reflect(FLOWRUNS, see_run, self._runs.take, keys.LABEL_TRIGGER),
        ]
        self.ready = asyncio.Event()
        self.port: int | None = None
        self._health = Health(
            self._registry,
            read=self._readings,
            limits=settings.limits,
            obstacles=lambda: [] if self.ready.is_set() else ["the first lists are not complete"],
            on_lag=self.metrics.loop_lag_seconds.observe,
        )

    async def run(self) -> None:
        """Serve until cancelled, and be watched over.

        Raises:
            Unwell: the watchdog found that the process no longer hears.
            ApiError: the API server refuses what the receiver cannot do without.
            UsageError: a port cannot be used.
        """
        async with self._health.told(self._settings.probe_host, self._settings.probe_port):
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._health.watch_over())
                    group.create_task(self.serve())
            except* TidegateError as errors:
                raise errors.exceptions[0] from None

    async def serve(self) -> None:
        """Serve until cancelled."""
        server = Server(self._desk(), host=self._settings.hooks_host, port=self._settings.hooks_port)
        try:
            self.port = await _started(server, self._settings)
            async with asyncio.TaskGroup() as group:
                for reflector in self._reflectors:
                    group.create_task(reflector.run())
                for reflector in self._reflectors:
                    await reflector.wait_synced()
                log.info("ready", extra={"port": self.port})
                self.ready.set()
        finally:
            await server.stop()
            await self._client.close()

    def _desk(self) -> Desk:
        return Desk(
            hooks=self._hooks,
            keys=SecretKeys(self._client, self._clocks.monotonic),
            starting=Starting(self._client, self._runs, self._clocks.wall),
            wall=self._clocks.wall,
            is_ready=lambda: self._reflectors[0].is_synced,
            on_event=self._count,
            on_trouble=Telling(self._client, self._clocks, socket.gethostname()).tell,
        )

    def _count(self, place: Place, result: str) -> None:
        self.metrics.triggered(place.namespace, place.flow, "Webhook", result)

    def _reflect(
        self, resource: Resource, extract: Callable[[Any], Any], take: Callable[[str, Any], None], labels: str = ""
    ) -> Reflector[Any]:
        return Reflector(
            self._client,
            resource,
            namespaces=self._settings.namespaces,
            labels=labels,
            extract=extract,
            on_change=take,
            rng=self._rng,
            on_restart=self.metrics.watch_restarted,
        )

    def _readings(self) -> Readings:
        now = asyncio.get_running_loop().time()
        heard = {r.resource.plural: r.last_heard for r in self._reflectors}
        return Readings(
            watch_ages={kind: None if last is None else now - last for kind, last in heard.items()},
            clock_skew=self._client.clock_skew,
            regressed=[r.resource.plural for r in self._reflectors if r.has_regressed],
        )


async def _started(server: Server, settings: Settings) -> int:
    try:
        return await server.start()
    except OSError as error:
        raise UsageError(f"{variable('hooks_port')}={settings.hooks_port} cannot be used: {error}") from None
