"""Finished runs go: after their own TTL, and when their Flow keeps enough newer ones. Only those that it owns."""

from collections.abc import Mapping
from typing import Any

from tidegate.api.conditions import instant_of, is_true
from tidegate.api.flow import History
from tidegate.errors import Conflict, NotFound
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.store import RunKey, Store, key_of


def expires_at(obj: Object) -> float | None:
    """Give when a finished run goes because its author said so, in seconds since the epoch."""
    seconds = obj["spec"].get("ttlSecondsAfterFinished")
    completed = instant_of((obj.get("status") or {}).get("completionTime"))
    return None if seconds is None or completed is None else completed + seconds


def surplus(store: Store, flow: RunKey) -> list[Object]:
    """Give the finished runs of a Flow that are too many, oldest first; people's own runs are never among them."""
    known = store.flows.get(flow)
    if known is None:
        return []
    history = History.model_validate(known["spec"].get("history") or {}, extra="ignore")
    uid = known["metadata"]["uid"]
    finished = [run for run in store.runs.values() if key_of(run)[0] == flow[0] and _is_finished_of(run, uid)]
    finished.sort(key=lambda run: (run["status"]["completionTime"], run["metadata"]["name"]), reverse=True)
    good = [run for run in finished if is_true(run["status"].get("conditions"), "Succeeded")]
    names = {run["metadata"]["uid"] for run in good}
    bad = [run for run in finished if run["metadata"]["uid"] not in names]
    return [*good[history.succeeded :], *bad[history.failed :]][::-1]


async def delete(client: Client, obj: Object) -> None:
    """Delete a finished run and all it owns; somebody else may have done so."""
    try:
        await client.delete(FLOWRUNS, *key_of(obj), uid=obj["metadata"]["uid"])
    except (NotFound, Conflict):
        return


def owning_flow(obj: Object) -> Mapping[str, Any] | None:
    """Give the reference to the Flow that owns a run, if one does."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller") and owner.get("kind") == "Flow"), None)


def _is_finished_of(run: Object, flow_uid: str) -> bool:
    owner = owning_flow(run)
    return owner is not None and owner["uid"] == flow_uid and "completionTime" in (run.get("status") or {})
