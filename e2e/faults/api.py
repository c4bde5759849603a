"""The API server as the tests themselves talk to it: directly, past every proxy."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from tidegate.kube.credentials import Credentials

_PATIENCE_SECONDS = 60.0


class Api:
    """JSON in and out; raises aiohttp.ClientResponseError with the server's own words."""

    def __init__(self, credentials: Credentials) -> None:
        self._server = credentials.server
        self._session = credentials.open_session()
        self._plurals: dict[str, dict[str, str]] = {}

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def get(self, path: str) -> dict[str, Any]:
        """Read."""
        return await self._exchange("GET", path)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create."""
        return await self._exchange("POST", path, body)

    async def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change, by a merge patch."""
        return await self._exchange("PATCH", path, body)

    async def delete(self, path: str) -> None:
        """Delete, and do not wait."""
        await self._exchange("DELETE", path)

    async def create(self, manifest: Mapping[str, Any], namespace: str) -> dict[str, Any]:
        """Create what a manifest says, of whatever kind."""
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if root not in self._plurals:
            found = (await self.get(root))["resources"]
            self._plurals[root] = {item["kind"]: item["name"] for item in found if "/" not in item["name"]}
        return await self.post(f"{root}/namespaces/{namespace}/{self._plurals[root][kind]}", manifest)

    async def watch(self, path: str, version: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Follow changes until the server ends the watch: type and object."""
        params = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.get(self._server + path, params=params, timeout=timeout) as answer:
            answer.raise_for_status()
            buffer = b""
            async for chunk in answer.content.iter_any():
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    change = json.loads(line)
                    yield change["type"], change["object"]

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask; while the server is away, ask again."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        data = None if body is None else json.dumps(body)
        while True:
            try:
                async with self._session.request(
                    method, self._server + path, data=data, headers={"Content-Type": kind}
                ) as answer:
                    text = await answer.text()
                    if answer.status < 500:
                        return _accepted(answer, text)
            except (aiohttp.ClientConnectionError, OSError):
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(0.3)


def _accepted(answer: aiohttp.ClientResponse, text: str) -> dict[str, Any]:
    if answer.status >= 400:
        raise aiohttp.ClientResponseError(answer.request_info, (), status=answer.status, message=text)
    return dict(json.loads(text))
