"""Exchanges with the API server: a request goes out when its lane has room, and its answer comes in or does not.

Right before a write it is asked whether one may still be sent. What requests mean is `http.py`'s business.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tidegate.errors import ApiError, Unavailable
from tidegate.kube import answers
from tidegate.kube.client import Object
from tidegate.kube.lanes import Lane
from tidegate.kube.resources import LEASES, Resource

JSON = "application/json"

_ENCODER = json.JSONEncoder(separators=(",", ":"))
# The Date header is looked at so often, in seconds.
_SKEW_PERIOD = 5.0

OnRequest = Callable[[str, str, int, float], None]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the verb and resource for metrics, the lane, and what goes over the wire."""

    verb: str
    resource: Resource
    lane: Lane
    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    accept: str = JSON
    subresource: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    @property
    def label(self) -> str:
        """Name what it is about, for metrics."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


class Exchange:
    """Sends requests to one server.

    Args:
        server: its address.
        may_write: whether a write may begin now; writes to Leases are not asked about, they decide it.
        on_request: called with verb, resource, HTTP status (0 without an answer) and seconds.
        wall_clock: seconds since 1970, compared with the server's Date.
    """

    def __init__(
        self, server: str, may_write: Callable[[], bool], on_request: OnRequest, wall_clock: Callable[[], float]
    ) -> None:
        self._server, self._may_write, self._on_request = server, may_write, on_request
        self._wall_clock = wall_clock
        self._skew_seen_at = float("-inf")
        self.clock_skew: float | None = None
        self.on_skew: Callable[[float | None], None] = lambda _: None

    async def request(self, call: Call) -> Object:
        """Send a request when its lane has room; give the object of the answer.

        Raises:
            ApiError: it was refused, or nobody knows.
        """
        gate = call.lane.gate
        if gate is None:
            return await self._exchange(call)
        async with gate:
            sent = asyncio.get_running_loop().time()
            try:
                answer = await self._exchange(call)
            except ApiError as error:
                if error.status == 429:
                    gate.throttled(sent, error.retry_after)
                elif error.status:
                    gate.succeeded()
                raise
            gate.succeeded()
            return answer

    async def _exchange(self, call: Call) -> Object:
        sent, sent_date = asyncio.get_running_loop().time(), self._wall_clock()
        if call.is_write and call.resource != LEASES and not self._may_write():
            raise Unavailable(0, "NotLeader", f"{call.verb} {call.path} was not sent: this process does not lead")
        try:
            async with self.send(call) as response:
                body = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            self.report(call, 0, sent)
            raise no_answer(call, error) from error
        self.report(call, response.status, sent)
        self._note_date(response.headers.get("Date"), sent_date)
        if not 200 <= response.status < 300:
            raise answers.error_of(response.status, body, response.headers)
        return answers.parse_object(body)

    def send(self, call: Call) -> Any:
        """Send a request now; give the context of its answer, whose body is still to be read."""
        headers = {"Accept": call.accept}
        data = None
        if call.body is not None:
            headers["Content-Type"] = JSON
            data = _ENCODER.encode(call.body).encode()
        return call.lane.session.request(
            *(call.method, self._server + call.path),
            params=call.params,
            data=data,
            headers=headers,
            allow_redirects=False,
        )

    def report(self, call: Call, status: int, sent: float) -> None:
        """Tell of an answer; 0 stands for none."""
        self._on_request(call.verb, call.label, status, asyncio.get_running_loop().time() - sent)

    def _note_date(self, date: str | None, sent_date: float) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._skew_seen_at >= _SKEW_PERIOD:
            self._skew_seen_at = now
            self.clock_skew = answers.clock_skew(date, sent_date, self._wall_clock())
            self.on_skew(self.clock_skew)


def no_answer(call: Call, error: Exception) -> Unavailable:
    """Say that no answer came, so that nobody knows what became of it."""
    what = str(error) or type(error).__name__
    return Unavailable(0, "NoAnswer", f"{call.verb} {call.path}: {what}")
