"""Ending a run whose own records cannot be read: it is told so, and a cancel still stops everything it started."""

from collections.abc import Callable
from typing import Any

from tidegate.api import keys
from tidegate.api.conditions import carry
from tidegate.engine import conditions
from tidegate.engine import status as statuses
from tidegate.engine.calling import PARENT_STOPPED
from tidegate.engine.conclusion import Outcome
from tidegate.engine.wishes import Stop, wish_of
from tidegate.kube.client import Client, Object
from tidegate.kube.holding import hold_name
from tidegate.kube.observing import see_job
from tidegate.kube.owners import owning_run
from tidegate.kube.pods import has_live_pod
from tidegate.kube.resources import FLOWRUNS, JOBS
from tidegate.kube.session import desired_of, run_of
from tidegate.kube.stops import tell_to_stop
from tidegate.kube.store import has_ended, version_of
from tidegate.kube.writer import write_status
from tidegate.resources.job import tombstone

REASON = "InternalError"


async def end_poisoned(client: Client, obj: Object, problem: str, wall: Callable[[], float]) -> None:
    """Say in the run what is wrong; when its user wants it stopped, stop its Jobs and end it.

    Raises:
        ApiError: the API server refused; try again.
    """
    status = obj.get("status") or {}
    if has_ended(obj):
        return
    wish = wish_of(desired_of(obj), Stop.parse(status.get("stop")))
    if wish.stops and await _stop_all(client, obj, wall):
        outcome = Outcome(False, wish.reason, f"stopped although {problem}", {})
        new = statuses.refused(run_of(obj), status, outcome, wall())
    else:
        message = f"{problem}; set spec.desiredState to Cancelled to end the run"
        wanted = conditions.running(REASON, message)
        generation = obj["metadata"].get("generation", 1)
        told = carry(status.get("conditions"), wanted, generation=generation, now=wall())
        new = {**status, "conditions": told, "why": f"{REASON}: {message}"[:4096]}
    if new != status:
        await write_status(client, FLOWRUNS, obj, new, version_of(obj))


async def _stop_all(client: Client, obj: Object, wall: Callable[[], float]) -> bool:
    """Stop every Job and child run, names held; say whether no pod is left and every child run has ended."""
    run = run_of(obj)
    selector = f"{keys.LABEL_RUN_UID}={run.uid}"
    for found in (await client.list(JOBS, run.namespace, labels=selector)).items:
        await _stop(client, obj, found, wall)
    children = (await client.list(FLOWRUNS, run.namespace, labels=f"{keys.LABEL_PARENT_UID}={run.uid}")).items
    owned = [child for child in children if owning_run(child) is not None and not has_ended(child)]
    stop = Stop("Cancelled", PARENT_STOPPED, f"its parent run {run.name} stopped it")
    for child in owned:
        await tell_to_stop(client, child, stop)
    return not owned and not await has_live_pod(client, run.namespace, selector)


async def _stop(client: Client, obj: Object, found: Object, wall: Callable[[], float]) -> None:
    seen, run = see_job(found), run_of(obj)
    if seen is not None:
        body: dict[str, Any] = tombstone(run, seen.fact.attempt, found["metadata"]["labels"][keys.LABEL_TASK])
        body["metadata"]["name"] = seen.name
        await hold_name(client, body, wall)
