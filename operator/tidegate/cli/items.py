"""Which item of a fan-out a pod works on: told by its run's ledger and by Kubernetes' note of its index."""

import re
from collections.abc import Mapping
from typing import Any

from tidegate.api import keys
from tidegate.kube.client import Object

_NAMED = re.compile(r"(.+)\[(\d+)\]")


def task_of(pod: Mapping[str, Any]) -> str:
    """Give the name of the task whose pod this is."""
    return str(pod["metadata"]["labels"][keys.LABEL_TASK])


def item_of(run: Object, pod: Mapping[str, Any]) -> int | None:
    """Give the number of the pod's item; None when its task is no fan-out."""
    slot = int(pod["metadata"]["labels"].get(keys.LABEL_SLOT, 0))
    index = int((pod["metadata"].get("annotations") or {}).get(keys.ANNOTATION_INDEX, 0))
    for block in ((run.get("status") or {}).get("ledger") or {}).get("blocks") or ():
        if block["first"] <= slot < block["first"] + block["count"]:
            return int((slot - block["first"]) * block.get("size", 1) + index)
    return None


def name_of(run: Object, pod: Mapping[str, Any]) -> str:
    """Give the name by which people know what the pod works on: `load`, or `load[7]`."""
    item = item_of(run, pod)
    return task_of(pod) if item is None else f"{task_of(pod)}[{item}]"


def parse(text: str) -> tuple[str, int | None]:
    """Read `load` or `load[7]`."""
    match = _NAMED.fullmatch(text)
    return (match[1], int(match[2])) if match else (text, None)
