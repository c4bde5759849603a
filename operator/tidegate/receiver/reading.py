"""Reading bodies: never more than so many bytes of one, or of all together, and never longer than so many seconds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tidegate.errors import RequestRefused

MOST_BYTES = 1 << 20
MOST_HELD = 64 << 20
SECONDS = 10.0


class Reading:
    """Reads the bodies of one process. It is done before anything is known of who sends."""

    def __init__(self) -> None:
        self._held = 0

    @contextlib.asynccontextmanager
    async def body(self, chunks: AsyncIterator[bytes], length: int | None) -> AsyncIterator[bytes]:
        """Give a body, which counts as held until the end of the block.

        Args:
            chunks: as they come.
            length: of all, where the request says so.

        Raises:
            RequestRefused: it is too large, comes too slowly, or too many others are being read.
        """
        if length is not None and length > MOST_BYTES:
            raise _too_large()
        held = bytearray()
        try:
            await self._read(held, chunks)
            yield bytes(held)
        finally:
            self._held -= len(held)

    async def _read(self, held: bytearray, chunks: AsyncIterator[bytes]) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                async for chunk in chunks:
                    self._take(held, chunk)
        except TimeoutError:
            raise RequestRefused(408, f"the body did not come within {SECONDS:.0f} s") from None

    def _take(self, held: bytearray, chunk: bytes) -> None:
        if len(held) + len(chunk) > MOST_BYTES:
            raise _too_large()
        if self._held + len(chunk) > MOST_HELD:
            raise RequestRefused(503, "too many requests are being read", retry_after=1)
        held += chunk
        self._held += len(chunk)


def _too_large() -> RequestRefused:
    return RequestRefused(413, f"the body is larger than {MOST_BYTES:,} bytes")
