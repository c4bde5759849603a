"""Merging pod templates as Kubernetes does: maps by key, lists of named things by their name, else the upper wins."""

from collections.abc import Mapping
from typing import Any

MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}


def merge(lower: Any, upper: Any, field: str = "") -> Any:
    """Give `lower` with `upper` laid over it; neither is changed. A null above removes what is below."""
    if isinstance(lower, Mapping) and isinstance(upper, Mapping):
        result = dict(lower)
        for key, value in upper.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merge(lower[key], value, key) if key in lower else value
        return result
    if isinstance(lower, list) and isinstance(upper, list) and field in MERGE_KEYS:
        return _merge_lists(lower, upper, MERGE_KEYS[field])
    return upper


def _merge_lists(lower: list[Any], upper: list[Any], key: str) -> list[Any]:
    above = {item.get(key): item for item in upper if isinstance(item, Mapping)}
    merged = [merge(item, above.pop(item[key])) if item.get(key) in above else item for item in lower]
    return merged + [item for item in upper if item.get(key) in above]
