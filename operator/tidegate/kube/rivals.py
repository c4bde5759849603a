"""Rivals: the live runs of a Flow that would keep a run from starting, or be stopped for it, as far as can be seen.

Only a hint before a run is created: who gets a place is decided under the Flow's lock (`limits.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.api.flow import Concurrency
from tidegate.api.keys import LABEL_RUN_UID
from tidegate.engine.admission import resolve_params
from tidegate.engine.concurrency import Entry
from tidegate.engine.occasion import Occasion
from tidegate.engine.run import Run
from tidegate.errors import NotFound
from tidegate.kube.admission import key_of
from tidegate.kube.client import Client, Object
from tidegate.kube.graphs import Graphs
from tidegate.kube.pods import has_live_pod
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.store import has_ended


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A run that is to be created."""

    name: str
    occasion: Occasion
    params: Mapping[str, Any]


def concurrency_of(flow: Object) -> Concurrency:
    """Give what a Flow says of several runs at once."""
    return Concurrency.model_validate(flow["spec"].get("concurrency") or {}, extra="ignore")


class Rivals:
    """Looks at a Flow's live runs of the concurrency key that a newcomer would have."""

    def __init__(self, client: Client, graphs: Graphs) -> None:
        self._client, self._graphs = client, graphs

    async def live(
        self, flow: Object, newcomer: Newcomer, others: Iterable[Object], *, pods: bool = False
    ) -> list[str]:
        """Give their names.

        Args:
            flow: the Flow, whose status says who holds a place.
            newcomer: the run that is to be.
            others: runs that were just started, of which the Flow may not know yet.
            pods: whether a run is live as long as one of its pods is.
        """
        key = self._key(flow, newcomer)
        entries = [Entry.parse(row) for row in (flow.get("status") or {}).get("active") or ()]
        names = [entry.name for entry in entries if entry.key == key and await self._is_live(flow, entry, pods)]
        for run in others:
            began = Occasion.parse(run["spec"]["trigger"]) or newcomer.occasion
            other = Newcomer(run["metadata"]["name"], began, run["spec"].get("params") or {})
            if self._key(flow, other) == key:
                names.append(other.name)
        return list(dict.fromkeys(names))

    def _key(self, flow: Object, newcomer: Newcomer) -> str | None:
        """Give the concurrency key that the run would have; None if it would be refused before it has one."""
        meta, graph, occasion = flow["metadata"], self._graphs.compiled(flow["spec"]), newcomer.occasion
        run = Run(meta["namespace"], newcomer.name, "", meta["name"], "", occasion.time or 0.0, occasion=occasion)
        values, found = resolve_params(graph, run, newcomer.params)
        return None if found else key_of(graph, replace(run, params=values))

    async def _is_live(self, flow: Object, entry: Entry, pods: bool) -> bool:  # noqa: FBT001  passed on
        namespace = flow["metadata"]["namespace"]
        try:
            run = await self._client.get(FLOWRUNS, namespace, entry.name)
        except NotFound:
            run = None
        if run is not None and run["metadata"]["uid"] == entry.uid and not has_ended(run):
            return True
        return pods and await has_live_pod(self._client, namespace, f"{LABEL_RUN_UID}={entry.uid}")
