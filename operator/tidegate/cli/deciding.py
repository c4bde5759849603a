"""Deciding on a task that waits for it: what `approve` and `reject` have in common."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from tidegate.api.conditions import find
from tidegate.api.flow import FlowSpec
from tidegate.api.flowapproval import COUNTED, Decision
from tidegate.api.param import Param
from tidegate.cli import parameters
from tidegate.cli.connection import Connection
from tidegate.cli.flowruns import outcome
from tidegate.engine.asking import AWAITING
from tidegate.engine.findings import nearest
from tidegate.errors import ApiError, NotFound, TidegateError, Unavailable, UsageError
from tidegate.kube.client import Object
from tidegate.kube.resources import FLOWAPPROVALS, FLOWRUNS, FLOWS, REVISIONS, SELF_REVIEWS
from tidegate.resources.approval import approval

_PATIENCE = 15.0
_POLL_SECONDS = 0.2


class NotCounted(TidegateError):
    """The decision was recorded, and the run did not take it up."""


async def decide(
    connection: Connection, name: str, task: str, decision: Decision, comment: str, texts: Mapping[str, str]
) -> str:
    """Record a decision in the name of whoever asks, and say what the run made of it.

    Raises:
        UsageError: the task does not wait for a decision, as far as can be seen.
        InvalidSpec: a param is wrong.
        NotCounted: somebody else was first, or the run sees a mistake.
        ApiError: the API server refuses: who decides must be allowed to create FlowApprovals.
    """
    client = connection.client
    run = await client.get(FLOWRUNS, connection.namespace, name)
    _demand_waiting(run, task)
    params = await _typed(connection, run, task, texts) if decision is Decision.APPROVED else {}
    who = await client.create(SELF_REVIEWS, None, _WHO_AM_I)
    by = str(who["status"]["userInfo"]["username"])
    body = approval(run, task, decision, by, comment, params)
    created = await client.create(FLOWAPPROVALS, connection.namespace, body)
    return await _answer(connection, created)


_WHO_AM_I = {"apiVersion": SELF_REVIEWS.api_version, "kind": SELF_REVIEWS.kind}


def _demand_waiting(run: Object, task: str) -> None:
    name, ended = run["metadata"]["name"], outcome(run)
    if ended is not None:
        raise UsageError(f"{name} has ended: {ended[1]}")
    status = run.get("status") or {}
    rows = {row["name"]: row for row in status.get("tasks") or ()}
    if task in rows:
        if rows[task].get("reason") != AWAITING:
            raise UsageError(f'task "{task}" of {name} does not wait for a decision: it is {rows[task]["state"]}')
    elif len(rows) == (status.get("counts") or {}).get("total", 0):
        waiting = [other for other, row in rows.items() if row.get("reason") == AWAITING]
        known = f"; for a decision waits {', '.join(waiting)}" if waiting else "; no task waits for a decision"
        raise UsageError(f'{name} has no task "{task}"{nearest(task, rows) or known}')


async def _typed(connection: Connection, run: Object, task: str, texts: Mapping[str, str]) -> Mapping[str, Any]:
    """Give the params as JSON, checked when the Flow can be read; the run checks them in any case."""
    declared = await _declared(connection, run, task)
    if declared is None:
        return {name: parameters.guessed(text) for name, text in texts.items()}
    return parameters.typed(declared, texts)


async def _declared(connection: Connection, run: Object, task: str) -> Sequence[Param] | None:
    frozen = (run.get("status") or {}).get("frozen") or {}
    ways = ((REVISIONS, frozen.get("revision"), "data"), (FLOWS, run["spec"]["flowRef"]["name"], ""))
    for resource, name, place in ways:
        try:
            obj = await connection.client.get(resource, connection.namespace, str(name))
            spec = FlowSpec.model_validate((obj[place] if place else obj)["spec"], extra="ignore")
        except (ApiError, ValidationError, KeyError):
            continue
        found = next((t.approval for t in (*spec.tasks, *spec.finally_) if t.name == task), None)
        if found is not None:
            return found.params
    return None


async def _answer(connection: Connection, created: Object) -> str:
    """Wait a moment for what the run makes of it."""
    name, decision = created["metadata"]["name"], created["spec"]["decision"]
    for _ in range(int(_PATIENCE / _POLL_SECONDS)):
        try:
            obj = await connection.client.get(FLOWAPPROVALS, connection.namespace, name)
        except NotFound:
            raise NotCounted(f"FlowApproval {name} was deleted before it was answered") from None
        except Unavailable as error:  # a run on this machine may have ended with its cluster by now
            return f"FlowApproval {name} is created; what became of it cannot be read: {error.message}"
        told = find((obj.get("status") or {}).get("conditions"), COUNTED)
        if told is not None and told["status"] == "True":
            return f"{obj['spec']['task']} is {decision.lower()} (FlowApproval {name})"
        if told is not None:
            raise NotCounted(f"the decision does not count: {told['reason']}: {told.get('message', '')}")
        await asyncio.sleep(_POLL_SECONDS)
    return f"FlowApproval {name} is created; nobody answered it within {_PATIENCE:.0f} s: is the operator running?"
