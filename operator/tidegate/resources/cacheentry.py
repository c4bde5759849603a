"""The CacheEntry of a result: its name says who shares it and what was done, so that one GET finds it."""

from collections.abc import Mapping
from typing import Any

from tidegate.api import keys
from tidegate.api.policies import CacheScope
from tidegate.engine.naming import digest
from tidegate.engine.run import Run
from tidegate.resources.labels import flow_owner, owner
from tidegate.resources.names import label_value


def entry_name(run: Run, scope: CacheScope, key: str) -> str:
    """Give the name; two tasks that do the same work share it, whatever their names are."""
    match scope:
        case CacheScope.FLOW:
            return f"{run.flow[:40].rstrip('-.')}-{digest('Flow', run.flow, key, length=32)}"
        case CacheScope.RUN:
            return f"{run.name[:63].rstrip('-.')}-{digest('Run', run.uid, key, length=32)}"
        case CacheScope.NAMESPACE:
            return f"shared-{digest('Namespace', key, length=32)}"


def cache_entry(run: Run, spec: Mapping[str, Any], flow: Mapping[str, Any] | None) -> dict[str, Any]:
    """Give the CacheEntry. It goes with the Flow or the run that may take it; one for the namespace only expires.

    Args:
        run: the run that did the work.
        spec: what is kept.
        flow: the Flow as it is now, for the scope Flow.
    """
    scope = CacheScope(spec["scope"])
    metadata: dict[str, Any] = {
        "name": entry_name(run, scope, spec["key"]),
        "namespace": run.namespace,
        "labels": {
            keys.LABEL_MANAGED: keys.MANAGED_BY,
            keys.LABEL_FLOW: label_value(run.flow),
            keys.LABEL_TASK: spec["task"],
        },
    }
    if scope is CacheScope.RUN:
        metadata["ownerReferences"] = [owner(run)]
    elif flow is not None:
        metadata["ownerReferences"] = [flow_owner(flow)]
    return {"apiVersion": keys.API_VERSION, "kind": "CacheEntry", "metadata": metadata, "spec": dict(spec)}
