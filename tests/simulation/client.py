"""The client of a simulated operator: the only fake below the production code, and where requests go wrong."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from simulation.chance import Chance
from simulation.cluster import Cluster
from tidegate.errors import ApiError, NotFound, Unavailable
from tidegate.kube.client import Change, Client, Object, Page
from tidegate.kube.resources import ACCESS_REVIEWS, Resource
from tidegate.sandbox.discovery import discovery
from tidegate.sandbox.kinds import Kind, find


def kind_of(resource: Resource) -> Kind:
    """Give the model's name for a resource."""
    kind = find(resource.group, resource.plural)
    assert kind is not None, resource
    return kind


class SimulatedClient(Client):
    """Speaks to the model.

    Args:
        cluster: the model.
        chance: what goes wrong.
        crash: ends the operator that the client belongs to, in the middle of what it does.
        freeze: gives the instant before which the operator is frozen and gets no answer.
        counts: requests that reached the cluster, by verb and resource.
    """

    def __init__(
        self,
        cluster: Cluster,
        chance: Chance,
        crash: Callable[[], None],
        freeze: Callable[[], float],
        counts: Counter[str],
    ) -> None:
        self._cluster, self._chance, self._crash, self._freeze = cluster, chance, crash, freeze
        self._counts = counts
        self._loop = asyncio.get_running_loop()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        look = self._cluster.world.get
        return await self._read(f"GET {resource.plural}", lambda: look(kind_of(resource), namespace, name))

    async def read(self, path: str) -> Object:
        def look() -> Object:
            found = discovery(path, "")
            if found is None:
                raise NotFound(404, "NotFound", "the server could not find the requested resource")
            return found[0]

        return dict(await self._read("GET discovery", look))

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
            found = world.list(kind_of(resource), namespace, labels=labels, fields=fields)
            return Page(list(found), str(world.resource_version))

        return await self._read(f"LIST {resource.plural}", look)

    async def create(self, resource: Resource, namespace: str | None, body: Mapping[str, Any]) -> Object:
        if resource == ACCESS_REVIEWS:
            is_allowed = not self._chance.strikes("not_permitted")
            return dict(await self._read("REVIEW", lambda: {**body, "status": {"allowed": is_allowed}}))
        create = self._cluster.world.create
        return await self._write(
            f"POST {resource.plural}", lambda: create(kind_of(resource), dict(body), namespace=namespace)
        )

    async def replace(self, resource: Resource, body: Mapping[str, Any], *, subresource: str = "") -> Object:
        replace = self._cluster.world.replace
        return await self._write(
            f"PUT {resource.plural}", lambda: replace(kind_of(resource), dict(body), subresource=subresource)
        )

    async def delete(self, resource: Resource, namespace: str | None, name: str, *, uid: str | None = None) -> None:
        delete = self._cluster.world.delete
        await self._write(f"DELETE {resource.plural}", lambda: delete(kind_of(resource), namespace, name, uid=uid))

    def watch(
        self, resource: Resource, namespace: str | None, *, resource_version: str, labels: str = ""
    ) -> AsyncIterator[Change]:
        raise AssertionError("simulated operators see through views")

    async def _read(self, what: str, look: Callable[[], Any]) -> Any:
        await self._pass_time()
        if self._chance.strikes("throttled"):
            raise Unavailable(429, "TooManyRequests", "too many requests", retry_after=1.0)
        self._counts[what] += 1
        result = look()
        await self._pass_time()
        return result

    async def _write(self, what: str, change: Callable[[], Any]) -> Any:
        chance = self._chance
        if chance.strikes("crash_before"):
            self._crash()
        await self._pass_time()
        if chance.strikes("throttled"):
            raise Unavailable(429, "TooManyRequests", "too many requests")
        if chance.strikes("request_lost"):
            raise Unavailable(0, "", "the request was lost")
        if chance.strikes("applied_late"):
            self._loop.call_later(chance.seconds(1, 25), self._apply_late, change)
            raise Unavailable(0, "", "timed out")
        self._counts[what] += 1
        result = self._cluster.change(change)
        if chance.strikes("crash_after"):
            self._crash()
        if chance.strikes("reply_lost"):
            raise Unavailable(0, "", "the reply was lost")
        await self._pass_time()
        return result

    async def _pass_time(self) -> None:
        """Wait for half of a request, and for as long as the process is frozen."""
        until = max(self._loop.time() + self._chance.latency(), self._freeze())
        if until > self._loop.time():
            passed = self._loop.create_future()
            self._loop.call_at(until, _arrive, passed)
            await passed

    def _apply_late(self, change: Callable[[], Any]) -> None:
        """A request that was on its way arrives after its sender has given up."""
        try:
            self._cluster.change(change)
        except ApiError:
            return


def _arrive(passed: asyncio.Future[None]) -> None:
    if not passed.done():
        passed.set_result(None)
