"""The Event that tells people of a happening in a run, in a Backfill, or of a trigger of a Flow."""

from collections.abc import Mapping
from typing import Any

from tidegate.api import keys
from tidegate.api.conditions import micro_timestamp
from tidegate.engine.actions import Happening
from tidegate.engine.run import Run
from tidegate.resources.names import event_name


def event(run: Run, happening: Happening, now: float, instance: str) -> dict[str, Any]:
    """Give an Event about a run; the same happening has the same name, so it is told once."""
    return _event(("FlowRun", run.namespace, run.name, run.uid), happening, now, instance)


def flow_event(flow: Mapping[str, Any], happening: Happening, now: float, instance: str) -> dict[str, Any]:
    """Give an Event about a Flow, likewise."""
    meta = flow["metadata"]
    return _event(("Flow", meta["namespace"], meta["name"], meta["uid"]), happening, now, instance)


def backfill_event(backfill: Mapping[str, Any], happening: Happening, now: float, instance: str) -> dict[str, Any]:
    """Give an Event about a Backfill, likewise."""
    meta = backfill["metadata"]
    return _event(("Backfill", meta["namespace"], meta["name"], meta["uid"]), happening, now, instance)


def _event(regarding: tuple[str, str, str, str], happening: Happening, now: float, instance: str) -> dict[str, Any]:
    """Give an events.k8s.io/v1 Event."""
    kind, namespace, name, uid = regarding
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": event_name(name, uid, happening.reason, happening.message), "namespace": namespace},
        "eventTime": micro_timestamp(now),
        "reportingController": f"{keys.GROUP}/operator",
        "reportingInstance": instance[:128],
        "action": "Reconcile",
        "type": "Warning" if happening.warning else "Normal",
        "reason": happening.reason,
        "note": happening.message[:1024],
        "regarding": {
            "apiVersion": keys.API_VERSION,
            "kind": kind,
            "name": name,
            "namespace": namespace,
            "uid": uid,
        },
    }
