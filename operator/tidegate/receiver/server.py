"""The receiver's HTTP server: it takes requests apart and puts answers together; what they mean is the desk's.

Bodies are never unpacked: what is signed is what was sent, and nothing small becomes large.
"""

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator

from aiohttp import web

from tidegate.errors import RequestRefused
from tidegate.receiver.desk import Answer, Desk, Request
from tidegate.receiver.hooks import Place

log = logging.getLogger(__name__)

_HEAD_SECONDS = 10.0
"""Until the first request of a connection must have its headers; aiohttp itself would wait for ever."""

_IDLE_SECONDS = 75.0
_STOP_SECONDS = 5.0


class Server:
    """Serves the desk.

    Args:
        desk: answers the requests.
        host: address to bind, None for all.
        port: port to bind, 0 for any that is free.
    """

    def __init__(self, desk: Desk, *, host: str | None, port: int) -> None:
        self._desk, self._host, self._port = desk, host, port
        self._heard: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._server: asyncio.Server | None = None
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            auto_decompress=False,
            keepalive_timeout=_IDLE_SECONDS,
            lingering_time=1.0,
            shutdown_timeout=_STOP_SECONDS,
        )

    async def start(self) -> int:
        """Begin to serve; give the port. Raises OSError when the address is taken."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, self._host, self._port, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop serving; requests that have begun are answered."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    def _connect(self) -> asyncio.Protocol:
        serve = self._runner.server
        assert serve is not None  # noqa: S101  it was set up before
        protocol = serve()
        asyncio.get_running_loop().call_later(_HEAD_SECONDS, self._close_silent, protocol)
        return protocol

    def _close_silent(self, protocol: web.RequestHandler) -> None:
        transport = protocol.transport
        if transport is not None and transport not in self._heard:
            transport.abort()

    async def _handle(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            self._heard.add(request.transport)
        try:
            return _response(await self._answer(request))
        except Exception:
            log.exception("a request ended the answer to it")
            return _response(Answer(500, {"error": "internal error; the receiver's log has more"}))

    async def _answer(self, request: web.Request) -> Answer:
        match request.path.split("/"):
            case ["", "hooks", namespace, flow, trigger]:
                place = Place(namespace, flow, trigger)
            case _:
                return Answer(404, {"error": "there is nothing here; expected /hooks/NAMESPACE/FLOW/TRIGGER"})
        if request.method != "POST":
            return Answer(405, {"error": f"the method is {request.method}; expected POST"})
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get("content-encoding", "identity") != "identity":
            return Answer(415, {"error": "Content-Encoding is set; expected a body that is not compressed"})
        return await self._desk.answer(place, Request(headers, _chunks(request), request.content_length))


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.content.iter_any():
            yield chunk
    except (web.RequestPayloadError, OSError):
        raise RequestRefused(400, "the body ended before its end") from None


def _response(answer: Answer) -> web.Response:
    headers = {"Server": "tidegate"}
    if answer.retry_after is not None:
        headers["Retry-After"] = str(answer.retry_after)
    if answer.status == 401:
        headers["WWW-Authenticate"] = 'Webhook realm="tidegate"'
    if answer.status == 405:
        headers["Allow"] = "POST"
    return web.json_response(dict(answer.body), status=answer.status, headers=headers)
