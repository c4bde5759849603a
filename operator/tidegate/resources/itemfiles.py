"""The files by which a pod of a fan-out knows its item: its text, and its number in the whole list."""

from typing import Any

from tidegate.engine.actions import Share
from tidegate.engine.items import INDEX
from tidegate.engine.naming import digest
from tidegate.engine.run import Run

ITEM_PATH = "/tidegate/item"
INDEX_PATH = "/tidegate/index"
_VOLUME = "tidegate-items"
_OWN = "JOB_COMPLETION_INDEX"
_OWN_LABEL = "batch.kubernetes.io/job-completion-index"


def item_volume(share: Share) -> dict[str, Any]:
    """Give the part of a pod's spec that mounts the item into the container `main`.

    A pod of an Indexed Job picks its keys when it starts; one with a Job of its own gets no others.
    """
    source: dict[str, Any] = {"name": share.items, "defaultMode": 0o444}
    if share.parallelism is None:
        keys = {"item": str(share.place), "index": f"{share.place}{INDEX}"}
        source["items"] = [{"key": key, "path": path} for path, key in keys.items()]
        files = {ITEM_PATH: {"subPath": "item"}, INDEX_PATH: {"subPath": "index"}}
    else:
        files = {ITEM_PATH: {"subPathExpr": f"$({_OWN})"}, INDEX_PATH: {"subPathExpr": f"$({_OWN}){INDEX}"}}
    mounts = [{"name": _VOLUME, "mountPath": path, "readOnly": True, **which} for path, which in files.items()]
    main = {"name": "main", "volumeMounts": mounts}
    return {"spec": {"containers": [main], "volumes": [{"name": _VOLUME, "configMap": source}]}}


def item_environment(run: Run, task: str, share: Share) -> list[dict[str, Any]]:
    """Give the variables of a pod's item; the index within the Job comes first, for others name it."""
    files = [{"name": "TIDEGATE_ITEM", "value": ITEM_PATH}, {"name": "TIDEGATE_INDEX", "value": INDEX_PATH}]
    key = digest(run.work, task, str(share.first), length=32)
    if share.parallelism is None:
        return [*files, {"name": "TIDEGATE_IDEMPOTENCY_KEY", "value": key}]
    own = {"name": _OWN, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{_OWN_LABEL}']"}}}
    return [own, *files, {"name": "TIDEGATE_IDEMPOTENCY_KEY", "value": f"{key}-$({_OWN})"}]
