"""The Authorization header: none, fixed, from a file that is renewed, or (see `execlogin.py`) from a program."""

from pathlib import Path
from typing import Protocol

import aiohttp


class LoginFailed(aiohttp.ClientError):
    """Credentials could not be had; it may pass.

    It is an aiohttp error because it surfaces inside a request: whoever retries a broken connection (kopf does, and
    our client) then retries this as well.
    """


class Authorization(Protocol):
    """Where the header comes from."""

    async def header(self, *, refresh: bool = False) -> str | None:
        """Give the header's value, None for no header; `refresh` after the last one was refused.

        Raises LoginFailed.
        """
        ...


class Fixed:
    """A header that never changes, or none."""

    def __init__(self, value: str | None = None) -> None:
        self._value = value

    async def header(self, *, refresh: bool = False) -> str | None:  # noqa: ARG002 - nothing to refresh
        """Give it."""
        return self._value


class TokenFile:
    """A bearer token in a file, read again whenever the file was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._value = ""

    async def header(self, *, refresh: bool = False) -> str | None:
        """Give it; a stat call for each request, a read only after a change."""
        return self._read(refresh=refresh)

    def _read(self, *, refresh: bool) -> str:
        try:
            stat = self._path.stat()
            if refresh or self._seen != (stat.st_ino, stat.st_mtime_ns):
                self._value = f"Bearer {self._path.read_text(encoding='ascii').strip()}"
                self._seen = (stat.st_ino, stat.st_mtime_ns)
        except (OSError, ValueError) as error:
            raise LoginFailed(f"the token in {self._path} cannot be read: {error}") from error
        return self._value


def basic(username: str, password: str) -> Fixed:
    """Give HTTP basic authentication."""
    return Fixed(aiohttp.encode_basic_auth(username, password))


def middleware(authorization: Authorization, server_name: str | None = None) -> aiohttp.ClientMiddlewareType:
    """Make what adds the header to each request, and tries once more with a fresh one after a 401."""

    async def authorize(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        request.server_hostname = server_name or request.server_hostname
        await _set(request, authorization, refresh=False)
        response = await handler(request)
        if response.status != 401 or not request.headers.get("Authorization"):
            return response
        response.release()
        await _set(request, authorization, refresh=True)
        return await handler(request)

    return authorize


async def _set(request: aiohttp.ClientRequest, authorization: Authorization, *, refresh: bool) -> None:
    value = await authorization.header(refresh=refresh)
    if value is not None:
        request.headers["Authorization"] = value
