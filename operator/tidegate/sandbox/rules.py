"""What an API server refuses of an object, told as it tells it: `path: Class: explanation`."""

import re

from tidegate.sandbox.kinds import JOBS, PODS, Kind
from tidegate.sandbox.tree import Object

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

COUNTS = ("completions", "parallelism", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
"""The whole numbers in a Job's spec."""


def faults(kind: Kind, obj: Object) -> list[str]:
    """Give what is wrong with an object."""
    found = _metadata_faults(kind, obj["metadata"])
    if kind is JOBS:
        found += _job_faults(obj["spec"])
    elif kind is PODS:
        found += _pod_faults(obj["spec"], "spec")
    return found


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
    for owner in metadata.get("ownerReferences") or ():
        found += [
            f"metadata.ownerReferences.{field}: Required value: {field} must not be empty"
            for field in ("apiVersion", "kind", "name", "uid")
            if not owner.get(field)
        ]
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
    found += [
        f"spec.{field}: Invalid value: {spec[field]}: must be greater than or equal to 0"
        for field in COUNTS
        if spec.get(field, 0) < 0
    ]
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
