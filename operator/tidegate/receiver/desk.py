"""The desk at which requests are answered, step by step; it knows nothing of sockets.

The order is that of trust: how large and how slow, whether there is such a webhook, who sends it; only then what it
says. So of whom is not verified nothing is read, and they learn no more than that a webhook is there.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.engine.event import event_of
from tidegate.errors import RequestRefused
from tidegate.receiver.hooks import Hook, Hooks, Place
from tidegate.receiver.reading import Reading
from tidegate.receiver.secretkeys import SecretKeys
from tidegate.receiver.signatures import check
from tidegate.receiver.starting import Outcome, Starting

log = logging.getLogger(__name__)

_SECONDS = 20.0
"""Until the API server must have answered; who sends the event again later finds its run, if there is one."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request: its headers by lower-case name, and the body as it comes."""

    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: HTTP status, JSON, and the seconds after which to come again."""

    status: int
    body: Mapping[str, Any]
    retry_after: int | None = None


OnEvent = Callable[[Place, str], None]
OnTrouble = Callable[[Mapping[str, Any], str, str], None]


class Desk:
    """Answers requests.

    Args:
        hooks: what may be sent where.
        keys: what verifies it.
        starting: starts the runs.
        wall: the time in seconds since the epoch.
        is_ready: whether all Flows were heard of.
        on_event: told the path and what became of a request for a webhook that is there.
        on_trouble: told the Flow, a reason and a sentence, where something is for its author to mend.
    """

    def __init__(  # noqa: PLR0913 - it is configured once, by keywords
        self,
        *,
        hooks: Hooks,
        keys: SecretKeys,
        starting: Starting,
        wall: Callable[[], float],
        is_ready: Callable[[], bool],
        on_event: OnEvent,
        on_trouble: OnTrouble = lambda *_: None,
    ) -> None:
        self._hooks, self._keys, self._starting = hooks, keys, starting
        self._wall, self._is_ready, self._on_event, self._on_trouble = wall, is_ready, on_event, on_trouble
        self._reading = Reading()

    async def answer(self, place: Place, request: Request) -> Answer:
        """Give the answer to a request."""
        try:
            hook = self._find(place)
        except RequestRefused as refused:
            return _refusal(refused)
        try:
            async with self._reading.body(request.chunks, request.length) as body:
                outcome = await self._take(place, hook, request.headers, body)
        except RequestRefused as refused:
            self._on_event(place, _RESULTS.get(refused.status, "Refused"))
            if refused.status in _TROUBLES:
                told = f"trigger {hook.trigger}: {refused.message}"
                self._on_trouble(hook.flow, _TROUBLES[refused.status], told)
            return _refusal(refused)
        result = "Started" if outcome.is_new else "Duplicate" if outcome.run else "Filtered"
        self._on_event(place, result)
        if not outcome.run:
            return Answer(200, {"filtered": True})
        return Answer(202 if outcome.is_new else 200, {"run": outcome.run})

    def _find(self, place: Place) -> Hook:
        hook = self._hooks.find(place)
        if hook is None and not self._is_ready():
            raise RequestRefused(503, "the receiver does not know all Flows yet", retry_after=2)
        if hook is None:
            raise RequestRefused(404, "there is no such webhook; expected /hooks/NAMESPACE/FLOW/TRIGGER")
        return hook

    async def _take(self, place: Place, hook: Hook, headers: Mapping[str, str], body: bytes) -> Outcome:
        try:
            async with asyncio.timeout(_SECONDS):
                keys = await self._keys.of(place.namespace, hook.webhook)
                check(hook.webhook.verify, keys, headers, body, self._wall())
                if hook.problem:
                    raise RequestRefused(409, hook.problem)
                event = event_of(hook.webhook.verify, headers, body, int(self._wall()), str(uuid.uuid4()))
                outcome = await self._starting.start(hook, event)
        except TimeoutError:
            raise RequestRefused(503, "the API server does not answer", retry_after=5) from None
        if outcome.is_new:
            log.info("run started", extra={"namespace": place.namespace, "run": outcome.run, "event": event.id})
        return outcome


_RESULTS = {401: "Denied", 409: "Refused", 422: "Failed", 429: "Throttled", 500: "Unavailable", 503: "Unavailable"}

_TROUBLES = {500: "WebhookSecretUnusable", 422: "WebhookEventFailed"}
"""What the author of the Flow is told of in an Event, too: whoever sends may be unable to mend it."""


def _refusal(refused: RequestRefused) -> Answer:
    return Answer(refused.status, {"error": refused.message}, refused.retry_after)
