"""Who may speak to the server: programs of this machine that have the token.

kubectl sends a bearer token over TLS only, so the server's URL in the kubeconfig begins with the token as well; either
will do. The Host header is looked at too, so that a web page cannot reach the server through a name that it controls.
"""

import hmac
from urllib.parse import urlsplit

from aiohttp.web import BaseRequest

from tidegate.errors import ApiError, api_error

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Guard:
    """Lets requests pass, or says why not."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def admit(self, request: BaseRequest) -> str:
        """Give the path of a request, without the token; raises 403 for a Host that is not loopback, 401."""
        _check_host(request.headers.get("Host", ""))
        first, slash, rest = request.path.removeprefix("/").partition("/")
        if self._matches(first):
            return slash + rest or "/"
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not self._matches(given):
            raise _unauthorized()
        return request.path

    def _matches(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token)


def _check_host(host: str) -> None:
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in _LOOPBACK:
        raise api_error(403, "Forbidden", f"found the Host {host!r}: the sandbox is reached as 127.0.0.1 only")


def _unauthorized() -> ApiError:
    return api_error(401, "Unauthorized", "Unauthorized: the token of the sandbox's kubeconfig is needed")
