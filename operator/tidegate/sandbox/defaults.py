"""What an API server fills in when an object is created, as far as kubectl and controllers look at it.

Each function changes an object that nobody else has seen yet.
"""

from base64 import b64encode
from collections.abc import Callable

from tidegate.sandbox import pods
from tidegate.sandbox.documents import copy_json
from tidegate.sandbox.kinds import JOBS, NAMESPACES, PODS, SECRETS, Key, Kind, Object

_CONTAINER = {
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_POD = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
_JOB = {
    "backoffLimit": 6,
    "completionMode": "NonIndexed",
    "manualSelector": False,
    "parallelism": 1,
    "suspend": False,
}


def filled(kind: Kind, obj: Object) -> Object:
    """Give the new object with the defaults of its kind and the status that it starts with."""
    fill = _BY_KIND.get(kind.key)
    if fill:
        return fill(obj)
    if kind.status_default is not None:
        obj["status"] = copy_json(kind.status_default)
    return obj


def _fill(target: Object, defaults: Object) -> None:
    for name, value in defaults.items():
        if target.get(name) is None:
            target[name] = {} if value == {} else value


def fill_pod_spec(spec: Object) -> None:
    """Fill in a pod's spec, or a template's, in place."""
    _fill(spec, _POD)
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            _fill(container, _CONTAINER)


def _pod(obj: Object) -> Object:
    fill_pod_spec(obj.setdefault("spec", {}))
    obj["spec"].setdefault("enableServiceLinks", True)
    obj["spec"].setdefault("serviceAccountName", "default")
    return pods.pending(obj)


def _job(obj: Object) -> Object:
    spec = obj.setdefault("spec", {})
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    _fill(spec, _JOB)
    _fill(spec, {"podReplacementPolicy": "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"})
    uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
    template = spec.setdefault("template", {})
    spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    if "spec" in template:
        fill_pod_spec(template["spec"])
    obj["status"] = {}
    return obj


def _namespace(obj: Object) -> Object:
    obj["spec"] = {"finalizers": ["kubernetes"]}
    obj["status"] = {"phase": "Active"}
    name = obj["metadata"]["name"]
    obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), "kubernetes.io/metadata.name": name}
    return obj


def secret_data(obj: Object) -> Object:
    """Move a Secret's `stringData` into `data`, encoded; also done on updates."""
    plain = obj.pop("stringData", None) or {}
    encoded = {name: b64encode(text.encode()).decode() for name, text in plain.items()}
    if encoded:
        obj["data"] = {**(obj.get("data") or {}), **encoded}
    obj.setdefault("type", "Opaque")
    return obj


_BY_KIND: dict[Key, Callable[[Object], Object]] = {
    PODS: _pod,
    JOBS: _job,
    NAMESPACES: _namespace,
    SECRETS: secret_data,
}
