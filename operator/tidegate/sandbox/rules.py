"""What an API server refuses: faults of an object, and changes that a kind does not allow.

A fault is told as the server tells it: `path: Class: explanation`.
"""

import re
from typing import Any

from tidegate.api.crd import MUTABLE
from tidegate.api.flowrun import DesiredState
from tidegate.sandbox.kinds import CONFIGMAPS, FLOWRUNS, JOBS, PODS, REVISIONS, SECRETS, Kind
from tidegate.sandbox.tree import Object, without

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

_FIXED_IN_JOBS = (
    "completionMode",
    "backoffLimitPerIndex",
    "managedBy",
    "podFailurePolicy",
    "podReplacementPolicy",
    "selector",
    "successPolicy",
)
_PLACEMENT = ("nodeSelector", "affinity", "tolerations", "schedulingGates")
"""Fields of a template that may change while its Job is suspended: this is how queues choose nodes."""


def faults(kind: Kind, obj: Object) -> list[str]:
    """Give what is wrong with an object."""
    found = _metadata_faults(kind, obj["metadata"])
    if kind is JOBS:
        found += _job_faults(obj["spec"])
    elif kind is PODS:
        found += _pod_faults(obj["spec"], "spec")
    return found


def change_faults(kind: Kind, old: Object, new: Object) -> list[str]:
    """Give what a change of an object may not change."""
    check = {
        JOBS.key: _job_changes,
        PODS.key: _pod_changes,
        CONFIGMAPS.key: _immutable_data_changes,
        SECRETS.key: _secret_changes,
        FLOWRUNS.key: _run_changes,
        REVISIONS.key: _revision_changes,
    }.get(kind.key)
    return _finalizer_changes(old["metadata"], new["metadata"]) + (check(old, new) if check else [])


def _metadata_faults(kind: Kind, metadata: Object) -> list[str]:
    name = metadata["name"]
    limit = 63 if kind is JOBS else 253
    found = []
    if len(name) > limit:
        found.append(f'metadata.name: Invalid value: "{name}": must be no more than {limit} characters')
    if not _NAME.fullmatch(name):
        found.append(
            f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of lower case '
            "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        )
    return found + _label_faults(metadata.get("labels") or {}, "metadata.labels")


def _label_faults(labels: Object, path: str) -> list[str]:
    found = []
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key):
            found.append(f'{path}: Invalid value: "{key}": name part must consist of alphanumeric characters')
        if not isinstance(value, str):
            found.append(f"{path}: Invalid value: {value!r}: must be a string")
        elif len(value) > 63:
            found.append(f'{path}: Invalid value: "{value}": must be no more than 63 characters')
        elif not _LABEL_VALUE.fullmatch(value):
            found.append(f'{path}: Invalid value: "{value}": a valid label must be an empty string or alphanumeric')
    return found


def _job_faults(spec: Object) -> list[str]:
    found = []
    template = spec["template"].get("spec", {})
    restart = template.get("restartPolicy")
    if restart is None:
        found.append('spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"')
    elif restart not in ("OnFailure", "Never"):
        valid = 'supported values: "OnFailure", "Never"'
        found.append(f'spec.template.spec.restartPolicy: Unsupported value: "{restart}": {valid}')
    elif restart != "Never" and "podFailurePolicy" in spec:
        wanted = 'only "Never" is supported when podFailurePolicy is specified'
        found.append(f'spec.template.spec.restartPolicy: Invalid value: "{restart}": {wanted}')
    if spec["completionMode"] != "NonIndexed":
        mode = spec["completionMode"]
        found.append(f'spec.completionMode: Unsupported value: "{mode}": the sandbox runs NonIndexed Jobs only')
    for field in ("completions", "parallelism", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        if isinstance(spec.get(field), int) and spec[field] < 0:
            found.append(f"spec.{field}: Invalid value: {spec[field]}: must be greater than or equal to 0")
    labels = spec["template"].get("metadata", {}).get("labels") or {}
    return found + _label_faults(labels, "spec.template.labels") + _pod_faults(template, "spec.template.spec")


def _pod_faults(spec: Object, path: str) -> list[str]:
    containers = spec.get("containers")
    if not containers:
        return [f"{path}.containers: Required value"]
    found = []
    seen = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            place = f"{path}.{field}[{index}]"
            if not container.get("name"):
                found.append(f"{place}.name: Required value")
            elif container["name"] in seen:
                found.append(f'{place}.name: Duplicate value: "{container["name"]}"')
            seen.add(container.get("name"))
            if not container.get("image"):
                found.append(f"{place}.image: Required value")
    return found


def _finalizer_changes(old: Object, new: Object) -> list[str]:
    added = set(new.get("finalizers") or ()) - set(old.get("finalizers") or ())
    if "deletionTimestamp" in old and added:
        return ["metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted"]
    return []


def _job_changes(old: Object, new: Object) -> list[str]:
    before, after = old["spec"], new["spec"]
    found = [f"spec.{field}: {_IMMUTABLE}" for field in _FIXED_IN_JOBS if before.get(field) != after.get(field)]
    if before.get("completions") != after.get("completions"):
        found.append(f"spec.completions: {_IMMUTABLE}")
    may_place = before.get("suspend") and not old.get("status", {}).get("startTime")
    shape = _placeless if may_place else _whole
    if shape(before["template"]) != shape(after["template"]):
        found.append(f"spec.template: {_IMMUTABLE}")
    return found


_IMMUTABLE = "Invalid value: field is immutable"


def _whole(template: Object) -> Any:
    return template


def _placeless(template: Object) -> Any:
    metadata = without(template.get("metadata", {}), "labels", "annotations")
    return {**template, "metadata": metadata, "spec": without(template.get("spec", {}), *_PLACEMENT)}


def _pod_changes(old: Object, new: Object) -> list[str]:
    if _fixed_part(old["spec"]) == _fixed_part(new["spec"]):
        return []
    allowed = (
        "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
        "(only additions to existing tolerations)"
    )
    return [f"spec: Forbidden: pod updates may not change fields other than {allowed}"]


def _fixed_part(spec: Object) -> Object:
    fixed = without(spec, "activeDeadlineSeconds", "tolerations")
    for field in ("containers", "initContainers"):
        if field in spec:
            fixed[field] = [without(container, "image") for container in spec[field]]
    return fixed


def _immutable_data_changes(old: Object, new: Object) -> list[str]:
    if not old.get("immutable"):
        return []
    why = "Forbidden: field is immutable when `immutable` is set"
    fields = ("immutable", "data", "binaryData")
    return [f"{field}: {why}" for field in fields if (old.get(field) or None) != (new.get(field) or None)]


def _secret_changes(old: Object, new: Object) -> list[str]:
    kind = [] if old.get("type", "Opaque") == new.get("type", "Opaque") else [f"type: {_IMMUTABLE}"]
    return kind + _immutable_data_changes(old, new)


def _revision_changes(old: Object, new: Object) -> list[str]:
    return [] if old.get("data") == new.get("data") else [f"data: {_IMMUTABLE}"]


def _run_changes(old: Object, new: Object) -> list[str]:
    """Give what the rules in the CRD of FlowRun would say."""
    before, after = old.get("spec", {}), new.get("spec", {})
    names = sorted({*before, *after} - MUTABLE)
    found = [
        f'spec: Invalid value: "object": {name} cannot change after creation: create another FlowRun'
        for name in names
        if before.get(name) != after.get(name)
    ]
    states = [state.value for state in DesiredState]
    if _rank(states, after) < _rank(states, before):
        found.append(f'spec: Invalid value: "object": desiredState moves only forward: {", ".join(states)}')
    return found


def _rank(states: list[str], spec: Object) -> int:
    state = spec.get("desiredState", states[0])
    return states.index(state) if state in states else 0
