"""What an API server adds to a new object: its first status, defaults, labels, and names made from prefixes."""

from typing import Any

from tidegate.api.crd import STATUS_DEFAULT
from tidegate.sandbox.kinds import CUSTOM, JOBS, NAMESPACES, PODS, Kind
from tidegate.sandbox.tree import Object

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX = 5
_SPACE = len(_LETTERS) ** _SUFFIX
_STRIDE = 6_700_417
"""A prime that does not divide the space: each count gives another suffix until all are used."""
_MAX_NAME = 63
_WITHOUT_LIMIT = 2**31 - 1


def suffixed(prefix: str, count: int) -> str:
    """Give the `count`-th name after a prefix, `PREFIXxxxxx`, cut so that it fits a label."""
    number = count * _STRIDE % _SPACE
    letters = []
    for _ in range(_SUFFIX):
        number, index = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[index])
    return prefix[: _MAX_NAME - _SUFFIX] + "".join(letters)


def prepared(kind: Kind, obj: Object) -> Object:
    """Fill in what the server says of a new object; changes and gives `obj`, which has its uid already."""
    new: Object = {"apiVersion": kind.api_version, "kind": kind.kind}
    new |= {name: value for name, value in obj.items() if name not in ("apiVersion", "kind")}
    if kind.has_status:
        new.pop("status", None)
        new |= _first_status(kind)
    if kind is JOBS:
        _default_job(new)
    elif kind is PODS:
        default_pod_spec(new.setdefault("spec", {}))
    elif kind is NAMESPACES:
        new["spec"] = {"finalizers": ["kubernetes"]}
        new["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = new["metadata"]["name"]
    return new


def _first_status(kind: Kind) -> Object:
    if kind in CUSTOM:
        return {"status": dict(STATUS_DEFAULT)}
    if kind is PODS:
        return {"status": {"phase": "Pending", "qosClass": "BestEffort"}}
    if kind is NAMESPACES:
        return {"status": {"phase": "Active"}}
    return {"status": {}} if kind is JOBS else {}


def _default_job(job: Object) -> None:
    spec = job.setdefault("spec", {})
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    defaults: dict[str, Any] = {
        "parallelism": 1,
        "backoffLimit": _WITHOUT_LIMIT if "backoffLimitPerIndex" in spec else 6,
        "completionMode": "NonIndexed",
        "manualSelector": False,
        "suspend": False,
        "podReplacementPolicy": "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed",
    }
    for name, value in defaults.items():
        spec.setdefault(name, value)
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            pattern.setdefault("status", "True")
    template = spec.setdefault("template", {})
    if isinstance(template, dict):
        _mark_template(job["metadata"], spec, template)


def _mark_template(metadata: Object, spec: Object, template: Object) -> None:
    """Label the template so that its pods are told from those of other Jobs."""
    uid, name = metadata["uid"], metadata["name"]
    marks = template.setdefault("metadata", {})
    marks["labels"] = {
        **(marks.get("labels") or {}),
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})
    default_pod_spec(template.setdefault("spec", {}))


def default_pod_spec(spec: Object) -> None:
    """Fill in the defaults of a pod's spec, in place; not restartPolicy, which Jobs must name."""
    defaults: dict[str, Any] = {
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
    }
    for name, value in defaults.items():
        spec.setdefault(name, value)
    spec.setdefault("securityContext", {})
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            container.setdefault("terminationMessagePath", "/dev/termination-log")
            container.setdefault("terminationMessagePolicy", "File")
            container.setdefault("imagePullPolicy", "IfNotPresent")
            container.setdefault("resources", {})
