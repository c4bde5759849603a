"""Credentials from a program that the kubeconfig names (`exec`), as cloud providers ship them.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins has the protocol.
"""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Any, Self

from tidegate.kube import tls
from tidegate.kube.authorization import LoginFailed

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_PATIENCE_SECONDS = 60.0
# Fetched anew so long before they expire: a request must not be refused for the sake of a second.
_MARGIN_SECONDS = 30.0
_FRESH_SECONDS = 5.0
_CLUSTER_KEYS = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")


class ExecLogin:
    """Runs the program when credentials are needed, and again when they expire or are refused."""

    def __init__(
        self,
        argv: list[str],
        environ: Mapping[str, str],
        api_version: str,
        context: SSLContext | None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._argv, self._environ, self._api_version = argv, environ, api_version
        self._context, self._wall_clock = context, wall_clock
        self._lock = asyncio.Lock()
        self._value: str | None = None
        self._fetched_at = float("-inf")
        self._expires: float | None = 0.0  # None: never

    @classmethod
    def from_kubeconfig(cls, plugin: Mapping[str, Any], cluster: Mapping[str, Any], context: SSLContext | None) -> Self:
        """Take the `exec` entry of a user.

        Raises:
            ValueError: its version is not known, or the program is not there.
        """
        command, version = str(plugin.get("command") or ""), plugin.get("apiVersion")
        if version not in _VERSIONS:
            raise ValueError(f"exec has apiVersion {version!r}, expected one of {', '.join(_VERSIONS)}")
        if plugin.get("interactiveMode") == "Always":
            raise ValueError(f"exec {command!r} must be run at a terminal, which is not supported")
        if not command or shutil.which(command) is None:
            hint = f": {plugin['installHint'].strip()}" if plugin.get("installHint") else ""
            raise ValueError(f"exec needs the program {command!r}, which was not found{hint}")
        spec: dict[str, Any] = {"interactive": False}
        if plugin.get("provideClusterInfo"):
            spec["cluster"] = {key: cluster[key] for key in _CLUSTER_KEYS if cluster.get(key)}
        info = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
        extra = {str(item["name"]): str(item["value"]) for item in plugin.get("env") or []}
        environ = {**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)}
        return cls([command, *map(str, plugin.get("args") or [])], environ, version, context)

    async def header(self, *, refresh: bool = False) -> str | None:
        """Give the bearer token, None when the program gave a client certificate only."""
        async with self._lock:
            # Of many requests that were refused together only the first runs the program.
            is_fresh = self._wall_clock() - self._fetched_at < _FRESH_SECONDS
            if (refresh and not is_fresh) or self._is_expired():
                self._take(await self._run())
        return self._value

    def _is_expired(self) -> bool:
        return self._expires is not None and self._wall_clock() >= self._expires - _MARGIN_SECONDS

    async def _run(self) -> dict[str, Any]:
        """Run the program; give the status of the credential that it prints."""
        try:
            child = await asyncio.create_subprocess_exec(
                *self._argv, env=self._environ, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
            )
        except OSError as error:
            raise LoginFailed(f"{self._argv[0]} could not be started: {error}") from error
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                output, _ = await child.communicate()
        except TimeoutError as error:
            raise LoginFailed(f"{self._argv[0]} gave no credentials within {_PATIENCE_SECONDS:.0f} s") from error
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            raise LoginFailed(f"{self._argv[0]} ended with code {child.returncode}")
        return self._parse(output)

    def _parse(self, output: bytes) -> dict[str, Any]:
        try:
            credential = json.loads(output)
            status, version = credential["status"], credential["apiVersion"]
        except (ValueError, LookupError, TypeError) as error:
            raise LoginFailed(f"{self._argv[0]} printed no ExecCredential with a status") from error
        if version != self._api_version:
            raise LoginFailed(f"{self._argv[0]} printed apiVersion {version}, expected {self._api_version}")
        if not isinstance(status, dict) or not (status.get("token") or status.get("clientCertificateData")):
            raise LoginFailed(f"{self._argv[0]} printed neither a token nor a client certificate")
        return status

    def _take(self, status: Mapping[str, Any]) -> None:
        token, certificate = status.get("token"), status.get("clientCertificateData")
        try:
            if certificate and self._context is not None:
                tls.add_client_certificate(self._context, certificate, str(status.get("clientKeyData", "")))
            self._expires = _seconds(status.get("expirationTimestamp"))
        except ValueError as error:
            raise LoginFailed(f"{self._argv[0]}: {error}") from error
        self._value = f"Bearer {token}" if token else None
        self._fetched_at = self._wall_clock()


def _seconds(timestamp: str | None) -> float | None:
    """Give an RFC 3339 instant in seconds since 1970."""
    if not timestamp:
        return None
    instant = datetime.fromisoformat(timestamp)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
