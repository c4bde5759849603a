"""The API server over HTTP: `client.Client` on aiohttp.

Every write asks `may_write` right before it is sent; when leadership ends, `abort_writes` cuts those in flight.
Requests that change something are never repeated here: only the caller knows whether that is still wanted.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp

from tidegate.errors import Gone
from tidegate.kube import answers
from tidegate.kube.client import Change, Client, Object, Page
from tidegate.kube.credentials import Credentials
from tidegate.kube.exchange import JSON, Call, Exchange, OnRequest, no_answer
from tidegate.kube.lanes import Lane
from tidegate.kube.resources import LEASES, Resource

PAGE_SIZE = 500

_METADATA = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"
# How long a watch is asked to last; the server closes it then, and bookmarks come about once a minute.
_WATCH_SECONDS = (240, 480)
_WATCH_SILENCE_SECONDS = 150
_MAX_READS = 16

DISCOVERY = Resource("", "", "discovery", "")
"""Only a name, for metrics: requests that ask what there is."""


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
        on_skew: called now and then with the seconds by which the server's clock is ahead.
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
        on_skew: Callable[[float | None], None] = lambda _: None,
    ) -> None:
        self._rng = rng
        self._exchange = Exchange(credentials.server, may_write, on_request, wall_clock)
        self._exchange.on_skew = on_skew
        short = aiohttp.ClientTimeout(total=10, sock_connect=5)
        self._reads = Lane(credentials, _MAX_READS, aiohttp.ClientTimeout(total=60, sock_connect=5))
        self._creates = Lane(credentials, max_creates, short)
        self._statuses = Lane(credentials, max_status_writes, short)
        self._leases = Lane(credentials, 0, aiohttp.ClientTimeout(total=5, sock_connect=3))
        self._watches = Lane(
            credentials, 0, aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_WATCH_SILENCE_SECONDS)
        )

    @property
    def clock_skew(self) -> float | None:
        """By how many seconds the server's clock is off ours, as far as known."""
        return self._exchange.clock_skew

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
        return await self._exchange.request(Call("get", resource, lane, "GET", resource.path(namespace, name)))

    async def read(self, path: str) -> Object:
        """Read a path of discovery."""
        return await self._exchange.request(Call("get", DISCOVERY, self._reads, "GET", path))

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
        return await self._exchange.request(Call("create", resource, lane, "POST", resource.path(namespace), body=body))

    async def replace(self, resource: Resource, body: Mapping[str, Any], *, subresource: str = "") -> Object:
        """PUT under the resourceVersion of `body`."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"], subresource)
        lane = self._leases if resource == LEASES else self._statuses
        return await self._exchange.request(
            Call("replace", resource, lane, "PUT", path, body=body, subresource=subresource)
        )

    async def delete(self, resource: Resource, namespace: str | None, name: str, *, uid: str | None = None) -> None:
        """Delete in the background; Jobs would orphan their pods without saying so."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        path = resource.path(namespace, name)
        await self._exchange.request(Call("delete", resource, self._creates, "DELETE", path, body=options))

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
        call = Call("watch", resource, self._watches, "GET", resource.path(namespace), params)
        sent = asyncio.get_running_loop().time()
        try:
            async with self._exchange.send(call) as response:
                self._exchange.report(call, response.status, sent)
                if response.status != 200:
                    raise answers.error_of(response.status, await response.read(), response.headers)
                yield Change("BOOKMARK", {"metadata": {"resourceVersion": resource_version}})
                async for line in answers.lines(response.content.iter_any()):
                    yield answers.change_of(line)
        except (aiohttp.ClientError, OSError) as error:
            raise no_answer(call, error) from error

    async def _list_page(
        self, resource: Resource, namespace: str | None, params: Mapping[str, str], *, metadata_only: bool
    ) -> tuple[Page, str]:
        """Give one page and the token for the next, empty after the last."""
        accept = _METADATA if metadata_only else JSON
        call = Call("list", resource, self._reads, "GET", resource.path(namespace), params, accept=accept)
        answer = await self._exchange.request(call)
        metadata, items = answer.get("metadata") or {}, answer.get("items") or []
        for item in items:  # the API server leaves these out in lists
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return Page(items, str(metadata.get("resourceVersion", ""))), str(metadata.get("continue") or "")


def _selectors(labels: str, fields: str) -> dict[str, str]:
    selectors = {"labelSelector": labels, "fieldSelector": fields}
    return {key: value for key, value in selectors.items() if value}
