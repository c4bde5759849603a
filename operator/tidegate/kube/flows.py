"""The reconciler of Flows: says in status whether a Flow is valid, and what is wrong with it."""

import json
from collections.abc import Callable
from typing import Any

from tidegate.api.conditions import carry, is_true
from tidegate.engine import ceilings, requests
from tidegate.engine.naming import digest
from tidegate.errors import Conflict, InvalidSpec, NotFound
from tidegate.kube.client import Client, Object
from tidegate.kube.clocks import Clocks
from tidegate.kube.graphs import Graphs, demand_no_loops
from tidegate.kube.resources import FLOWS
from tidegate.kube.store import RunKey, Store, version_of
from tidegate.kube.writer import write_status

MAX_MESSAGE = 8192

_OTHERS = ("active", "triggers", "nextTime")
"""What others write into a Flow's status: who holds a place within its limit, and where its triggers stand."""


class FlowReconciler:
    """Judges Flows as they come; a Flow's health is that of its definition, never that of a run.

    `judged` is told of each Flow whose status says what it has to say.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        graphs: Graphs,
        clocks: Clocks,
        judged: Callable[[RunKey], None] = lambda _: None,
    ) -> None:
        self._client, self._store, self._graphs, self._clocks = client, store, graphs, clocks
        self._tell = judged

    async def reconcile(self, key: RunKey) -> None:
        """Write the Flow's status when it says something new."""
        obj = self._store.flows.get(key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            return
        status = self._judged(obj)
        if status == obj.get("status"):
            self._tell(key)
            return
        try:
            self._store.put_flow(await write_status(self._client, FLOWS, obj, status, version_of(obj)))
            self._tell(key)
        except NotFound:
            return
        except Conflict:
            self._store.put_flow(await self._client.get(FLOWS, *key))
            await self.reconcile(key)

    def _judged(self, obj: Object) -> dict[str, Any]:
        wanted = self._conditions(obj)
        generation = obj["metadata"].get("generation", 1)
        old = (obj.get("status") or {}).get("conditions")
        return {
            **{name: value for name, value in (obj.get("status") or {}).items() if name in _OTHERS and value},
            "observedGeneration": generation,
            "revision": digest(json.dumps(obj["spec"], sort_keys=True)),
            "tasks": len(obj["spec"].get("tasks") or ()),
            "conditions": carry(old, wanted, generation=generation, now=self._clocks.wall()),
        }

    def _conditions(self, obj: Object) -> list[dict[str, Any]]:
        try:
            graph = self._graphs.compiled(obj["spec"])
            demand_no_loops(obj["metadata"]["name"], graph.spec)
        except InvalidSpec as error:
            return _invalid(error.reason, str(error)[:MAX_MESSAGE])
        problem = ceilings.problem_of(graph, {})
        if problem:
            return _invalid("TooLarge", problem)
        ready = {"type": "Ready", "status": "True", "reason": "Valid", "message": "the Flow can be run"}
        lacking = requests.without_requests(graph)
        if not lacking:
            return [ready]
        message = requests.sentence(lacking)
        return [ready, {"type": "RequestsMissing", "status": "True", "reason": "NoRequests", "message": message}]


def is_judged(flow: Object) -> bool:
    """Whether this very spec was found valid: what cannot run is not started."""
    status = flow.get("status") or {}
    return status.get("observedGeneration") == flow["metadata"].get("generation", 1) and is_true(
        status.get("conditions"), "Ready"
    )


def _invalid(reason: str, message: str) -> list[dict[str, Any]]:
    return [
        {"type": "Ready", "status": "False", "reason": reason, "message": message},
        {"type": "Stalled", "status": "True", "reason": reason, "message": message},
    ]
