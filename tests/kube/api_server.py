"""A tiny API server on loopback: `FakeApi` spoken over HTTP, with the quirks of the real one that a client meets."""

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from kube.fake_api import FakeApi
from tidegate.errors import ApiError
from tidegate.kube import resources as kinds
from tidegate.kube.resources import Resource

RESOURCES = {kind.plural: kind for kind in vars(kinds).values() if isinstance(kind, Resource)}


@dataclass(slots=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    peer: tuple[str, int]


@dataclass
class ApiServer:
    """`scripted` answers go out first, one a request; `gate`, when set, holds back every answer until it is set."""

    api: FakeApi = field(default_factory=FakeApi)
    token: str | None = None
    date: str | None = None
    seen: list[Seen] = field(default_factory=list)
    scripted: list[web.Response] = field(default_factory=list)
    watch_lines: list[bytes] | None = None
    gate: asyncio.Event | None = None
    arrivals: asyncio.Queue[Seen] = field(default_factory=asyncio.Queue)
    expire_pages: bool = False
    url: str = ""

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None):
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            if self.gate is not None:
                self.gate.set()
            self.api.end_watches()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        peer = request.transport.get_extra_info("peername")
        seen = Seen(
            *(request.method, request.path, dict(request.query), dict(request.headers)),
            *(json.loads(body) if body else None, peer),
        )
        self.seen.append(seen)
        self.arrivals.put_nowait(seen)
        if self.gate is not None:
            await self.gate.wait()
        if self.scripted:
            return self.scripted.pop(0)
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._json({"kind": "Status", "code": 401, "reason": "Unauthorized", "message": "no"}, 401)
        try:
            return await self._serve(request, seen)
        except ApiError as error:
            return status(error.status, error.reason, error.message)

    async def _serve(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        resource, namespace, name, _sub = parse(request.path)
        if "watch" in seen.query:
            return await self._watch(request, resource, namespace, seen.query)
        if request.method == "POST":
            return self._json(await self.api.create(resource, namespace, seen.body), 201)
        if request.method == "PUT":
            return self._json(await self.api.replace(resource, seen.body))
        if request.method == "DELETE":
            uid = (seen.body.get("preconditions") or {}).get("uid")
            await self.api.delete(resource, namespace, name, uid=uid)
            return self._json({"kind": "Status", "status": "Success"})
        if name:
            return self._json(await self.api.get(resource, namespace, name))
        return await self._list(resource, namespace, seen)

    async def _list(self, resource: Resource, namespace: str | None, seen: Seen) -> web.Response:
        page = await self.api.list(resource, namespace, labels=seen.query.get("labelSelector", ""))
        start = int(seen.query.get("continue", "0"))
        if start and self.expire_pages:
            return status(410, "Expired", "The provided continue parameter is too old")
        end = start + int(seen.query.get("limit", "1000000"))
        items = page.items[start:end]
        kind = resource.kind
        if "as=PartialObjectMetadataList" in seen.headers["Accept"].split(",")[0]:
            kind, items = "PartialObjectMetadata", [{"metadata": item["metadata"]} for item in items]
        metadata = {"resourceVersion": page.resource_version}
        if end < len(page.items):
            metadata["continue"] = str(end)
        return self._json({"kind": f"{kind}List", "metadata": metadata, "items": items})

    async def _watch(self, request, resource, namespace, query) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        await stream.prepare(request)
        with contextlib.suppress(ConnectionError):
            if self.watch_lines is not None:
                for piece in self.watch_lines:
                    await stream.write(piece)
                return stream
            try:
                async for change in self.api.watch(resource, namespace, resource_version=query["resourceVersion"]):
                    await stream.write(json.dumps({"type": change.type, "object": change.object}).encode() + b"\n")
            except ApiError as error:
                body = {"code": error.status, "reason": error.reason, "message": error.message}
                await stream.write(json.dumps({"type": "ERROR", "object": body}).encode() + b"\n")
        return stream

    def _json(self, body: Any, code: int = 200) -> web.Response:
        return web.json_response(body, status=code, headers={"Date": self.date} if self.date else None)


def status(code: int, reason: str, message: str, **headers: str) -> web.Response:
    """Give an answer as API servers refuse things."""
    body = {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}
    return web.json_response(
        body, status=code, headers={key.replace("_", "-"): value for key, value in headers.items()}
    )


def parse(path: str) -> tuple[Resource, str | None, str, str]:
    """Give kind, namespace, name and subresource of a URL path."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    name, sub = [*rest[1:], "", ""][:2]
    return RESOURCES[rest[0]], namespace, name, sub
