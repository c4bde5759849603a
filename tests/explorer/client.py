"""The client of an explored operator: every request of importance waits until the search decides about it.

What has a name by its content, and what is only told to people, is answered at once: when it happens cannot matter.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from explorer.library import Library
from explorer.manifests import Manifests, attempt_in
from explorer.requests import Answer, Request, error_of
from tidegate.engine.facts import Attempt
from tidegate.errors import AlreadyExists, NotFound
from tidegate.kube.client import Change, Client, Object, Page
from tidegate.kube.resources import FLOWRUNS, JOBS, PODS, Resource


class Shared:
    """What all operators of a search share: `names` has the attempt of each Job's name, `stored` what is immutable."""

    def __init__(self, library: Library, names: Mapping[str, Attempt]) -> None:
        self.library, self.manifests, self.names = library, Manifests(library), names
        self.stored: dict[tuple[str, str], Object] = {}


class ExploredClient(Client):
    """Holds the requests of one operator that wait for an answer, in `pending`."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.pending: list[tuple[Request, asyncio.Future[Answer]]] = []

    def answer(self, request: Request, answer: Answer) -> None:
        """Answer a request."""
        index = [asked for asked, _ in self.pending].index(request)
        self.pending.pop(index)[1].set_result(answer)

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        if resource == FLOWRUNS:
            return await self._object(Request("GET", "run"))
        if resource == JOBS:
            return await self._object(Request("GET", "job", self._shared.names[name]))
        found = self._shared.stored.get((resource.plural, name))
        if found is None:
            raise NotFound(404, "NotFound", f"{resource.plural} {name} does not exist")
        return found

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> Page:
        assert resource == PODS, resource
        attempt = attempt_in(dict(part.split("=") for part in labels.split(",")))
        answer = await self._ask(Request("LIST", "pods", attempt))
        return Page([self._shared.library[number] for number in answer.objects], str(answer.version))

    async def create(self, resource: Resource, namespace: str | None, body: Mapping[str, Any]) -> Object:
        if resource == JOBS:
            job = dict(body)
            attempt = attempt_in(job["metadata"]["labels"])
            return await self._object(Request("POST", "job", attempt, self._shared.manifests.body(job)))
        key = (resource.plural, body["metadata"]["name"])
        if key in self._shared.stored:
            raise AlreadyExists(409, "AlreadyExists", "the name is taken")
        return self._shared.stored.setdefault(key, dict(body))

    async def replace(self, resource: Resource, body: Mapping[str, Any], *, subresource: str = "") -> Object:
        obj, version = dict(body), int(body["metadata"]["resourceVersion"])
        if resource == JOBS:
            attempt = attempt_in(obj["metadata"]["labels"])
            return await self._object(Request("PUT", "job", attempt, self._shared.manifests.body(obj), version))
        assert (resource, subresource) == (FLOWRUNS, "status"), (resource, subresource)
        return await self._object(Request("PUT", "status", None, self._shared.library.number(obj["status"]), version))

    async def delete(self, resource: Resource, namespace: str | None, name: str, *, uid: str | None = None) -> None:
        raise AssertionError(f"{resource.plural} {name} is deleted, which no clock of the explorer allows")

    async def read(self, path: str) -> Object:
        raise AssertionError(path)

    def watch(
        self, resource: Resource, namespace: str | None, *, resource_version: str, labels: str = ""
    ) -> AsyncIterator[Change]:
        raise AssertionError("the search tells operators what happens")

    async def _object(self, request: Request) -> Object:
        return self._shared.library[(await self._ask(request)).objects[0]]

    async def _ask(self, request: Request) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.pending.append((request, future))
        answer = await future
        if answer.error:
            raise error_of(answer)
        return answer
