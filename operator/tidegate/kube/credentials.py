"""Who we are to which API server: found as kubectl finds it, without the `kubernetes` package.

In this order: a kubeconfig or context that was asked for, `$KUBECONFIG`, the pod's service account, `~/.kube/config`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext

import aiohttp

from tidegate.errors import UsageError
from tidegate.kube import kubeconfig as kubeconfigs
from tidegate.kube.authorization import Authorization, TokenFile, middleware
from tidegate.kube.tls import a_context

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API server and our standing with it.

    `server` is its URL, without a trailing slash; `namespace` the default one; `tls` None for plain http;
    `authorization` gives the header; `proxy` the URL of an HTTP proxy; `server_name` the name that the server's
    certificate must bear when that differs from the URL's.
    """

    server: str
    namespace: str
    tls: SSLContext | None
    authorization: Authorization
    proxy: str | None = None
    server_name: str | None = None

    def open_session(
        self, connector: aiohttp.TCPConnector | None = None, timeout: aiohttp.ClientTimeout | None = None
    ) -> aiohttp.ClientSession:
        """Open an HTTP session that authenticates itself, and once more after a 401; needs a running loop.

        A connector that is passed in must use `tls` itself.
        """
        return aiohttp.ClientSession(
            connector=connector or aiohttp.TCPConnector(limit=0, ssl=self.tls or True),
            middlewares=(middleware(self.authorization, self.server_name),),
            proxy=self.proxy,
            timeout=timeout or aiohttp.ClientTimeout(total=None, sock_connect=10),
            headers={"User-Agent": "tidegate"},
        )


def load_credentials(
    context: str | None = None,
    kubeconfig: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    service_account: Path = SERVICE_ACCOUNT,
) -> Credentials:
    """Find the API server and the credentials for it.

    Args:
        context: context of the kubeconfig; None for its current one.
        kubeconfig: path of a kubeconfig.
        environ: the environment, the process's own by default.
        service_account: where a pod's account is mounted.

    Raises:
        UsageError: nothing is configured, or what is configured cannot be used.
    """
    environ = os.environ if environ is None else environ
    paths = kubeconfigs.paths(kubeconfig, environ)
    is_chosen = bool(context or kubeconfig or environ.get("KUBECONFIG"))
    if not is_chosen and (found := _of_service_account(service_account, environ)) is not None:
        return found
    login = kubeconfigs.load(paths, context, is_in_pod=service_account.is_dir())
    return Credentials(login.server, login.namespace, login.tls, login.authorization, login.proxy, login.server_name)


def _of_service_account(mount: Path, environ: Mapping[str, str]) -> Credentials | None:
    """Give the pod's account; None outside of a pod."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    token = mount / "token"
    if not host or not token.is_file():
        return None
    try:
        namespace = (mount / "namespace").read_text(encoding="utf-8").strip()
        tls = a_context(authority=(mount / "ca.crt").read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise UsageError(f"the service account in {mount} cannot be used: {error}") from error
    address = f"[{host}]" if ":" in host else host
    return Credentials(f"https://{address}:{port}", namespace or "default", tls, TokenFile(token))
