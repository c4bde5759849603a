"""What an API server refuses of an object, told as it tells it: `path: Class: explanation`."""

import re

from tidegate.sandbox.job_rules import job_faults
from tidegate.sandbox.kinds import JOBS, PODS, Kind
from tidegate.sandbox.tree import Object

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def faults(kind: Kind, obj: Object) -> list[str]:
    """Give what is wrong with an object."""
    found = _metadata_faults(kind, obj["metadata"])
    if kind is JOBS:
        found += job_faults(obj["metadata"]["name"], obj["spec"]) + _template_faults(obj["spec"])
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


def _template_faults(spec: Object) -> list[str]:
    template = spec["template"]
    labels = template.get("metadata", {}).get("labels") or {}
    return _label_faults(labels, "spec.template.labels") + _pod_faults(template.get("spec", {}), "spec.template.spec")


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
