"""A second implementation of `Client`: a few kinds in memory, with resourceVersions, watches, 410, and bad days."""

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tidegate.errors import AlreadyExists, ApiError, Conflict, Gone, NotFound
from tidegate.kube.client import Change, Client, Object, Page
from tidegate.kube.resources import Resource


class FakeApi(Client):
    """`outage` is raised by every call while it is set; `stalls` makes calls wait for ever."""

    def __init__(self):
        self.version = 100
        self.objects: dict[tuple[str, str | None, str], Object] = {}
        self.outage: ApiError | None = None
        self.stalls = False
        self.latency = 0.0
        self.calls: list[str] = []
        self._uids = itertools.count(1)
        self._history: list[tuple[int, str, str, str | None, Object]] = []
        self._forgotten = 0
        self._epoch = 0
        self._news = asyncio.Event()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        await self._receive("get", resource)
        return copy.deepcopy(self._find(resource, namespace, name))

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> Page:
        await self._receive("list", resource)
        items = [
            copy.deepcopy(item)
            for (plural, place, _), item in self.objects.items()
            if plural == resource.plural
            and namespace in {None, place}
            and _matches(item, labels)
            and _has(item, fields)
        ]
        if metadata_only:
            items = [{"metadata": item["metadata"]} for item in items]
        return Page(items, str(self.version))

    async def create(self, resource: Resource, namespace: str | None, body: Mapping[str, Any]) -> Object:
        await self._receive("create", resource)
        name = body["metadata"]["name"]
        if (resource.plural, namespace, name) in self.objects:
            raise AlreadyExists(409, "AlreadyExists", name)
        return copy.deepcopy(self.put(resource, namespace, name, body))

    async def replace(self, resource: Resource, body: Mapping[str, Any], *, subresource: str = "") -> Object:
        await self._receive("replace", resource)
        metadata = body["metadata"]
        old = self._find(resource, metadata.get("namespace"), metadata["name"])
        if old["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
            raise Conflict(409, "Conflict", metadata["name"])
        return copy.deepcopy(self.put(resource, metadata.get("namespace"), metadata["name"], body))

    async def delete(self, resource: Resource, namespace: str | None, name: str, *, uid: str | None = None) -> None:
        await self._receive("delete", resource)
        if uid is not None and self._find(resource, namespace, name)["metadata"]["uid"] != uid:
            raise Conflict(409, "Conflict", name)
        self.remove(resource, namespace, name)

    async def watch(
        self, resource: Resource, namespace: str | None, *, resource_version: str, labels: str = ""
    ) -> AsyncIterator[Change]:
        await self._receive("watch", resource)
        position, epoch = int(resource_version), self._epoch
        if position < self._forgotten:
            raise Gone(410, "Expired", "too old resource version")
        yield Change("BOOKMARK", {"metadata": {"resourceVersion": resource_version}})
        while self._epoch == epoch:
            news = self._news
            for version, type_, plural, place, item in list(self._history):
                if version > position and plural == resource.plural and namespace in {None, place}:
                    position = version
                    if _matches(item, labels):
                        yield Change(type_, copy.deepcopy(item))
            await news.wait()

    def put(
        self, resource: Resource, namespace: str | None, name: str, body: Mapping[str, Any] | None = None
    ) -> Object:
        """Create or change an object as if somebody else did."""
        key = (resource.plural, namespace, name)
        old = self.objects.get(key)
        self.version += 1
        item = copy.deepcopy(dict(body or {}))
        item["metadata"] = {
            **item.get("metadata", {}),
            "name": name,
            "namespace": namespace,
            "uid": old["metadata"]["uid"] if old else f"uid-{next(self._uids)}",
            "resourceVersion": str(self.version),
        }
        self.objects[key] = item
        self._tell("MODIFIED" if old else "ADDED", key, item)
        return item

    def remove(self, resource: Resource, namespace: str | None, name: str) -> None:
        """Delete an object as if somebody else did."""
        item = copy.deepcopy(self._find(resource, namespace, name))
        del self.objects[resource.plural, namespace, name]
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        self._tell("DELETED", (resource.plural, namespace, name), item)

    def end_watches(self) -> None:
        """Close all watches, as a server does after `timeoutSeconds`."""
        self._epoch += 1
        self._wake()

    def forget_history(self) -> None:
        """Compact: a watch from an older version gets 410."""
        self._forgotten = self.version
        self._history.clear()

    def restore(self, version: int) -> None:
        """Go back in time, as after an etcd backup was restored."""
        self.version = version
        self.forget_history()

    async def _receive(self, verb: str, resource: Resource) -> None:
        self.calls.append(f"{verb} {resource.plural}")
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.stalls:
            await asyncio.sleep(1e6)
        if self.outage is not None:
            raise self.outage

    def _find(self, resource: Resource, namespace: str | None, name: str) -> Object:
        try:
            return self.objects[resource.plural, namespace, name]
        except KeyError:
            raise NotFound(404, "NotFound", name) from None

    def _tell(self, type_: str, key: tuple[str, str | None, str], item: Object) -> None:
        self._history.append((self.version, type_, key[0], key[1], copy.deepcopy(item)))
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _matches(item: Object, labels: str) -> bool:
    have = item["metadata"].get("labels") or {}
    return all(have.get(key) == value for key, _, value in (part.partition("=") for part in labels.split(",") if part))


def _has(item: Object, fields: str) -> bool:
    for part in filter(None, fields.split(",")):
        path, _, wanted = part.partition("=")
        value: Any = item
        for name in path.split("."):
            value = (value or {}).get(name)
        if value != wanted:
            return False
    return True
