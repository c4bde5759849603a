"""Which parts of a pod's volumes its containers see, so that nobody writes files that nobody can read.

The pods of a fan-out share a ConfigMap of hundreds of items, and each mounts one of them.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from tidegate.sandbox.environment import environment_of
from tidegate.sandbox.isolation import sub_path_of
from tidegate.sandbox.podfields import Missing, NotRunnable, Objects

Parts = Mapping[str, frozenset[str]]
"""The paths that are seen, by the name of a volume; one that is not here is seen as a whole."""


def mounted_parts(pod: dict[str, Any], objects: Objects) -> Parts:
    """Find the volumes of which each mount shows a part.

    A container whose environment cannot be told yet is taken to see its volumes as a whole.
    """
    parts: dict[str, set[str]] = {}
    whole: set[str] = set()
    spec = pod["spec"]
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        mounts = container.get("volumeMounts") or ()
        for mount, path in zip(mounts, _sub_paths(container, pod, objects), strict=True):
            part = PurePosixPath(path).as_posix()
            if part != ".":
                parts.setdefault(mount["name"], set()).add(part)
            else:
                whole.add(mount["name"])
    return {name: frozenset(seen) for name, seen in parts.items() if name not in whole}


def _sub_paths(container: dict[str, Any], pod: dict[str, Any], objects: Objects) -> list[str]:
    mounts = container.get("volumeMounts") or ()
    if not any(mount.get("subPathExpr") for mount in mounts):
        return [mount.get("subPath") or "" for mount in mounts]
    try:
        env = environment_of(container, pod, objects, path="", home="")
        return [sub_path_of(mount, env) for mount in mounts]
    except (Missing, NotRunnable):  # told when the container is about to start
        return ["" for _ in mounts]
