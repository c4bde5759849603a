"""The pod template of an attempt: the user's template, with the task's fields laid over it and safe defaults below."""

import posixpath
from collections.abc import Mapping
from typing import Any

from tidegate.api.task import Task
from tidegate.engine.actions import Share
from tidegate.engine.facts import Attempt
from tidegate.engine.graph import Graph, Node
from tidegate.engine.inputs import Inputs, SecretKey
from tidegate.engine.naming import digest
from tidegate.engine.run import Run
from tidegate.resources import configmaps
from tidegate.resources.disruption import disruption_annotations
from tidegate.resources.itemfiles import item_environment, item_volume
from tidegate.resources.labels import attempt_labels, propagated
from tidegate.resources.merging import merge

OUTPUT_PATH = "/tidegate/output"
SCRIPT_PATH = "/tidegate/script"
WORK_PATH = "/tidegate/workdir"
_FILES_VOLUME = "tidegate-files"
_WORK_VOLUME = "tidegate-work"
_UNPRIVILEGED = 65532

_POD_DEFAULTS: Mapping[str, Any] = {
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": _UNPRIVILEGED,
        "runAsGroup": _UNPRIVILEGED,
        "fsGroup": _UNPRIVILEGED,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
_CONTAINER_DEFAULTS: Mapping[str, Any] = {
    "terminationMessagePath": OUTPUT_PATH,
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}


def pod_template(
    graph: Graph, run: Run, node: Node, attempt: Attempt, inputs: Inputs, share: Share | None = None
) -> dict[str, Any]:
    """Give the pod template of one attempt; `share` is what of a fan-out it works on."""
    template = merge(graph.spec.task_defaults.pod_template or {}, node.task.pod_template or {})
    template = _with_container_defaults(_with_main(template))
    template = merge({"spec": _POD_DEFAULTS}, template)
    files = configmaps.programs(graph, run) if node.task.script is not None or node.task.files else None
    template = merge(template, _sugar(node, inputs, files["metadata"]["name"] if files else ""))
    template = merge(template, _fixed(graph, run, node, attempt))
    template = merge(template, item_volume(share)) if share is not None else template
    environment = _environment(template, run, node, attempt, inputs, share)
    return dict(merge(template, {"spec": {"containers": [environment]}}))


def main_container(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the container that owns the output."""
    containers = template["spec"]["containers"]
    return next(container for container in containers if container["name"] == "main")


def _with_main(template: Mapping[str, Any]) -> dict[str, Any]:
    """See that there is a container `main`: the only one gets that name."""
    spec = dict(template.get("spec") or {})
    containers = [dict(container) for container in spec.get("containers") or ()]
    if not containers:
        containers = [{"name": "main"}]
    if len(containers) == 1 and "name" not in containers[0]:
        containers[0]["name"] = "main"
    if all(container.get("name") != "main" for container in containers) and len(containers) == 1:
        containers[0]["name"] = "main"
    return {**template, "spec": {**spec, "containers": containers}}


def _with_container_defaults(template: dict[str, Any]) -> dict[str, Any]:
    spec = dict(template["spec"])
    for field in ("containers", "initContainers"):
        if field in spec:
            spec[field] = [_defaulted(container) for container in spec[field]]
    return {**template, "spec": spec}


def _defaulted(container: Mapping[str, Any]) -> dict[str, Any]:
    defaults = dict(_CONTAINER_DEFAULTS)
    if container.get("name") != "main":
        defaults.pop("terminationMessagePath")
    return dict(merge(defaults, container))


def _sugar(node: Node, inputs: Inputs, files: str) -> dict[str, Any]:
    """Give the task's own fields as a pod template."""
    task = node.task
    container: dict[str, Any] = {"name": "main"}
    written = {
        "image": inputs.image,
        "command": _command(task),
        "args": list(inputs.args) if inputs.args is not None else None,
        "envFrom": task.env_from,
        "resources": inputs.resources,
        "workingDir": _working_dir(task),
    }
    container |= {field: value for field, value in written.items() if value is not None}
    mounts, volumes = _mounts(node, files)
    mounts += task.volume_mounts or []
    spec: dict[str, Any] = {"containers": [container]}
    if mounts:
        container["volumeMounts"] = mounts
    if volumes:
        spec["volumes"] = volumes
    if task.service_account_name is not None:
        spec |= {"serviceAccountName": task.service_account_name, "automountServiceAccountToken": True}
    if task.timeout_seconds is not None:
        spec["activeDeadlineSeconds"] = task.timeout_seconds
    if task.priority is not None:
        spec["priorityClassName"] = task.priority
    return {"spec": spec}


def _command(task: Task) -> list[str] | None:
    if task.script is None:
        return task.command
    return [*(task.interpreter or ["sh"]), f"{SCRIPT_PATH}/{task.name}"]


def _working_dir(task: Task) -> str | None:
    relative = any(not file.path.startswith("/") for file in task.files or ())
    return task.working_dir or (WORK_PATH if relative else None)


def _mounts(node: Node, files: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give the mounts and volumes of the script and files; each pod sees only the keys of its own task."""
    task, slot = node.task, node.slot
    if not files:
        return [], []
    items: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    if task.script is not None:
        items.append({"key": configmaps.script_key(slot), "path": f"script/{task.name}"})
        path = f"{SCRIPT_PATH}/{task.name}"
        mounts.append({"name": _FILES_VOLUME, "mountPath": path, "subPath": f"script/{task.name}", "readOnly": True})
    for index, file in enumerate(task.files or ()):
        items.append({"key": configmaps.file_key(slot, index), "path": f"file/{index}"})
        path = posixpath.join(_working_dir(task) or "/", file.path)
        mounts.append({"name": _FILES_VOLUME, "mountPath": path, "subPath": f"file/{index}", "readOnly": True})
    volumes: list[dict[str, Any]] = [
        {"name": _FILES_VOLUME, "configMap": {"name": files, "items": items, "defaultMode": 0o555}}
    ]
    if task.working_dir is None and _working_dir(task) == WORK_PATH:
        mounts.insert(0, {"name": _WORK_VOLUME, "mountPath": WORK_PATH})
        volumes.append({"name": _WORK_VOLUME, "emptyDir": {}})
    return mounts, volumes


def _fixed(graph: Graph, run: Run, node: Node, attempt: Attempt) -> dict[str, Any]:
    """Give what nobody can override: labels by which pods are found, and one pod an attempt."""
    labels, annotations = propagated(graph)
    annotations |= disruption_annotations(node.task.disruption)
    metadata: dict[str, Any] = {"labels": {**labels, **attempt_labels(run, attempt, node.name)}}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"restartPolicy": "Never"}}


def _environment(
    template: Mapping[str, Any], run: Run, node: Node, attempt: Attempt, inputs: Inputs, share: Share | None
) -> dict[str, Any]:
    """Give the variables; how often an item of an Indexed Job was tried, its template cannot know."""
    is_indexed = share is not None and share.parallelism is not None
    ours = {
        "TIDEGATE_FLOW": run.flow,
        "TIDEGATE_RUN": run.name,
        "TIDEGATE_TASK": node.name,
        **({} if is_indexed else {"TIDEGATE_ATTEMPT": str(attempt[1])}),
        "TIDEGATE_OUTPUT": main_container(template)["terminationMessagePath"],
        **({} if share else {"TIDEGATE_IDEMPOTENCY_KEY": digest(run.work, node.name, length=32)}),
        "TIDEGATE_SCHEDULED_TIME": run.context()["scheduledTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    rows = item_environment(run, node.name, share) if share is not None else []
    rows += [{"name": name, "value": value} for name, value in ours.items()]
    rows += [_variable(name, value) for name, value in inputs.env]
    return {"name": "main", "env": rows}


def _variable(name: str, value: str | SecretKey | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, SecretKey):
        return {"name": name, "valueFrom": {"secretKeyRef": {"name": value.name, "key": value.key}}}
    return {"name": name, "value": value} if isinstance(value, str) else {"name": name, "valueFrom": dict(value)}
