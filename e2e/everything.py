"""Manifests that are right and hold nearly all that can be said: a Flow, runs, a Backfill, a decision."""

from typing import Any


def _manifest(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "tidegate.dev/v1alpha1", "kind": kind, "metadata": {"name": "generated"}, "spec": spec}


RUN = _manifest(
    "FlowRun",
    {
        "flowRef": {"name": "a"},
        "params": {"n": 1},
        "desiredState": "Paused",
        "priority": 5,
        "ttlSecondsAfterFinished": 9,
    },
)
RERUN = _manifest("FlowRun", {"flowRef": {"name": "a"}, "rerun": {"of": "a-1", "mode": "From", "tasks": ["b"]}})
BACKFILL = _manifest(
    "Backfill",
    {
        "flowRef": {"name": "a"},
        "trigger": "nightly",
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-02-01T00:00:00+01:00",
        "reprocess": "Failed",
        "parallelism": 2,
        "order": "NewestFirst",
        "params": {"n": 1},
        "desiredState": "Paused",
    },
)
APPROVAL = _manifest(
    "FlowApproval",
    {"run": "a", "runUID": "u", "task": "t", "decision": "Rejected", "by": "ann", "comment": "no", "params": {"n": 1}},
)
_POD = {
    "metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}},
    "spec": {
        "containers": [
            {
                "name": "main",
                "image": "busybox:1.36",
                "command": ["true"],
                "ports": [{"containerPort": 80}],
                "env": [{"name": "A", "value": "a"}],
                "securityContext": {"capabilities": {"drop": ["ALL"]}},
                "resources": {"requests": {"cpu": "1"}},
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            },
        ],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "securityContext": {"fsGroup": 1},
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    },
}
_RETRY = {"limit": 2, "delaySeconds": [1, 5], "exceptExitCodes": [2, 3], "when": "exitCode == 1"}
_CONTAINER = {
    "image": "busybox:1.36",
    "args": ["a"],
    "script": "true",
    "interpreter": ["sh"],
    "files": [{"path": "data", "content": "a"}],
    "env": [
        {"name": "A", "value": "$[[ params.text ]]"},
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "c"}}],
    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    "workingDir": "/work",
    "podTemplate": {"spec": {"containers": [{"name": "main"}]}},
}
_TASKS = [
    {
        "name": "work",
        **_CONTAINER,
        "retry": {**_RETRY, "onOOM": {"memoryPercent": 200, "maxMemory": "2Gi"}},
        "timeoutSeconds": 60,
        "startDeadlineSeconds": 60,
        "cache": {"key": "v1", "maxAgeSeconds": 60, "scope": "Run"},
        "disruption": {"policy": "Avoid"},
        "priority": "high",
        "queueName": "q",
        "serviceAccountName": "a",
        "outputs": [{"name": "rows", "type": "integer", "default": 0}],
    },
    {"name": "pod", "podTemplate": _POD, "repeat": {"until": "outputs.done", "everySeconds": 1, "limit": 5}},
    {"name": "values", "needs": ["work"], "set": {"n": 1, "list": ["$[[ params.text ]]"]}, "runWhen": "AllDone"},
    {"name": "never", "needs": ["values"], "when": "false", "fail": {"message": "no"}, "allowFailure": True},
    {"name": "pause", "wait": {"seconds": 1}},
    {"name": "until", "wait": {"time": "2026-01-01T00:00:00Z", "timeoutSeconds": 60}},
    {
        "name": "sensor",
        "wait": {"for": {"group": "apps", "resource": "deployments", "name": "a", "condition": "Ready"}},
    },
    {"name": "ask", "approval": {"message": "go?", "params": [{"name": "n", "type": "integer"}], "timeoutSeconds": 9}},
    {"name": "call", "flow": {"name": "other", "params": {"a": 1}, "wait": False}},
    {"name": "items", "image": "a", "forEach": {"items": [1, 2], "parallelism": 1, "maxFailed": 1, "chunkSize": 5}},
    {"name": "each", "forEach": {"items": "$[[ params.list ]]"}, "flow": {"name": "other"}},
]
FLOW = _manifest(
    "Flow",
    {
        "description": "All that can be said.",
        "suspend": False,
        "params": [
            {"name": "text", "default": "a", "pattern": "^a", "enum": ["a", "ab"], "description": "A text."},
            {"name": "n", "type": "integer", "minimum": 1, "maximum": "9", "required": False},
            {"name": "list", "type": "array", "default": [1]},
        ],
        "concurrency": {"policy": "Queue", "limit": 2, "key": "$[[ params.text ]]", "queueLimit": 5},
        "parallelism": 5,
        "failFast": True,
        "deadlineSeconds": 60,
        "retry": {"limit": 1, "mode": "All", "delaySeconds": 1},
        "history": {"succeeded": 1, "failed": 1},
        "taskDefaults": {
            "retry": {"limit": 1, "factor": 2, "maxDelaySeconds": 60, "jitterPercent": 10, "maxDisruptions": 3},
            "timeoutSeconds": 600,
            "serviceAccountName": "a",
            "podTemplate": {"spec": {"nodeSelector": {"a": "b"}}},
            "resources": {"requests": {"cpu": 1}},
        },
        "runTemplate": {"metadata": {"labels": {"team": "a"}, "annotations": {"note": "a"}}},
        "jobRetention": {"succeededSeconds": 300, "failedSeconds": 300},
        "tasks": _TASKS,
        "finally": [{"name": "cleanup", "image": "a", "command": ["true"]}],
        "outputs": [{"name": "n", "value": "$[[ tasks.values.outputs.n ]]", "description": "A number."}],
    },
)
