"""Passing on a watch, line by line, and what can go wrong with it while it is open."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from .rules import Expire, Lag, Silence

_EXPIRED = {"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired", "message": "says the fault proxy"}
_EVER = 1e6


async def relay(
    request: web.Request,
    answer: aiohttp.ClientResponse,
    fault: Silence | Lag | Expire | None,
    passage: asyncio.Event,
) -> web.StreamResponse:
    """Pass on a watch until one side ends it; nothing goes through while `passage` is not set."""
    stream = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    await passage.wait()
    await stream.prepare(request)
    with contextlib.suppress(ConnectionError):
        async for line in _altered(_lines(answer), fault):
            await passage.wait()
            await stream.write(line)
    return stream


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    rest = b""
    with contextlib.suppress(aiohttp.ClientError):
        async for chunk in answer.content.iter_any():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line + b"\n"


async def _altered(lines: AsyncIterator[bytes], fault: Silence | Lag | Expire | None) -> AsyncIterator[bytes]:
    match fault:
        case Silence(after_lines):
            async for line in _first(lines, after_lines):
                yield line
            await asyncio.sleep(_EVER)
        case Expire(after_lines):
            async for line in _first(lines, after_lines):
                yield line
            yield json.dumps({"type": "ERROR", "object": _EXPIRED}).encode() + b"\n"
        case Lag(seconds):
            async for line in _delayed(lines, seconds):
                yield line
        case None:
            async for line in lines:
                yield line


async def _first(lines: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    while count > 0 and (line := await anext(lines, None)) is not None:
        yield line
        count -= 1


async def _delayed(lines: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """Give each line so much later than it came, in order."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue()

    async def collect() -> None:
        async for line in lines:
            queue.put_nowait((loop.time() + seconds, line))
        queue.put_nowait((loop.time(), None))

    collecting = asyncio.create_task(collect())
    try:
        while (item := await queue.get())[1] is not None:
            await asyncio.sleep(max(0.0, item[0] - loop.time()))
            yield item[1]
    finally:
        collecting.cancel()
