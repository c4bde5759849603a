"""Finding out which version the API server prefers for a resource, and whether it lives in namespaces."""

from collections.abc import Callable, Iterator
from typing import Any

from tidegate.errors import NotFound
from tidegate.kube.client import Client
from tidegate.kube.resources import Resource

KEPT_SECONDS = 300.0
"""How long an answer is believed: CRDs come and change, but seldom."""


class Discovery:
    """Knows resources by group and plural name; what does not exist is asked for again each time."""

    def __init__(self, client: Client, monotonic: Callable[[], float]) -> None:
        self._client, self._monotonic = client, monotonic
        self._known: dict[tuple[str, str], tuple[Resource, float]] = {}

    async def find(self, group: str, plural: str) -> Resource | None:
        """Give the resource in the preferred version that has it; None when the API server serves no such thing.

        Raises:
            ApiError: the API server could not be asked.
        """
        known = self._known.get((group, plural))
        now = self._monotonic()
        if known is not None and now - known[1] < KEPT_SECONDS:
            return known[0]
        found = await self._ask(group, plural)
        if found is not None:
            self._known[group, plural] = found, now
        return found

    def forget(self, group: str, plural: str) -> None:
        """Ask anew the next time: a request for it found no such path."""
        self._known.pop((group, plural), None)

    async def _ask(self, group: str, plural: str) -> Resource | None:
        if "/" in plural:  # a subresource, such as pods/log: not an object
            return None
        try:
            for version in await self._versions(group):
                path = f"/apis/{group}/{version}" if group else f"/api/{version}"
                for entry in (await self._client.read(path)).get("resources") or ():
                    if entry.get("name") == plural:
                        return Resource(group, version, plural, entry["kind"], bool(entry.get("namespaced")))
        except NotFound:
            return None
        return None

    async def _versions(self, group: str) -> list[str]:
        """Give the versions of a group, the preferred one first."""
        return list(_in_order(await self._client.read(f"/apis/{group}"))) if group else ["v1"]


def _in_order(group: dict[str, Any]) -> Iterator[str]:
    preferred = (group.get("preferredVersion") or {}).get("version")
    if preferred:
        yield str(preferred)
    for entry in group.get("versions") or ():
        if entry.get("version") != preferred:
            yield str(entry["version"])
