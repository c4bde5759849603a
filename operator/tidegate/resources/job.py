"""The Job of an attempt, and the tombstone that holds its name after it was stopped."""

from typing import Any

from tidegate.api import keys
from tidegate.engine.actions import Share
from tidegate.engine.facts import Attempt
from tidegate.engine.graph import Graph, Node
from tidegate.engine.inputs import Inputs
from tidegate.engine.run import Run
from tidegate.resources.indexed import indexed_spec
from tidegate.resources.labels import attempt_labels, owner, propagated
from tidegate.resources.names import job_name
from tidegate.resources.pod import pod_template


def job(
    graph: Graph, run: Run, node: Node, attempt: Attempt, inputs: Inputs, share: Share | None = None
) -> dict[str, Any]:
    """Give the Job of one attempt: of a chunk of items an Indexed one, else one pod, once; a retry is another Job."""
    labels, annotations = propagated(graph)
    template = pod_template(graph, run, node, attempt, inputs, share)
    spec = _once(template)
    if share is not None and share.parallelism is not None:
        spec = indexed_spec(share, node.retry, template)
    if node.task.queue_name is not None:
        labels[keys.LABEL_QUEUE] = node.task.queue_name
    return _object(run, attempt, node.name, labels, annotations, spec)


def _once(template: dict[str, Any]) -> dict[str, Any]:
    """Give the spec of a Job with one pod.

    The failure policy makes a disruption end the Job with its cause told; without it the cause would be lost. With a
    queue it is Kueue that suspends the Job, as it comes in, and lets it go: `suspend` is never ours, so that a Job does
    not hang for ever where there is no Kueue.
    """
    return {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
        },
        "template": template,
    }


def tombstone(run: Run, attempt: Attempt, task: str) -> dict[str, Any]:
    """Give the Job that does nothing but hold a name: a writer that wakes late finds it taken.

    `managedBy` keeps the Job controller away, `suspend` keeps everybody else from expecting a pod.
    """
    spec = {
        "suspend": True,
        "managedBy": keys.JOB_MANAGER_STOPPED,
        "backoffLimit": 0,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "containers": [{"name": "stopped", "image": "stopped.invalid/none:none", "command": ["none"]}],
            }
        },
    }
    return _object(run, attempt, task, {keys.LABEL_TOMBSTONE: "true"}, {}, spec)


def _object(
    run: Run, attempt: Attempt, task: str, labels: dict[str, str], annotations: dict[str, str], spec: dict[str, Any]
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": job_name(run.name, task, run.uid, *attempt),
        "namespace": run.namespace,
        "labels": {**labels, **attempt_labels(run, attempt, task)},
        "ownerReferences": [owner(run)],
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
