"""The Event that tells people of a happening in a run."""

from typing import Any

from tidegate.api import keys
from tidegate.api.conditions import micro_timestamp
from tidegate.engine.actions import Happening
from tidegate.engine.run import Run
from tidegate.resources.names import event_name


def event(run: Run, happening: Happening, now: float, instance: str) -> dict[str, Any]:
    """Give an events.k8s.io/v1 Event; the same happening has the same name, so it is told once."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": event_name(run.name, run.uid, happening.reason, happening.message),
            "namespace": run.namespace,
        },
        "eventTime": micro_timestamp(now),
        "reportingController": f"{keys.GROUP}/operator",
        "reportingInstance": instance[:128],
        "action": "Reconcile",
        "type": "Warning" if happening.warning else "Normal",
        "reason": happening.reason,
        "note": happening.message[:1024],
        "regarding": {
            "apiVersion": keys.API_VERSION,
            "kind": "FlowRun",
            "name": run.name,
            "namespace": run.namespace,
            "uid": run.uid,
        },
    }
