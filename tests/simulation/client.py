"""The client of a simulated operator: the only fake below the production code, and where requests go wrong."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from simulation.chance import Chance
from simulation.cluster import Cluster
from tidegate.errors import ApiError, Unavailable
from tidegate.kube.client import Change, Client, Object, Page
from tidegate.kube.resources import Resource
from tidegate.sandbox.kinds import Kind, find


def kind_of(resource: Resource) -> Kind:
    """Give the model's name for a resource."""
    kind = find(resource.group, resource.plural)
    assert kind is not None, resource
    return kind


class SimulatedClient(Client):
    """Speaks to the model; `crash` ends the operator it belongs to, in the middle of what it does."""

    def __init__(self, cluster: Cluster, chance: Chance, crash: Callable[[], None], counts: Counter[str]) -> None:
        self._cluster, self._chance, self._crash, self._counts = cluster, chance, crash, counts

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        return await self._read(lambda: self._cluster.world.get(kind_of(resource), namespace, name))

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> Page:
        world = self._cluster.world

        def look() -> Page:
            return Page(
                list(world.list(kind_of(resource), namespace, labels=labels, fields=fields)),
                str(world.resource_version),
            )

        return await self._read(look)

    async def create(self, resource: Resource, namespace: str | None, body: Mapping[str, Any]) -> Object:
        return await self._write(
            f"POST {resource.plural}",
            lambda: self._cluster.world.create(kind_of(resource), dict(body), namespace=namespace),
        )

    async def replace(self, resource: Resource, body: Mapping[str, Any], *, subresource: str = "") -> Object:
        return await self._write(
            f"PUT {resource.plural}",
            lambda: self._cluster.world.replace(kind_of(resource), dict(body), subresource=subresource),
        )

    async def delete(self, resource: Resource, namespace: str | None, name: str, *, uid: str | None = None) -> None:
        await self._write(
            f"DELETE {resource.plural}",
            lambda: self._cluster.world.delete(kind_of(resource), namespace, name, uid=uid),
        )

    def watch(
        self, resource: Resource, namespace: str | None, *, resource_version: str, labels: str = ""
    ) -> AsyncIterator[Change]:
        raise AssertionError("simulated operators see through views")

    async def _read(self, look: Callable[[], Any]) -> Any:
        await asyncio.sleep(self._chance.latency())
        if self._chance.strikes("throttled"):
            raise Unavailable(429, "TooManyRequests", "too many requests", retry_after=1.0)
        result = look()
        await asyncio.sleep(self._chance.latency())
        return result

    async def _write(self, what: str, change: Callable[[], Any]) -> Any:
        chance = self._chance
        if chance.strikes("crash_before"):
            self._crash()
        await asyncio.sleep(chance.latency())
        if chance.strikes("throttled"):
            raise Unavailable(429, "TooManyRequests", "too many requests")
        if chance.strikes("request_lost"):
            raise Unavailable(0, "", "the request was lost")
        if chance.strikes("applied_late"):
            asyncio.get_running_loop().call_later(chance.seconds(1, 25), self._apply_late, change)
            raise Unavailable(0, "", "timed out")
        self._cluster.world.now = self._cluster.now()
        self._counts[what] += 1
        result = change()
        if chance.strikes("crash_after"):
            self._crash()
        if chance.strikes("reply_lost"):
            raise Unavailable(0, "", "the reply was lost")
        await asyncio.sleep(chance.latency())
        return result

    def _apply_late(self, change: Callable[[], Any]) -> None:
        """A request that was on its way arrives after its sender has given up."""
        try:
            self._cluster.world.now = self._cluster.now()
            change()
        except ApiError:
            return
