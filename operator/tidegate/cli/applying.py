"""Applying manifests: create what is not there, replace what is, never behind somebody's back."""

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.cli.kinds import APPLIED, resource_of
from tidegate.errors import AlreadyExists, Conflict, NotFound
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import NAMESPACES, Resource

_ATTEMPTS = 5


async def apply_all(client: Client, documents: Iterable[Mapping[str, Any]], namespace: str) -> list[str]:
    """Apply manifests, those first that others need; give a line for each, such as `Flow hello created`.

    Args:
        client: where to.
        documents: judged manifests.
        namespace: for those that name none.

    Raises:
        UsageError: a kind is not one of those applied here; nothing has been applied then.
        ApiError: the API server refuses one.
    """
    known = [(resource_of(data), data) for data in documents]
    known.sort(key=lambda pair: APPLIED.index(pair[0]))
    return [f"{data['kind']} {await _apply(client, resource, data, namespace)}" for resource, data in known]


async def ensure_namespaces(client: Client, documents: Iterable[Mapping[str, Any]], namespace: str) -> None:
    """Create the namespaces that manifests name and that do not exist: a throw-away cluster has only one."""
    for name in sorted({namespace, *(str(d["metadata"].get("namespace") or namespace) for d in documents)}):
        try:
            await client.get(NAMESPACES, None, name)
        except NotFound:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            await client.create(NAMESPACES, None, body)


async def _apply(client: Client, resource: Resource, data: Mapping[str, Any], namespace: str) -> str:
    body = _placed(resource, data, namespace)
    where = body["metadata"].get("namespace")
    try:
        created = await client.create(resource, where, body)
        return f"{created['metadata']['name']} created"
    except AlreadyExists:
        pass
    name = body["metadata"]["name"]
    for attempt in range(_ATTEMPTS):
        try:
            live = await client.get(resource, where, name)
            done = await client.replace(resource, _merged(live, body))
        except Conflict:
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        same = done["metadata"].get("resourceVersion") == live["metadata"].get("resourceVersion")
        return f"{name} {'unchanged' if same else 'configured'}"
    raise AssertionError("not reached")


def _placed(resource: Resource, data: Mapping[str, Any], namespace: str) -> Object:
    metadata = dict(data["metadata"])
    if resource.namespaced:
        metadata["namespace"] = metadata.get("namespace") or namespace
    return {**data, "metadata": metadata}


def _merged(live: Mapping[str, Any], body: Mapping[str, Any]) -> Object:
    """Give what to PUT: the manifest, with the metadata that others wrote; under the version that was read."""
    theirs, ours = live["metadata"], body["metadata"]
    metadata = {**theirs, **ours, "resourceVersion": theirs["resourceVersion"]}
    for field in ("labels", "annotations"):
        both = {**(theirs.get(field) or {}), **(ours.get(field) or {})}
        if both:
            metadata[field] = both
    return {**body, "metadata": metadata}
