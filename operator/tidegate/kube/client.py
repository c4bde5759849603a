"""The seam between Tidegate and an API server: what a client must offer, and nothing about how.

`http.py` speaks it over the network, the simulator over a model of a cluster. All methods raise the
subclasses of `errors.ApiError`; after `Unavailable` it is unknown whether a write was carried out.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple, Protocol

from tidegate.kube.resources import Resource

Object = dict[str, Any]


class Page(NamedTuple):
    """All objects of one list call (its pages joined) and the resourceVersion to watch from."""

    items: list[Object]
    resource_version: str


class Change(NamedTuple):
    """One line of a watch: ADDED, MODIFIED, DELETED or BOOKMARK, and the object."""

    type: str
    object: Object


class Client(Protocol):
    """What the reconciler, the reflector and the Lease need of an API server."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """Read one object, live (never from a cache)."""
        ...

    async def read(self, path: str) -> Object:
        """Read what lies at a path and is no object of a kind: discovery."""
        ...

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> Page:
        """List all objects that match, live and paged internally; `namespace=None` spans the cluster."""
        ...

    async def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Page]:
        """List page by page, so that ten thousand full objects need not be in memory at once; at least one page.

        Raises Gone when the server forgot the list between two pages: what was handed out is then of no worth as a
        list. A class that derives from Client and has no need of pages inherits this one.
        """
        yield await self.list(resource, namespace, labels=labels, fields=fields, metadata_only=metadata_only)

    async def create(self, resource: Resource, namespace: str | None, body: Mapping[str, Any]) -> Object:
        """POST; raises AlreadyExists when the name is taken."""
        ...

    async def replace(self, resource: Resource, body: Mapping[str, Any], *, subresource: str = "") -> Object:
        """PUT the object (or its `status`) under the resourceVersion that `body` carries; raises Conflict."""
        ...

    async def delete(self, resource: Resource, namespace: str | None, name: str, *, uid: str | None = None) -> None:
        """Delete in the background, its children too; only the object of `uid` when that is given (else Conflict)."""
        ...

    def watch(
        self, resource: Resource, namespace: str | None, *, resource_version: str, labels: str = ""
    ) -> AsyncIterator[Change]:
        """Follow changes after a resourceVersion, with bookmarks; ends when the server closes it; raises Gone."""
        ...
