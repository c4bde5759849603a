"""Events at a Flow that say why what was sent starts nothing: a few at most, whatever is sent."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from tidegate.engine.actions import Happening
from tidegate.errors import AlreadyExists, ApiError
from tidegate.kube.client import Client
from tidegate.kube.clocks import Clocks
from tidegate.kube.resources import EVENTS
from tidegate.resources.event import flow_event

log = logging.getLogger(__name__)

QUIET_SECONDS = 300.0
"""So long nothing more is told of a Flow for the same reason."""


class Telling:
    """Writes Events beside the requests, which never wait for that. `instance` names this process in them."""

    def __init__(self, client: Client, clocks: Clocks, instance: str) -> None:
        self._client, self._clocks, self._instance = client, clocks, instance
        self._told: dict[tuple[str, str], float] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def tell(self, flow: Mapping[str, Any], reason: str, message: str) -> None:
        """Tell of trouble, unless that was done just now."""
        now, key = self._clocks.monotonic(), (flow["metadata"]["uid"], reason)
        self._told = {known: since for known, since in self._told.items() if now - since < QUIET_SECONDS}
        if key in self._told:
            return
        self._told[key] = now
        task = asyncio.create_task(self._write(flow, Happening(True, reason, message)))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, flow: Mapping[str, Any], happening: Happening) -> None:
        body = flow_event(flow, happening, self._clocks.wall(), self._instance)
        try:
            with contextlib.suppress(AlreadyExists):
                await self._client.create(EVENTS, flow["metadata"]["namespace"], body)
        except ApiError as error:
            log.warning("an event could not be written", extra={"flow": flow["metadata"]["name"], "error": str(error)})
