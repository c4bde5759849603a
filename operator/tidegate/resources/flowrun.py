"""A child run: what a task with the body `flow` becomes. Its name is a claim, as that of a Job is."""

from collections.abc import Mapping
from typing import Any

from tidegate.api import keys
from tidegate.engine.facts import Attempt
from tidegate.engine.inputs import Call
from tidegate.engine.run import Run
from tidegate.resources.labels import flow_owner, owner
from tidegate.resources.names import job_name, label_value


def child_name(run: Run, attempt: Attempt, task: str) -> str:
    """Give the name of a child run: it says whose it is, and is unique by (run UID, slot, attempt)."""
    return job_name(run.name, task, run.uid, *attempt)


def child_run(
    run: Run, attempt: Attempt, task: str, call: Call, flow: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give a child run; one that nobody waits for belongs to `flow`, the Flow that it runs, where that is known."""
    body = _child(run, attempt, task, call.flow)
    metadata = body["metadata"]
    metadata["annotations"] = {keys.ANNOTATION_DEPTH: str(call.depth), keys.ANNOTATION_WORK: call.root}
    if call.detached:
        del metadata["ownerReferences"]
        if flow is not None:
            metadata["ownerReferences"] = [flow_owner(flow)]
    body["spec"]["params"] = dict(call.params)
    return body


def child_tombstone(run: Run, attempt: Attempt, task: str, flow: str) -> dict[str, Any]:
    """Give the child run that only holds a name: it was terminated before it began, and nothing of it starts."""
    body = _child(run, attempt, task, flow)
    body["metadata"]["labels"][keys.LABEL_TOMBSTONE] = "true"
    body["spec"]["desiredState"] = "Terminated"
    return body


def _child(run: Run, attempt: Attempt, task: str, flow: str) -> dict[str, Any]:
    slot, number = attempt
    return {
        "apiVersion": keys.API_VERSION,
        "kind": "FlowRun",
        "metadata": {
            "name": child_name(run, attempt, task),
            "namespace": run.namespace,
            "labels": {
                keys.LABEL_MANAGED: keys.MANAGED_BY,
                keys.LABEL_FLOW: label_value(flow),
                keys.LABEL_PARENT: label_value(run.name),
                keys.LABEL_PARENT_UID: run.uid,
                keys.LABEL_TASK: task,
                keys.LABEL_SLOT: str(slot),
                keys.LABEL_ATTEMPT: str(number),
            },
            "ownerReferences": [owner(run)],
        },
        "spec": {"flowRef": {"name": flow}},
    }
