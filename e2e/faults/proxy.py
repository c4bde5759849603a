"""A proxy on loopback between one operator and the API server, on which anything can go wrong that rules say.

Towards the operator it speaks plain HTTP, so that every request can be read; towards the API server TLS, as the
cluster's administrator. What the operator does about a fault it does not know.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from tidegate.kube.credentials import Credentials

from . import requests, streams
from .rules import Answer, Cut, Delay, Expire, Fault, Lag, Late, Predicate, Rule, Silence, choose

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "upgrade"})
_LARGEST = 1 << 26


class Upstream:
    """The way to the API server, shared by all proxies."""

    def __init__(self, credentials: Credentials) -> None:
        self._server = credentials.server
        connector = aiohttp.TCPConnector(limit=0, ssl=credentials.tls or True)
        self._session = credentials.open_session(connector)
        self._session._auto_decompress = False  # noqa: SLF001  bytes go through as they come; there is no other way

    async def send(self, request: web.Request, body: bytes) -> aiohttp.ClientResponse:
        """Forward a request."""
        headers = _without_hops(request.headers)
        url = self._server + request.raw_path
        return await self._session.request(
            *(request.method, url), data=body or None, headers=headers, allow_redirects=False
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class Proxy:
    """One port for one operator, with its rules; `writes` are those that came through, or were to.

    `notices` are called when a request that they match has been met and its answer is about to be given.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.rules: list[Rule] = []
        self.notices: list[tuple[Predicate, Callable[[], None]]] = []
        self.writes: list[requests.Request] = []
        self.port = 0
        self._passage = asyncio.Event()
        self._passage.set()
        self._late: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.Task[Any]] = set()
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=5)

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Deliver what is late, and end."""
        self._passage.set()
        await asyncio.gather(*self._late, return_exceptions=True)
        for stream in self._streams:
            stream.cancel()
        await self._runner.cleanup()

    def kubeconfig(self, folder: Path) -> Path:
        """Write the kubeconfig that names this proxy."""
        path = folder / f"proxy-{self.port}.kubeconfig"
        cluster = {"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}
        context = {"name": "proxy", "context": {"cluster": "proxy", "user": ""}}
        path.write_text(json.dumps({"clusters": [cluster], "contexts": [context], "current-context": "proxy"}))
        return path

    def black_hole(self, seconds: float) -> None:
        """Let no byte through in either direction; then all of them, also those that nobody waits for any more."""
        self._passage.clear()
        asyncio.get_running_loop().call_later(seconds, self._passage.set)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen = requests.read(request.method, request.rel_url, body)
        if seen.is_write:
            self.writes.append(seen)
        fault = choose(self.rules, seen)
        await self._passage.wait()
        try:
            answer = await self._meet(fault, request, body)
        except (aiohttp.ClientError, ConnectionError):
            return _cut(request)
        for when, call in self.notices:
            if when(seen):
                call()
        await self._passage.wait()
        return answer

    async def _meet(self, fault: Fault | None, request: web.Request, body: bytes) -> web.StreamResponse:
        """Do to a request what its fault says; without one, forward it."""
        match fault:
            case Cut(is_applied, then):
                if is_applied:
                    await self._fetch(request, body)
                then()
                return _cut(request)
            case Late(seconds, then):
                self._deliver_later(request, body, seconds)
                then()
                return _cut(request)
            case Answer():
                if fault.is_applied:
                    await self._fetch(request, body)
                return _refuse(fault)
            case Delay(seconds):
                await asyncio.sleep(seconds)
        return await self._forward(request, body, fault)

    async def _forward(self, request: web.Request, body: bytes, fault: Fault | None) -> web.StreamResponse:
        if requests.read(request.method, request.rel_url, b"").is_watch:
            return await self._stream(request, fault if isinstance(fault, Silence | Lag | Expire) else None)
        status, headers, content = await self._fetch(request, body)
        return web.Response(status=status, headers=headers, body=content)

    async def _stream(self, request: web.Request, fault: Silence | Lag | Expire | None) -> web.StreamResponse:
        """Pass on a watch, in a task that can be ended: it would outlive an operator that nobody hears of."""
        async with await self._upstream.send(request, b"") as answer:
            relaying = asyncio.create_task(streams.relay(request, answer, fault, self._passage))
            self._streams.add(relaying)
            relaying.add_done_callback(self._streams.discard)
            try:
                return await relaying
            except asyncio.CancelledError:
                return _cut(request)

    async def _fetch(self, request: web.Request, body: bytes) -> tuple[int, CIMultiDict[str], bytes]:
        async with await self._upstream.send(request, body) as answer:
            return answer.status, _without_hops(answer.headers), await answer.read()

    def _deliver_later(self, request: web.Request, body: bytes, seconds: float) -> None:
        async def deliver() -> None:
            await asyncio.sleep(seconds)
            await self._fetch(request, body)

        task = asyncio.create_task(deliver())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


def _without_hops(headers: Mapping[str, str]) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    for name in _HOP & {name.lower() for name in kept}:
        kept.popall(name)
    return kept


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _refuse(answer: Answer) -> web.Response:
    message = f"{answer.reason}, says the fault proxy"
    status = {"kind": "Status", "apiVersion": "v1", "code": answer.code, "reason": answer.reason, "message": message}
    headers = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
    return web.json_response(status, status=answer.code, headers=headers)
