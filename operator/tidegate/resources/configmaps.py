"""ConfigMaps of a run: its programs, and outputs that no longer fit its status. Both are immutable."""

import json
from collections.abc import Mapping
from typing import Any

from tidegate.api.task import Task
from tidegate.engine.graph import Graph
from tidegate.engine.run import Run
from tidegate.resources.labels import owner, run_labels
from tidegate.resources.names import child_name

OUTPUTS_KEY = "outputs.json"


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
    return _configmap(run, "files", data) if data else None


def stored_outputs(run: Run, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Give the ConfigMap of outputs, by task, that leave the run's status."""
    text = json.dumps(outputs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _configmap(run, "outputs", {OUTPUTS_KEY: text})


def read_outputs(configmap: Mapping[str, Any]) -> dict[str, Any]:
    """Give the outputs, by task, of such a ConfigMap."""
    return dict(json.loads(configmap["data"][OUTPUTS_KEY]))


def _of_task(slot: int, task: Task) -> dict[str, str]:
    data = {script_key(slot): task.script} if task.script is not None else {}
    return data | {file_key(slot, index): file.content for index, file in enumerate(task.files or ())}


def _configmap(run: Run, purpose: str, data: Mapping[str, str]) -> dict[str, Any]:
    name = child_name(run.name, run.uid, purpose, json.dumps(data, sort_keys=True))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": run.namespace,
            "labels": run_labels(run),
            "ownerReferences": [owner(run)],
        },
        "immutable": True,
        "data": dict(data),
    }
