"""Writing status: the whole of it, by compare-and-swap on the resourceVersion that was decided upon."""

from collections.abc import Mapping
from typing import Any

from tidegate.kube.client import Client, Object
from tidegate.kube.resources import Resource


async def write_status(
    client: Client, resource: Resource, obj: Object, status: Mapping[str, Any], version: int
) -> Object:
    """PUT an object's status; give the object as the API server stored it.

    A merge patch would drop nulls inside of outputs, and could not remove what is no longer true.

    Raises:
        Conflict: the object changed since; read it again and decide again.
        Unavailable: nobody knows whether it was written.
    """
    metadata = {**obj["metadata"], "resourceVersion": str(version)}
    body = {**obj, "metadata": metadata, "status": dict(status)}
    return await client.replace(resource, body, subresource="status")
