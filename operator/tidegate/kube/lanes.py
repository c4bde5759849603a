"""Connections to the API server in lanes, so that a crowd in one never keeps another waiting.

Watches stay open for minutes, creates come in bursts, a status write is what everything else waits for, and the
Lease must get through when nothing else does. Each lane has its own connections.
"""

import asyncio
import contextlib
import socket
import struct
import weakref
from collections.abc import Sequence
from typing import Any

import aiohttp

from tidegate.kube.credentials import Credentials
from tidegate.kube.gate import Gate

# A peer that acknowledges nothing for so long is gone: the renew deadline of the Lease.
_DEAD_AFTER_MS = 10_000
_IDLE_SECONDS = 30
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Address = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class Lane:
    """One pool of connections with its gate.

    Args:
        credentials: where to connect, and as whom.
        most: requests in flight that are never exceeded; 0 for a lane without a gate.
        timeout: how long a request may take.
    """

    def __init__(self, credentials: Credentials, most: int, timeout: aiohttp.ClientTimeout) -> None:
        self.gate = Gate(most) if most else None
        self._credentials, self._timeout = credentials, timeout
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._session: aiohttp.ClientSession | None = None
        self._closing: set[asyncio.Future[None]] = set()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session in use, opened when first needed."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0,
                ssl=self._credentials.tls or True,
                keepalive_timeout=_IDLE_SECONDS,
                socket_factory=self._open_socket,
            )
            self._session = self._credentials.open_session(connector, self._timeout)
        return self._session

    def abort(self) -> None:
        """Cut all connections with a reset, requests in flight fail; the next request opens new ones."""
        session, self._session = self._session, None
        if session is None:
            return
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):  # closed already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        closing = asyncio.ensure_future(_cut(session))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await asyncio.gather(*self._closing)

    def _open_socket(self, address: Address) -> socket.socket:
        family, kind, protocol, _, _ = address
        sock = socket.socket(family=family, type=kind, proto=protocol)
        sock.setblocking(False)
        for level, option, value in _options():
            sock.setsockopt(level, option, value)
        self._sockets.add(sock)
        return sock


async def _cut(session: aiohttp.ClientSession) -> None:
    if session.connector is not None:
        await session.connector.close(abort_ssl=True)
    await session.close()


def _options() -> Sequence[tuple[int, int, int]]:
    """Give what makes a dead peer noticed in seconds; macOS lacks some of it."""
    wanted = (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 10),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 5),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", _DEAD_AFTER_MS),
    )
    return [(level, getattr(socket, name), value) for level, name, value in wanted if hasattr(socket, name)]
