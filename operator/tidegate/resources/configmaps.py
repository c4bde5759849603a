"""ConfigMaps of a run: its programs, and what its status names for being too large for it. All are immutable."""

from typing import Any

from tidegate.api.task import Task
from tidegate.engine.graph import Graph
from tidegate.engine.run import Run
from tidegate.engine.stored import Stored, stored
from tidegate.resources.labels import owner, run_labels


def script_key(slot: int) -> str:
    """Give the key of a task's script."""
    return f"{slot}.script"


def file_key(slot: int, index: int) -> str:
    """Give the key of a task's file."""
    return f"{slot}.file.{index}"


def programs(graph: Graph, run: Run) -> dict[str, Any] | None:
    """Give the ConfigMap of all scripts and files of a run; None when its tasks have none."""
    data: dict[str, str] = {}
    for node in graph.nodes:
        data |= _of_task(node.slot, node.task)
    return configmap(run, stored(run, "files", data)) if data else None


def configmap(run: Run, content: Stored) -> dict[str, Any]:
    """Give the ConfigMap of data that status will name."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": content.name,
            "namespace": run.namespace,
            "labels": run_labels(run),
            "ownerReferences": [owner(run)],
        },
        "immutable": True,
        "data": dict(content.data),
    }


def _of_task(slot: int, task: Task) -> dict[str, str]:
    data = {script_key(slot): task.script} if task.script is not None else {}
    return data | {file_key(slot, index): file.content for index, file in enumerate(task.files or ())}
