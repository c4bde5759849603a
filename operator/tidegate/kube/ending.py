"""Ending a run whose own records cannot be read: it is told so, and a cancel still stops everything it started."""

from typing import Any

from tidegate.api import keys
from tidegate.api.conditions import carry
from tidegate.engine import conditions
from tidegate.engine import status as statuses
from tidegate.engine.conclusion import Outcome
from tidegate.kube.client import Client, Object
from tidegate.kube.holding import hold_name
from tidegate.kube.observing import see_job
from tidegate.kube.resources import FLOWRUNS, JOBS, PODS
from tidegate.kube.session import run_of
from tidegate.kube.store import version_of
from tidegate.kube.writer import write_status
from tidegate.resources.job import tombstone

REASON = "InternalError"


async def end_poisoned(client: Client, obj: Object, problem: str, now: float) -> None:
    """Say in the run what is wrong; when its user wants it stopped, stop its Jobs and end it.

    Raises:
        ApiError: the API server refused; try again.
    """
    status = obj.get("status") or {}
    if "completionTime" in status:
        return
    stopped = obj["spec"].get("desiredState") in ("Cancelled", "Terminated")
    if stopped and await _stop_all(client, obj):
        outcome = Outcome(False, "Cancelled", f"stopped although {problem}", {})
        new = statuses.refused(run_of(obj), status, outcome, now)
    else:
        message = f"{problem}; set spec.desiredState to Cancelled to end the run"
        wanted = conditions.running(REASON, message)
        generation = obj["metadata"].get("generation", 1)
        told = carry(status.get("conditions"), wanted, generation=generation, now=now)
        new = {**status, "conditions": told, "why": f"{REASON}: {message}"[:4096]}
    if new != status:
        await write_status(client, FLOWRUNS, obj, new, version_of(obj))


async def _stop_all(client: Client, obj: Object) -> bool:
    """Stop every Job of the run, names held; say whether no pod of it is left."""
    run = run_of(obj)
    selector = f"{keys.LABEL_RUN_UID}={run.uid}"
    for found in (await client.list(JOBS, run.namespace, labels=selector)).items:
        await _stop(client, obj, found)
    pods = (await client.list(PODS, run.namespace, labels=selector)).items
    return all((pod.get("status") or {}).get("phase") in ("Succeeded", "Failed") for pod in pods)


async def _stop(client: Client, obj: Object, found: Object) -> None:
    seen, run = see_job(found), run_of(obj)
    if seen is not None:
        body: dict[str, Any] = tombstone(run, seen.fact.attempt, found["metadata"]["labels"][keys.LABEL_TASK])
        body["metadata"]["name"] = seen.name
        await hold_name(client, body)
