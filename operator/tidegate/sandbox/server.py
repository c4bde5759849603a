"""The Kubernetes API over HTTP on loopback, for the real kubectl and our operator, spoken by a model of a cluster.

It stands in for a cluster on a laptop and in tests; it serves the kinds that Tidegate uses and says so of the rest.
Every request acts on the world at once, between two awaits, so requests never see each other half done.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web

from tidegate.errors import ApiError, api_error
from tidegate.sandbox import discovery, openapi, protobuf
from tidegate.sandbox.answers import bad_request, not_allowed, status_of, success, unsupported
from tidegate.sandbox.customs import Admit, Customs
from tidegate.sandbox.founding import found
from tidegate.sandbox.guard import Guard
from tidegate.sandbox.history import History
from tidegate.sandbox.kinds import PODS
from tidegate.sandbox.logrequests import Logs, open_log
from tidegate.sandbox.reads import Reads
from tidegate.sandbox.reviews import is_review, review
from tidegate.sandbox.routes import Target, target_of
from tidegate.sandbox.tables import Shapes, encoded, shape_of
from tidegate.sandbox.tree import Object
from tidegate.sandbox.watches import Watches, is_true, wanted_of
from tidegate.sandbox.world import World
from tidegate.sandbox.writes import Options, Writes, Written, deletion_of, options_of

log = logging.getLogger(__name__)

_HEALTH = ("/healthz", "/livez", "/readyz")
_JSON = "application/json"
_MAX_BODY = 3 * 1024 * 1024


class Server:
    """Serves a world; whoever drives the world's controllers listens to its changes.

    Args:
        world: the cluster.
        clock: the time in seconds since 1970.
        crds: the CRDs of the custom kinds, whose schemas and columns hold.
        admit: what the rules of the CRDs would have against an object (given with its former state).
        logs: gives the log of a container.
        token: the bearer token that every request must carry.
        port: to listen on; 0 for any free one.
    """

    def __init__(  # noqa: PLR0913 - it is configured once, by keywords
        self,
        world: World,
        *,
        clock: Callable[[], float],
        crds: list[Object],
        admit: Admit,
        logs: Logs,
        token: str,
        port: int = 0,
    ) -> None:
        self._world, self._logs, self._port = world, logs, port
        found(world, crds, clock())
        self._guard, self._customs = Guard(token), Customs(crds, admit)
        shapes = Shapes(self._customs)
        self._shapes, self._clock = shapes, clock
        self._reads = Reads(world, shapes, clock)
        self._writes = Writes(world, self._customs, clock)
        self._watches = Watches(world, History(world), shapes, clock)
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen on 127.0.0.1; afterwards `url` is known."""
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """End all watches and close."""
        self._watches.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request, self._guard.admit(request))
        except ApiError as error:
            return _json(status_of(error), error.status)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return _json(status_of(api_error(500, "InternalError", "the sandbox failed; its log tells why")), 500)

    async def _answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if request.method == "GET" and (found := self._about_itself(path, request.headers.get("Accept", ""))):
            return found
        if request.method == "POST" and is_review(path):
            await _bytes(request)  # whatever is asked, in whatever encoding: the answer is yes
            return _json(review(path), 201)
        target = target_of(path)
        try:
            if target.subresource == "log":
                return await self._send_log(request, target)
            if request.method == "GET":
                return await self._read(request, target)
            return await self._write(request, target)
        except ApiError as error:
            return _json(status_of(error, target.details), error.status)

    def _about_itself(self, path: str, accept: str) -> web.Response | None:
        """Answer health, discovery and OpenAPI."""
        if path.startswith(_HEALTH):
            return web.Response(text="ok")
        if found := discovery.discovery(path, accept):
            return web.Response(body=encoded(found[0]), headers={"Content-Type": found[1]})
        if path == "/openapi/v2":
            return _openapi_v2(accept)
        if path == "/openapi/v3":
            return _json(openapi.index())
        if path.startswith("/openapi/v3/"):
            document = openapi.document(path.removeprefix("/openapi/v3/"), self._customs)
            return None if document is None else _json(document)
        return None

    async def _read(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        query, accept = request.query, request.headers.get("Accept", "")
        if is_true(query.get("watch")):
            return await self._watch(request, target, query, accept)
        read = self._reads.get if target.name else self._reads.list
        return _json(read(target, query, accept))

    async def _watch(
        self, request: web.BaseRequest, target: Target, query: Mapping[str, str], accept: str
    ) -> web.StreamResponse:
        lines = self._watches.follow(wanted_of(target, query, shape_of(accept)))
        return await _stream(request, lines, _JSON)

    async def _send_log(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        if request.method != "GET":
            raise not_allowed()
        return await _stream(request, open_log(self._logs, target, request.query), "text/plain")

    async def _write(self, request: web.BaseRequest, target: Target) -> web.Response:
        options = options_of(request.query)
        match request.method, bool(target.name):
            case "POST", True if target.subresource == "eviction":
                return self._evict(target, options)
            case "POST", False:
                return self._written(request, target, self._writes.create(target, await _body(request), options), 201)
            case "PUT", True:
                return self._written(request, target, self._writes.replace(target, await _body(request), options))
            case "PATCH", True:
                patch, form = await _bytes(request), request.headers.get("Content-Type", "")
                return self._written(request, target, self._writes.patch(target, form, patch, options))
            case "DELETE", is_one if not target.subresource:
                body = await _body(request)
                return self._delete(request, target, body, options) if is_one else self._clear(request, target, body)
        raise not_allowed()

    def _written(self, request: web.BaseRequest, target: Target, written: Written, status: int = 200) -> web.Response:
        shape = shape_of(request.headers.get("Accept", ""))
        response = _json(self._shapes.one(target.kind, written.obj, shape, self._clock()), status)
        for warning in written.warnings:
            response.headers.add("Warning", f'299 - "{warning.replace(chr(34), chr(92) + chr(34))}"')
        return response

    def _delete(self, request: web.BaseRequest, target: Target, body: Object, options: Options) -> web.Response:
        options = options_of({**request.query, **_dry_run(body)}) if body.get("dryRun") else options
        obj = self._writes.delete(target, deletion_of(request.query, body), options)
        if "deletionTimestamp" in obj["metadata"]:
            return _json(self._shapes.one(target.kind, obj, "", self._clock()))
        return _json(success({**target.details, "uid": obj["metadata"]["uid"]}))

    def _clear(self, request: web.BaseRequest, target: Target, body: Object) -> web.Response:
        """Delete a collection, or what selectors choose of it."""
        if target.namespace is None and target.kind.namespaced:
            raise not_allowed()
        options, deletion = options_of({**request.query, **_dry_run(body)}), deletion_of(request.query, body)
        found = self._reads.select(target, request.query)
        for obj in found:
            self._writes.delete(target._replace(name=obj["metadata"]["name"]), deletion, options)
        return _json(self._shapes.many(target.kind, found, "", {"resourceVersion": ""}, self._clock()))

    def _evict(self, target: Target, options: Options) -> web.Response:
        pod = self._world.get(PODS, target.namespace, target.name)
        if not options.is_dry_run:
            self._world.now = self._clock()
            self._world.evict(pod["metadata"]["uid"])
        return _json(success(target.details), 201)


def _dry_run(body: Object) -> dict[str, str]:
    values = body.get("dryRun") or ()
    return {"dryRun": str(values[0])} if values else {}


def _openapi_v2(accept: str) -> web.Response:
    if "protobuf" in accept:
        content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
        return web.Response(body=openapi.V2_PROTOBUF, headers={"Content-Type": content_type})
    return _json(openapi.V2)


def _json(value: Object, status: int = 200) -> web.Response:
    return web.Response(body=encoded(value), status=status, headers={"Content-Type": _JSON})


async def _stream(request: web.BaseRequest, pieces: AsyncIterator[bytes], content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    try:
        async for piece in pieces:
            if piece:
                await response.write(piece)
    except ConnectionResetError:
        log.debug("the client of %s has gone", request.path)
    return response


async def _bytes(request: web.BaseRequest) -> bytes:
    """Read a body; raises Rejected (413)."""
    if (request.content_length or 0) > _MAX_BODY:
        raise _too_large()
    pieces, size = [], 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > _MAX_BODY:
            raise _too_large()
        pieces.append(piece)
    return b"".join(pieces)


def _too_large() -> ApiError:
    return api_error(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_MAX_BODY}")


async def _body(request: web.BaseRequest) -> Object:
    """Read a JSON object; an empty body is an empty object."""
    content = await _bytes(request)
    if not content:
        return {}
    media = request.content_type
    if media == protobuf.MEDIA_TYPE:
        return protobuf.decoded(content)
    if media not in (_JSON, "application/octet-stream", "text/plain"):
        raise unsupported(f"found a body of type {media}, expected {_JSON}: the sandbox reads JSON")
    try:
        body: Any = json.loads(content)
    except ValueError as error:
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise bad_request(f"the body is {type(body).__name__}, expected an object")
    return body
