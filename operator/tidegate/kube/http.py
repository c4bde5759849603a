"""The API server over HTTP: `client.Client` on aiohttp.

Every write asks `may_write` right before it is sent; when leadership ends, `abort_writes` cuts those in flight.
Requests that change something are never repeated here: only the caller knows whether that is still wanted.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tidegate.errors import ApiError, Gone, Unavailable
from tidegate.kube import answers
from tidegate.kube.client import Change, Client, Object, Page
from tidegate.kube.credentials import Credentials
from tidegate.kube.lanes import Lane
from tidegate.kube.resources import LEASES, Resource

PAGE_SIZE = 500

_ENCODER = json.JSONEncoder(separators=(",", ":"))
_JSON = "application/json"
_METADATA = f"{_JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{_JSON}"
# How long a watch is asked to last; the server closes it then, and bookmarks come about once a minute.
_WATCH_SECONDS = (240, 480)
_WATCH_SILENCE_SECONDS = 150
_MAX_READS = 16
# The Date header is looked at so often, in seconds.
_SKEW_PERIOD = 5.0

DISCOVERY = Resource("", "", "discovery", "")
"""Only a name, for metrics: requests that ask what there is."""

OnRequest = Callable[[str, str, int, float], None]


@dataclass(frozen=True, slots=True)
class _Call:
    """One request: the verb and resource for metrics, the lane, and what goes over the wire."""

    verb: str
    resource: Resource
    lane: Lane
    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    accept: str = _JSON
    subresource: str = ""

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def label(self) -> str:
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


class HttpClient(Client):
    """A `Client` for a real API server; to be used and closed on one running loop.

    Args:
        credentials: where, and as whom.
        may_write: whether a write may begin now; writes to Leases are not asked about, they decide it.
        on_request: called with verb, resource, HTTP status (0 without an answer) and seconds.
        rng: source of jitter.
        wall_clock: seconds since 1970, compared with the server's Date.
        max_creates: creates and deletes in flight at most.
        max_status_writes: other writes in flight at most.
    """

    def __init__(  # noqa: PLR0913 - it is configured once, by keywords
        self,
        credentials: Credentials,
        *,
        may_write: Callable[[], bool] = lambda: True,
        on_request: OnRequest = lambda *_: None,
        rng: random.Random,
        wall_clock: Callable[[], float] = time.time,
        max_creates: int = 64,
        max_status_writes: int = 32,
    ) -> None:
        self._server = credentials.server
        self._may_write, self._on_request = may_write, on_request
        self._rng, self._wall_clock = rng, wall_clock
        short = aiohttp.ClientTimeout(total=10, sock_connect=5)
        self._reads = Lane(credentials, _MAX_READS, aiohttp.ClientTimeout(total=60, sock_connect=5))
        self._creates = Lane(credentials, max_creates, short)
        self._statuses = Lane(credentials, max_status_writes, short)
        self._leases = Lane(credentials, 0, aiohttp.ClientTimeout(total=5, sock_connect=3))
        self._watches = Lane(
            credentials, 0, aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_WATCH_SILENCE_SECONDS)
        )
        self._skew_seen_at = float("-inf")
        self.clock_skew: float | None = None

    async def close(self) -> None:
        """Close all connections."""
        for lane in (self._reads, self._creates, self._statuses, self._leases, self._watches):
            await lane.close()

    def abort_writes(self) -> None:
        """Reset the connections on which writes are in flight; they raise Unavailable. For the end of leadership."""
        self._creates.abort()
        self._statuses.abort()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """Read one object, live."""
        lane = self._leases if resource == LEASES else self._reads
        return await self._request(_Call("get", resource, lane, "GET", resource.path(namespace, name)))

    async def read(self, path: str) -> Object:
        """Read a path of discovery."""
        return await self._request(_Call("get", DISCOVERY, self._reads, "GET", path))

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> Page:
        """List all objects, live; in one answer if the server forgets where its pages were."""
        items: list[Object] = []
        version = ""
        try:
            async for page in self.pages(
                resource, namespace, labels=labels, fields=fields, metadata_only=metadata_only
            ):
                items += page.items
                version = page.resource_version
        except Gone:
            page, _ = await self._list_page(
                resource, namespace, _selectors(labels, fields), metadata_only=metadata_only
            )
            return page
        return Page(items, version)

    async def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Page]:
        """List in pages of PAGE_SIZE; raises Gone when the server forgets the list in between."""
        params = {**_selectors(labels, fields), "limit": str(PAGE_SIZE)}
        while True:
            page, token = await self._list_page(resource, namespace, params, metadata_only=metadata_only)
            yield page
            if not token:
                return
            params["continue"] = token

    async def create(self, resource: Resource, namespace: str | None, body: Mapping[str, Any]) -> Object:
        """POST; a quota that is being written makes the server answer with a Conflict now and then."""
        lane = self._leases if resource == LEASES else self._creates
        return await self._request(_Call("create", resource, lane, "POST", resource.path(namespace), body=body))

    async def replace(self, resource: Resource, body: Mapping[str, Any], *, subresource: str = "") -> Object:
        """PUT under the resourceVersion of `body`."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"], subresource)
        lane = self._leases if resource == LEASES else self._statuses
        return await self._request(_Call("replace", resource, lane, "PUT", path, body=body, subresource=subresource))

    async def delete(self, resource: Resource, namespace: str | None, name: str, *, uid: str | None = None) -> None:
        """Delete in the background; Jobs would orphan their pods without saying so."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        path = resource.path(namespace, name)
        await self._request(_Call("delete", resource, self._creates, "DELETE", path, body=options))

    async def watch(
        self, resource: Resource, namespace: str | None, *, resource_version: str, labels: str = ""
    ) -> AsyncIterator[Change]:
        """Follow changes; the first is a BOOKMARK of our own that says that the server accepted the watch."""
        params = {
            **_selectors(labels, ""),
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(self._rng.randint(*_WATCH_SECONDS)),
        }
        call = _Call("watch", resource, self._watches, "GET", resource.path(namespace), params)
        sent = asyncio.get_running_loop().time()
        try:
            async with self._send(call) as response:
                self._report(call, response.status, sent)
                if response.status != 200:
                    raise answers.error_of(response.status, await response.read(), response.headers)
                yield Change("BOOKMARK", {"metadata": {"resourceVersion": resource_version}})
                async for line in answers.lines(response.content.iter_any()):
                    yield answers.change_of(line)
        except (aiohttp.ClientError, OSError) as error:
            raise _no_answer(call, error) from error

    async def _list_page(
        self, resource: Resource, namespace: str | None, params: Mapping[str, str], *, metadata_only: bool
    ) -> tuple[Page, str]:
        """Give one page and the token for the next, empty after the last."""
        accept = _METADATA if metadata_only else _JSON
        call = _Call("list", resource, self._reads, "GET", resource.path(namespace), params, accept=accept)
        answer = await self._request(call)
        metadata, items = answer.get("metadata") or {}, answer.get("items") or []
        for item in items:  # the API server leaves these out in lists
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return Page(items, str(metadata.get("resourceVersion", ""))), str(metadata.get("continue") or "")

    async def _request(self, call: _Call) -> Object:
        """Send a request when its lane has room; give the object of the answer."""
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

    async def _exchange(self, call: _Call) -> Object:
        sent, sent_date = asyncio.get_running_loop().time(), self._wall_clock()
        if call.is_write and call.resource != LEASES and not self._may_write():
            raise Unavailable(0, "NotLeader", f"{call.verb} {call.path} was not sent: this process does not lead")
        try:
            async with self._send(call) as response:
                body = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            self._report(call, 0, sent)
            raise _no_answer(call, error) from error
        self._report(call, response.status, sent)
        self._note_date(response.headers.get("Date"), sent_date)
        if not 200 <= response.status < 300:
            raise answers.error_of(response.status, body, response.headers)
        return answers.parse_object(body)

    def _send(self, call: _Call) -> Any:
        headers = {"Accept": call.accept}
        data = None
        if call.body is not None:
            headers["Content-Type"] = _JSON
            data = _ENCODER.encode(call.body).encode()
        return call.lane.session.request(
            *(call.method, self._server + call.path),
            params=call.params,
            data=data,
            headers=headers,
            allow_redirects=False,
        )

    def _report(self, call: _Call, status: int, sent: float) -> None:
        self._on_request(call.verb, call.label, status, asyncio.get_running_loop().time() - sent)

    def _note_date(self, date: str | None, sent_date: float) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._skew_seen_at >= _SKEW_PERIOD:
            self._skew_seen_at = now
            self.clock_skew = answers.clock_skew(date, sent_date, self._wall_clock())


def _selectors(labels: str, fields: str) -> dict[str, str]:
    selectors = {"labelSelector": labels, "fieldSelector": fields}
    return {key: value for key, value in selectors.items() if value}


def _no_answer(call: _Call, error: Exception) -> Unavailable:
    what = str(error) or type(error).__name__
    return Unavailable(0, "NoAnswer", f"{call.verb} {call.path}: {what}")
