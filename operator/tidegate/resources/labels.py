"""Labels, annotations and owners that every child of a run carries."""

from collections.abc import Mapping
from typing import Any

from tidegate.api import keys
from tidegate.engine.facts import Attempt
from tidegate.engine.graph import Graph
from tidegate.engine.run import Run
from tidegate.resources.names import label_value


def run_labels(run: Run) -> dict[str, str]:
    """Give the labels of anything that belongs to a run."""
    return {
        keys.LABEL_MANAGED: keys.MANAGED_BY,
        keys.LABEL_FLOW: label_value(run.flow),
        keys.LABEL_RUN: label_value(run.name),
        keys.LABEL_RUN_UID: run.uid,
    }


def attempt_labels(run: Run, attempt: Attempt, task: str) -> dict[str, str]:
    """Give the labels of a Job and its pod."""
    slot, number = attempt
    return {
        **run_labels(run),
        keys.LABEL_TASK: task,
        keys.LABEL_SLOT: str(slot),
        keys.LABEL_ATTEMPT: str(number),
    }


def propagated(graph: Graph) -> tuple[dict[str, str], dict[str, str]]:
    """Give the labels and annotations of `runTemplate`: the only ones that go from a Flow to children."""
    metadata = graph.spec.run_template.metadata
    return dict(metadata.labels), dict(metadata.annotations)


def owner(run: Run) -> dict[str, Any]:
    """Give the reference that makes the run the owner."""
    return {
        "apiVersion": keys.API_VERSION,
        "kind": "FlowRun",
        "name": run.name,
        "uid": run.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def flow_owner(flow: Mapping[str, Any]) -> dict[str, Any]:
    """Give the reference that makes a Flow the owner."""
    return {
        "apiVersion": keys.API_VERSION,
        "kind": "Flow",
        "name": flow["metadata"]["name"],
        "uid": flow["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
