"""Reading what a pod refers to: its fields, ConfigMaps and Secrets, in the kubelet's words when they are missing."""

import base64
import json
from typing import Any, Protocol

from tidegate.errors import NotFound, TidegateError
from tidegate.sandbox.kinds import CONFIGMAPS, SECRETS, Kind

LOCAL_ADDRESS = "127.0.0.1"


class Missing(TidegateError):
    """Something a container needs is not there yet: it waits, and is tried again when the world has changed."""


class NotRunnable(TidegateError):
    """The pod asks for what local processes cannot give; the message says what, and what to do instead."""


class Objects(Protocol):
    """Whoever can be asked for an object; raises NotFound."""

    def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        """Give the object of that name."""
        ...


def field_of(pod: dict[str, Any], path: str) -> str:
    """Give the field that a `fieldRef` names, as text; raises NotRunnable for those a pod cannot refer to."""
    metadata, spec = pod["metadata"], pod["spec"]
    simple = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName") or "sandbox",
        "spec.serviceAccountName": spec.get("serviceAccountName") or "default",
        **dict.fromkeys(("status.hostIP", "status.podIP", "status.hostIPs", "status.podIPs"), LOCAL_ADDRESS),
    }
    if path in simple:
        return str(simple[path])
    for field in ("labels", "annotations"):
        found: dict[str, str] = metadata.get(field) or {}
        if path == f"metadata.{field}":
            return "\n".join(f"{key}={json.dumps(found[key], ensure_ascii=False)}" for key in sorted(found))
        if path.startswith(f"metadata.{field}['") and path.endswith("']"):
            return found.get(path[len(f"metadata.{field}['") : -2], "")
    raise NotRunnable(
        f"fieldRef {path!r} is not a field that a pod can refer to in the sandbox: {', '.join(simple)}, …"
    )


def content_of(objects: Objects, kind: Kind, namespace: str, name: str, *, optional: bool) -> dict[str, bytes] | None:
    """Give all keys of a ConfigMap or Secret as bytes, None if it is missing and `optional`; raises Missing."""
    try:
        found = objects.get(kind, namespace, name)
    except NotFound:
        if optional:
            return None
        raise Missing(f'{kind.singular} "{name}" not found') from None
    if kind == SECRETS:
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    plain = {key: value.encode() for key, value in (found.get("data") or {}).items()}
    return plain | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}


def value_of(objects: Objects, kind: Kind, namespace: str, selector: dict[str, Any]) -> str | None:
    """Give the value that a `configMapKeyRef` or `secretKeyRef` selects; None if it is missing and optional."""
    optional = bool(selector.get("optional"))
    content = content_of(objects, kind, namespace, selector["name"], optional=optional)
    value = (content or {}).get(selector["key"])
    if value is None:
        if optional:
            return None
        raise Missing(f"couldn't find key {selector['key']} in {kind.kind} {namespace}/{selector['name']}")
    return value.decode(errors="replace")


REFERENCES: tuple[tuple[str, Kind], ...] = (("configMap", CONFIGMAPS), ("secret", SECRETS))
"""How fields begin that refer to an object (`configMapRef`, `secretKeyRef`), and to which kind."""
