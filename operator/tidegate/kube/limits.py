"""The lock of a Flow: who of its runs is live is decided in `Flow.status.active`, by compare-and-swap on live reads.

One look decides for all runs of the Flow. What it said is remembered until something changes that may decide who is
next, so that a long queue asks for no more than a short one; a place is taken only after a live read that names it.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from pydantic import ValidationError

from tidegate.api.flow import Concurrency, ConcurrencyPolicy
from tidegate.api.keys import LABEL_RUN_UID
from tidegate.engine.concurrency import Entry, Grants, grant
from tidegate.engine.wishes import Stop
from tidegate.errors import Conflict, NotFound
from tidegate.kube.client import Client, Object
from tidegate.kube.contenders import ancestors_of, contenders, survivors
from tidegate.kube.graphs import Graphs
from tidegate.kube.lines import holds_place
from tidegate.kube.owners import owning_run
from tidegate.kube.pods import has_live_pod
from tidegate.kube.resources import FLOWRUNS, FLOWS
from tidegate.kube.standings import LAST, LATER, Standing, standings
from tidegate.kube.stops import tell_to_stop
from tidegate.kube.store import RunKey, Store, flow_key_of, has_ended, version_of
from tidegate.kube.writer import write_status

_SOON = 1.0
"""Seconds until it is looked again while a place is being freed; twice as many each time, up to LATER."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was decided for the runs of a Flow: `change` counts what it accounts for, `made` is when it was.

    `slow` are the seconds until it is looked again because a place is being freed; 0 when none is.
    """

    change: int
    made: float
    found: Mapping[str, Standing]
    slow: float = 0.0


class Limits:
    """Asks for places. `wake` is given the key of each run for which something new was decided."""

    def __init__(
        self,
        client: Client,
        store: Store,
        graphs: Graphs,
        monotonic: Callable[[], float],
        wake: Callable[[RunKey], None],
    ) -> None:
        self._client, self._store, self._graphs = client, store, graphs
        self._monotonic, self._wake = monotonic, wake
        self._locks: WeakValueDictionary[RunKey, asyncio.Lock] = WeakValueDictionary()
        self._looks: dict[RunKey, Look] = {}
        self._ancestors: dict[RunKey, dict[str, frozenset[str]]] = {}
        self._surveyed: dict[RunKey, tuple[str, Concurrency]] = {}
        """The UID and limit of each Flow of which every live pod was seen to belong to a run that is counted."""

    async def contend(self, obj: Object) -> Standing:
        """Say how a run stands whose inputs are frozen, and which has not begun.

        Raises:
            Conflict: somebody else decided at the same time; ask again.
        """
        flow, uid = flow_key_of(obj), obj["metadata"]["uid"]
        is_placed = await self._place_in_family(flow, obj)
        async with self._locks.setdefault(flow, asyncio.Lock()):
            known = self._remembered(flow, uid) if is_placed else None
            if known is not None and (not known.admitted or await self._is_active(flow, uid)):
                return known
            look = await self._look(flow, uid)
        return look.found.get(uid) or Standing(message="it waits for its turn", again=_SOON)

    async def _place_in_family(self, flow: RunKey, obj: Object) -> bool:
        """Learn what a run is a child of; say whether that was known, so that it was decided upon."""
        uid, known = obj["metadata"]["uid"], self._ancestors.setdefault(flow, {})
        if owning_run(obj) is None or uid in known:
            return True
        known[uid] = await ancestors_of(self._client, obj)
        return False

    def _remembered(self, flow: RunKey, uid: str) -> Standing | None:
        """Give how a run stood at the last look, if nothing has changed since and it was not long ago."""
        look = self._looks.get(flow)
        if look is None or look.change != self._store.lines.changes(flow):
            return None
        found = look.found.get(uid)
        if found is None or self._monotonic() - look.made >= min(found.again, LATER):
            return None
        return found

    async def _is_active(self, flow: RunKey, uid: str) -> bool:
        try:
            obj = await self._client.get(FLOWS, *flow)
        except NotFound:
            return False
        return holds_place(obj, uid)

    async def _look(self, flow: RunKey, uid: str) -> Look:
        """Decide for all runs of a Flow, and wake those that do not know yet."""
        before = self._looks.pop(flow, None)
        change = self._store.lines.changes(flow)  # what comes while this looks makes it old
        try:
            obj = await self._client.get(FLOWS, *flow)
        except NotFound:
            message = f'there is no Flow "{flow[1]}" any more that could give it a place'
            look = self._stuck(flow, change, "FlowNotFound", message)
        else:
            look = await self._decide(flow, obj, change, before.slow if before else 0.0)
        self._looks[flow] = look
        self._wake_others(flow, look, uid)
        return look

    def _stuck(self, flow: RunKey, change: int, reason: str, message: str) -> Look:
        """Have all wait that are known to wait for a place."""
        waiting = [self._store.runs[key] for key in self._store.lines.queued(flow)]
        standing = Standing(reason=reason, message=message, again=LAST)
        return Look(change, self._monotonic(), {run["metadata"]["uid"]: standing for run in waiting})

    async def _decide(self, flow: RunKey, obj: Object, change: int, slow: float) -> Look:
        try:
            policy = Concurrency.model_validate(obj["spec"].get("concurrency") or {}, extra="ignore")
        except ValidationError as error:
            what = "; ".join(str(error).splitlines()[1:3])
            return self._stuck(flow, change, "InvalidSpec", f"spec.concurrency of its Flow cannot be read ({what})")
        runs = await self._runs(flow)
        live = {uid: run for uid, run in runs.items() if not has_ended(run)}
        families = self._ancestors.get(flow, {})
        self._ancestors[flow] = {uid: above for uid, above in families.items() if uid in live}
        active = [Entry.parse(row) for row in (obj.get("status") or {}).get("active") or ()]
        ending = [entry for entry in active if entry.uid not in live]
        over = frozenset([entry.uid for entry in ending if not await self._lives_on(flow, entry)])
        rivals = {run.uid: run for run in contenders(self._graphs, obj, live, self._ancestors.get(flow, {}))}
        late = await self._survivors(flow, obj, policy, runs, {*live, *(entry.uid for entry in active)})
        grants = grant(policy, [*active, *late], over, list(rivals.values()))
        change += await self._write(flow, obj, active, grants)
        told = [await self._tell_to_stop(live[victim], name) for victim, name in grants.replaced.items()]
        is_slow = not all(told) or len(over) < len(ending) or bool(late)
        slow = min(LATER, max(_SOON, 2 * slow)) if is_slow else 0.0
        return Look(change, self._monotonic(), standings(policy, grants, rivals, slow or LATER), slow)

    async def _runs(self, flow: RunKey) -> dict[str, Object]:
        """Give the runs of a Flow by UID."""
        fields = f"spec.flowRef.name={flow[1]}"
        listed = (await self._client.list(FLOWRUNS, flow[0], fields=fields)).items
        return {run["metadata"]["uid"]: run for run in listed}

    async def _survivors(
        self, flow: RunKey, obj: Object, policy: Concurrency, runs: Mapping[str, Object], noted: Collection[str]
    ) -> list[Entry]:
        """Give places to runs that began without a limit and are over, but for their pods; none can come later."""
        asked = (obj["metadata"]["uid"], policy)
        if policy.policy is ConcurrencyPolicy.ALLOW or self._surveyed.get(flow) == asked:
            return []
        found = await survivors(self._client, self._graphs, obj, runs, noted)
        if not found:
            self._surveyed[flow] = asked
        return found

    async def _lives_on(self, flow: RunKey, entry: Entry) -> bool:
        """Whether a pod of a run that has ended may still run."""
        return await has_live_pod(self._client, flow[0], f"{LABEL_RUN_UID}={entry.uid}")

    def _wake_others(self, flow: RunKey, look: Look, uid: str) -> None:
        """Have those looked at that do not know yet how they stand."""
        for key in self._store.lines.queued(flow):
            run = self._store.runs[key]
            standing = look.found.get(run["metadata"]["uid"])
            if standing is not None and run["metadata"]["uid"] != uid and not standing.is_told(run):
                self._wake(key)

    async def _write(self, flow: RunKey, obj: Object, active: Sequence[Entry], grants: Grants) -> int:
        """Write who is live now; give how many changes that counts for."""
        if tuple(active) == grants.active:
            return 0
        status: dict[str, Any] = {**(obj.get("status") or {}), "active": [entry.dump() for entry in grants.active]}
        stored = await write_status(self._client, FLOWS, obj, status, version_of(obj))
        before = self._store.lines.changes(flow)
        self._store.put_flow(stored)
        return self._store.lines.changes(flow) - before

    async def _tell_to_stop(self, run: Object, successor: str) -> bool:
        """Put the operator's wish into a live run; say whether it has it, and was not changed by others meanwhile."""
        try:
            await tell_to_stop(self._client, run, Stop("Cancelled", "ReplacedBy", f"{successor} takes its place"))
        except (Conflict, NotFound):
            return False
        return True
