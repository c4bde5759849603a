"""The run that a trigger or a Backfill starts. Its name is a claim on the instant or event: only one can have it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tidegate.api import keys
from tidegate.api.triggers import TriggerKind
from tidegate.engine.localtime import utc
from tidegate.engine.naming import digest
from tidegate.engine.occasion import Occasion
from tidegate.engine.triggers import Start
from tidegate.resources.labels import flow_owner
from tidegate.resources.names import label_value


def run_name(flow: str, flow_uid: str, trigger: str, second: int) -> str:
    """Give the name of the run of an instant: it says which and when, and differs between triggers and Flows."""
    return f"{flow[:40].rstrip('-.')}-{utc(second):%Y%m%d-%H%M%S}-{digest(flow_uid, trigger, str(second), length=6)}"


def event_run_name(flow: str, flow_uid: str, trigger: str, event: str) -> str:
    """Give the name of the run of an event, by its id; long enough a hash for all events of a day."""
    return f"{flow[:40].rstrip('-.')}-{digest(flow_uid, trigger, event, length=20)}"


def backfilled_name(flow: str, backfill_uid: str, second: int) -> str:
    """Give the name of the run of an instant that a Backfill asks for, likewise; Backfills have names of their own."""
    return f"{flow[:36].rstrip('-.')}-{utc(second):%Y%m%d-%H%M%S}-{digest(backfill_uid, str(second))}"


def backfilled_run(
    flow: Mapping[str, Any], backfill: Mapping[str, Any], occasion: Occasion, start: Start
) -> dict[str, Any]:
    """Give the run of an instant that a Backfill asks for: it is the Flow's as any other, so that history applies."""
    name, uid = backfill["metadata"]["name"], backfill["metadata"]["uid"]
    asked = replace(occasion, kind=TriggerKind.BACKFILL.value, id=uid)
    own_name = backfilled_name(flow["metadata"]["name"], uid, int(occasion.time or 0))
    run = triggered_run(flow, asked, start, own_name)
    run["metadata"]["labels"][keys.LABEL_BACKFILL] = name
    run["spec"]["trigger"]["backfill"] = name
    return run


def name_of(flow: Mapping[str, Any], occasion: Occasion) -> str:
    """Give the name of the run of an occasion: by the id of its event, where it has one, or by its instant."""
    name, uid = flow["metadata"]["name"], flow["metadata"]["uid"]
    if occasion.id:
        return event_run_name(name, uid, occasion.trigger, occasion.id)
    return run_name(name, uid, occasion.trigger, int(occasion.time or 0))


def triggered_run(
    flow: Mapping[str, Any], occasion: Occasion, start: Start, name: str, follows: Sequence[str] = ()
) -> dict[str, Any]:
    """Give the run of an instant or event, under the name that claims it.

    `follows` are the names of the runs after which it starts.
    """
    metadata = flow["metadata"]
    template = (flow["spec"].get("runTemplate") or {}).get("metadata") or {}
    annotations = dict(template.get("annotations") or {})
    if follows:
        annotations[keys.ANNOTATION_FOLLOWS] = ", ".join(follows)
    return {
        "apiVersion": keys.API_VERSION,
        "kind": "FlowRun",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {
                **(template.get("labels") or {}),
                **start.labels,
                keys.LABEL_MANAGED: keys.MANAGED_BY,
                keys.LABEL_FLOW: label_value(metadata["name"]),
                keys.LABEL_TRIGGER: occasion.trigger,
            },
            **({"annotations": annotations} if annotations else {}),
            "ownerReferences": [flow_owner(flow)],
        },
        "spec": {
            "flowRef": {"name": metadata["name"]},
            **({"params": dict(start.params)} if start.params else {}),
            "trigger": occasion.dump(),
        },
    }


def is_run_of(run: Mapping[str, Any], flow_uid: str, trigger: str, time: str) -> bool:
    """Whether a run was started by this trigger of this Flow for this instant."""
    return _is_claimed(run, flow_uid, name=trigger, time=time)


def is_run_of_event(run: Mapping[str, Any], flow_uid: str, trigger: str, event: str) -> bool:
    """Whether a run was started by this trigger of this Flow for the event of this id."""
    return _is_claimed(run, flow_uid, name=trigger, id=event)


def is_run_for(run: Mapping[str, Any], flow_uid: str, occasion: Mapping[str, Any]) -> bool:
    """Whether a run was started for an occasion, given as the `trigger` that its run has."""
    if occasion.get("id"):
        return is_run_of_event(run, flow_uid, occasion["name"], occasion["id"])
    return is_run_of(run, flow_uid, occasion["name"], occasion["time"])


def _is_claimed(run: Mapping[str, Any], flow_uid: str, **claim: str) -> bool:
    owners = run["metadata"].get("ownerReferences") or ()
    claimed = run["spec"].get("trigger") or {}
    return any(owner["uid"] == flow_uid and owner.get("controller") for owner in owners) and all(
        claimed.get(field) == value for field, value in claim.items()
    )


def is_asked_by(run: Mapping[str, Any], backfill_uid: str, time: str) -> bool:
    """Whether a run was started by this Backfill for this instant."""
    claimed = run["spec"].get("trigger") or {}
    return (claimed.get("kind"), claimed.get("id"), claimed.get("time")) == (
        TriggerKind.BACKFILL.value,
        backfill_uid,
        time,
    )
