"""Schemas of what Tidegate embeds from Kubernetes: a pod template, and the fields of a container that tasks repeat.

Only what merging and the first glance need is typed: names, list-map keys, and the fields of pods and containers that
people write most. Descriptions are left out, since `kubectl explain pod.spec` has them and each CRD must stay small.
Pods, containers and volumes preserve unknown fields, so that a newer Kubernetes' fields reach the pod; the API server
checks all of them when it is asked for the Job. Lists keep the merge keys of Kubernetes wherever a key is required.
"""

from typing import Any

Schema = dict[str, Any]

_PRESERVE = {"x-kubernetes-preserve-unknown-fields": True}
_STRING: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_INT32: Schema = {"type": "integer", "format": "int32"}
_INT64: Schema = {"type": "integer", "format": "int64"}
_INT_OR_STRING: Schema = {"x-kubernetes-int-or-string": True}
_ANY_OBJECT: Schema = {"type": "object", **_PRESERVE}


def _name(limit: int = 253) -> Schema:
    return {"type": "string", "maxLength": limit}


def _object(fields: Schema, *, required: tuple[str, ...] = (), is_open: bool = False) -> Schema:
    result: Schema = {"type": "object", "properties": fields}
    if required:
        result["required"] = list(required)
    return {**result, **_PRESERVE} if is_open else result


def _map(values: Schema, limit: int = 64) -> Schema:
    return {"type": "object", "additionalProperties": values, "maxProperties": limit}


def _list(items: Schema, limit: int = 64) -> Schema:
    return {"type": "array", "items": items, "maxItems": limit, "x-kubernetes-list-type": "atomic"}


def _list_map(items: Schema, *keys: str, limit: int = 64) -> Schema:
    return {
        "type": "array",
        "items": items,
        "maxItems": limit,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
    }


def _reference() -> Schema:
    """A ConfigMap or a Secret by name."""
    return _object({"name": _name(), "optional": _BOOLEAN})


def _key_of() -> Schema:
    """A key of a ConfigMap or a Secret."""
    return _object({"name": _name(), "key": _name(), "optional": _BOOLEAN}, required=("key",))


VALUE_FROM: Schema = _object(
    {
        "configMapKeyRef": _key_of(),
        "secretKeyRef": _key_of(),
        "fieldRef": _object({"apiVersion": _name(), "fieldPath": _name(1024)}, required=("fieldPath",)),
        "resourceFieldRef": _object(
            {"containerName": _name(), "divisor": _INT_OR_STRING, "resource": _name()}, required=("resource",)
        ),
        "fileKeyRef": _object(
            {"volumeName": _name(), "path": _name(1024), "key": _name(), "optional": _BOOLEAN},
            required=("volumeName", "path", "key"),
        ),
    }
)

ENV: Schema = _list_map(
    _object({"name": _name(), "value": _name(4096), "valueFrom": VALUE_FROM}, required=("name",)), "name", limit=256
)

ENV_FROM: Schema = _list(_object({"prefix": _name(), "configMapRef": _reference(), "secretRef": _reference()}))

RESOURCES: Schema = _object(
    {
        "requests": _map(_INT_OR_STRING),
        "limits": _map(_INT_OR_STRING),
        "claims": _list_map(_object({"name": _name(), "request": _name()}, required=("name",)), "name"),
    }
)

VOLUME_MOUNTS: Schema = _list_map(
    _object(
        {
            "name": _name(),
            "mountPath": _name(1024),
            "subPath": _name(1024),
            "subPathExpr": _name(1024),
            "readOnly": _BOOLEAN,
            "recursiveReadOnly": _name(),
            "mountPropagation": _name(),
        },
        required=("name", "mountPath"),
    ),
    "mountPath",
)

_SECURITY = {
    "runAsUser": _INT64,
    "runAsGroup": _INT64,
    "runAsNonRoot": _BOOLEAN,
    "seLinuxOptions": _ANY_OBJECT,
    "seccompProfile": _ANY_OBJECT,
    "appArmorProfile": _ANY_OBJECT,
    "windowsOptions": _ANY_OBJECT,
}

_CONTAINER: Schema = _object(
    {
        "name": _name(63),
        "image": _name(1024),
        "imagePullPolicy": _name(),
        "command": _list(_STRING, 256),
        "args": _list(_STRING, 256),
        "workingDir": _name(1024),
        "env": {
            **ENV,
            "items": _object({"name": _name(), "value": _STRING, "valueFrom": _ANY_OBJECT}, required=("name",)),
        },
        "envFrom": _list(_ANY_OBJECT),
        # Keyed by containerPort and protocol in Kubernetes; a key needs a default there, and a default would be stored.
        "ports": _list(_object({"containerPort": _INT32}, required=("containerPort",), is_open=True)),
        "resources": RESOURCES,
        "volumeMounts": VOLUME_MOUNTS,
        "volumeDevices": _list_map(
            _object({"name": _name(), "devicePath": _name(1024)}, required=("name", "devicePath")), "devicePath"
        ),
        "securityContext": _object(
            {
                **_SECURITY,
                "allowPrivilegeEscalation": _BOOLEAN,
                "privileged": _BOOLEAN,
                "procMount": _name(),
                "readOnlyRootFilesystem": _BOOLEAN,
                "capabilities": _object({"add": _list(_name()), "drop": _list(_name())}),
            },
            is_open=True,
        ),
        "livenessProbe": _ANY_OBJECT,
        "readinessProbe": _ANY_OBJECT,
        "startupProbe": _ANY_OBJECT,
        "lifecycle": _ANY_OBJECT,
        "restartPolicy": _name(),
        "terminationMessagePath": _name(1024),
        "terminationMessagePolicy": _name(),
        "stdin": _BOOLEAN,
        "stdinOnce": _BOOLEAN,
        "tty": _BOOLEAN,
    },
    required=("name",),
    is_open=True,
)

_POD_SPEC: Schema = _object(
    {
        "containers": _list_map(_CONTAINER, "name"),
        "initContainers": _list_map(_CONTAINER, "name"),
        "volumes": _list_map(_object({"name": _name(63)}, required=("name",), is_open=True), "name", limit=256),
        "imagePullSecrets": _list_map(_object({"name": _name()}, required=("name",)), "name"),
        "serviceAccountName": _name(),
        "automountServiceAccountToken": _BOOLEAN,
        "restartPolicy": _name(),
        "activeDeadlineSeconds": _INT64,
        "terminationGracePeriodSeconds": _INT64,
        "priorityClassName": _name(),
        "preemptionPolicy": _name(),
        "runtimeClassName": _name(),
        "schedulerName": _name(),
        "nodeName": _name(),
        "nodeSelector": _map(_STRING),
        "affinity": _object(
            dict.fromkeys(("nodeAffinity", "podAffinity", "podAntiAffinity"), _ANY_OBJECT), is_open=True
        ),
        "tolerations": _list(
            _object(
                {
                    "key": _name(317),
                    "operator": _name(),
                    "value": _name(),
                    "effect": _name(),
                    "tolerationSeconds": _INT64,
                },
                is_open=True,
            ),
            256,
        ),
        "topologySpreadConstraints": _list_map(
            _object(
                {
                    "maxSkew": _INT32,
                    "minDomains": _INT32,
                    "topologyKey": _name(317),
                    "whenUnsatisfiable": _name(),
                    "labelSelector": _ANY_OBJECT,
                },
                required=("topologyKey", "whenUnsatisfiable"),
                is_open=True,
            ),
            "topologyKey",
            "whenUnsatisfiable",
        ),
        "securityContext": _object(
            {
                **_SECURITY,
                "fsGroup": _INT64,
                "fsGroupChangePolicy": _name(),
                "supplementalGroups": _list(_INT64),
                "supplementalGroupsPolicy": _name(),
                "sysctls": _list(_object({"name": _name(), "value": _name()}, required=("name", "value"))),
            },
            is_open=True,
        ),
        "hostNetwork": _BOOLEAN,
        "hostPID": _BOOLEAN,
        "hostIPC": _BOOLEAN,
        "hostUsers": _BOOLEAN,
        "hostname": _name(),
        "subdomain": _name(),
        "setHostnameAsFQDN": _BOOLEAN,
        "shareProcessNamespace": _BOOLEAN,
        "enableServiceLinks": _BOOLEAN,
        "dnsPolicy": _name(),
        "dnsConfig": _ANY_OBJECT,
        "hostAliases": _list_map(_object({"ip": _name(), "hostnames": _list(_name())}, required=("ip",)), "ip"),
        "resources": RESOURCES,
        "resourceClaims": _list_map(_object({"name": _name()}, required=("name",), is_open=True), "name"),
        "readinessGates": _list(_ANY_OBJECT),
        "overhead": _map(_INT_OR_STRING),
        "os": _ANY_OBJECT,
    },
    is_open=True,
)

_REFUSED = [
    {
        "rule": "!has(self.restartPolicy) || self.restartPolicy == 'Never'",
        "message": 'expected restartPolicy "Never": a retry is a new pod',
    },
    {
        "rule": "!has(self.activeDeadlineSeconds)",
        "message": "activeDeadlineSeconds is Tidegate's: use timeoutSeconds of the task",
    },
]

POD_TEMPLATE: Schema = _object(
    {
        "metadata": _object({"labels": _map(_name(4096)), "annotations": _map(_name(262_144))}),
        "spec": {**_POD_SPEC, "x-kubernetes-validations": _REFUSED},
    }
)
