"""The kinds that a file beside a Flow may hold, and in which order they are applied."""

from collections.abc import Mapping
from typing import Any

from tidegate.errors import UsageError
from tidegate.kube.resources import BACKFILLS, CONFIGMAPS, FLOWRUNS, FLOWS, NAMESPACES, Resource

SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICEACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")

APPLIED = (NAMESPACES, SERVICEACCOUNTS, ROLES, ROLE_BINDINGS, SECRETS, CONFIGMAPS, CLAIMS, FLOWS, FLOWRUNS, BACKFILLS)
"""What others need comes first."""

_BY_KIND = {(resource.api_version, resource.kind): resource for resource in APPLIED}


def resource_of(data: Mapping[str, Any]) -> Resource:
    """Give the resource of a manifest.

    Raises:
        UsageError: it is of a kind that only kubectl applies.
    """
    resource = _BY_KIND.get((data["apiVersion"], data["kind"]))
    if resource is None:
        known = ", ".join(item.kind for item in APPLIED)
        name = data["metadata"].get("name", "")
        raise UsageError(f"{data['kind']} {name} ({data['apiVersion']}) is not applied here, only {known}; use kubectl")
    return resource
