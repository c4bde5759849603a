"""A run's snapshot of its Flow, as a ControllerRevision: the run reads nothing else of the Flow."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.engine.run import Run
from tidegate.resources.labels import owner, run_labels
from tidegate.resources.names import revision_name


def revision(run: Run, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Give the ControllerRevision that holds a Flow's spec for one run; the name is by run and content."""
    name = revision_name(run.flow, run.uid, json.dumps(spec, sort_keys=True))
    run = replace(run, revision=name)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": run.namespace,
            "labels": run_labels(run),
            "ownerReferences": [owner(run)],
        },
        "revision": 1,
        "data": {"spec": dict(spec)},
    }
