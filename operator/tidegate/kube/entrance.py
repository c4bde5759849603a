"""The entrance: what a run takes is frozen, it waits for its Flow and for its place, and then it starts."""

import logging

from tidegate.engine import status as statuses
from tidegate.engine.actions import Happening
from tidegate.engine.conclusion import Outcome
from tidegate.engine.graph import Graph
from tidegate.engine.run import Run
from tidegate.engine.upstream import PASSED
from tidegate.engine.wishes import Stop, wish_of
from tidegate.errors import NotFound
from tidegate.kube import admission, backfillclaims, rerunning, session, triggering
from tidegate.kube.admission import Entrant
from tidegate.kube.client import Client, Object
from tidegate.kube.clocks import Clocks
from tidegate.kube.graphs import Graphs
from tidegate.kube.limits import Limits
from tidegate.kube.parentage import origin_of
from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import FLOWRUNS, FLOWS
from tidegate.kube.session import Session, desired_of
from tidegate.kube.store import RunKey, Store, flow_key_of, version_of
from tidegate.kube.triggering import Claim
from tidegate.kube.writer import write_status

log = logging.getLogger(__name__)

_FLOW_POLL = 300.0
"""Seconds until a run looks again for its Flow: a net, for it is told when there is one."""


class Entrance:
    """Lets runs in. All it knows is in the runs and Flows themselves."""

    def __init__(
        self, client: Client, store: Store, queue: WorkQueue[RunKey], graphs: Graphs, reporter: Reporter, clocks: Clocks
    ) -> None:
        self._client, self._store, self._queue, self._graphs = client, store, queue, graphs
        self._reporter, self._clocks = reporter, clocks
        self._limits = Limits(client, store, graphs, clocks.monotonic, queue.add)

    async def enter(self, key: RunKey, obj: Object) -> Session | None:
        """Give the session of a run that starts now; None when it has to wait, or ended before it began.

        Raises:
            Conflict: somebody else wrote; look again.
        """
        if "frozen" in (obj.get("status") or {}):
            return await self._queued(key, obj)
        if not await self._is_named(key, obj):
            return None
        return await self._admit(key, obj)

    async def _is_named(self, key: RunKey, obj: Object) -> bool:
        """Whether status names a run that was started by a trigger or a Backfill; one that it never will ends."""
        claim = await self._claim(obj)
        if claim is Claim.NOT_YET:
            self._store.lines.join(key, flow_key_of(obj))
            self._queue.add_after(key, _FLOW_POLL, Priority.RESYNC)
        elif claim is Claim.PASSED:
            trigger = obj["spec"]["trigger"]
            who = f"trigger {trigger['name']} was"
            if "backfill" in trigger:
                who = f"Backfill {trigger['backfill']} is gone, or was"
            message = f"{who} done with {trigger['time']} before this run came"
            await self._refuse(key, obj, Outcome(False, PASSED, message, {}))
        return claim is Claim.NAMED

    async def _claim(self, obj: Object) -> Claim:
        if triggering.is_triggered(obj):
            return await triggering.claim_of(self._client, self._store, obj)
        if backfillclaims.is_backfilled(obj):
            return await backfillclaims.claim_of(self._client, self._store.backfills, obj)
        return Claim.NAMED

    async def _admit(self, key: RunKey, obj: Object) -> Session | None:
        if await self._is_stopped(key, obj):
            return None
        entrant = await self._judge(key, obj)
        if isinstance(entrant, Outcome):
            await self._refuse(key, obj, entrant)
        if entrant is None or isinstance(entrant, Outcome):
            return None
        run = await admission.freeze(self._client, entrant)
        if entrant.place is not None:
            status = statuses.frozen(run, obj.get("status") or {}, entrant.place, self._clocks.wall())
            obj = await write_status(self._client, FLOWRUNS, obj, status, version_of(obj))
            self._store.put_run(obj)
            return await self._queued(key, obj)
        return await self._begin(key, obj, entrant.graph, run)

    async def _begin(self, key: RunKey, obj: Object, graph: Graph, run: Run, admitted: float | None = None) -> Session:
        state = await rerunning.beginning(self._client, obj, graph, run.reuse) if run.reuse else None
        log.info("run admitted", extra={"namespace": key[0], "run": key[1], "revision": run.revision})
        return admission.begin(obj, graph, run, admitted=admitted, state=state)

    async def _judge(self, key: RunKey, obj: Object) -> Entrant | Outcome | None:
        """Give what a run takes, or how it ends because it may not start; None while its Flow does not exist."""
        origin = await origin_of(self._client, obj)
        if isinstance(origin, Outcome):
            return origin
        if obj["spec"].get("rerun"):
            return await rerunning.judge(self._client, self._graphs, obj, origin)
        flow = await self._flow(key, obj)
        return None if flow is None else admission.judge(self._graphs, obj, flow, origin)

    async def _queued(self, key: RunKey, obj: Object) -> Session | None:
        """Ask for the run's place within its Flow's limit; None when it has to wait, or was turned away."""
        if await self._is_stopped(key, obj):
            return None
        standing = await self._limits.contend(obj)
        if standing.refusal is not None:
            await self._refuse(key, obj, Outcome(False, standing.refusal.reason, standing.refusal.message, {}))
            return None
        if not standing.admitted:
            self._store.lines.join(key, flow_key_of(obj))
            self._queue.add_after(key, standing.again, Priority.RESYNC)
            await self._wait(key, obj, standing.reason, standing.message)
            return None
        loaded = await session.load(self._client, self._graphs, obj)
        return await self._begin(key, obj, loaded.graph, loaded.run, self._clocks.wall())

    async def _is_stopped(self, key: RunKey, obj: Object) -> bool:
        """End a run that was stopped before anything of it started; say whether it was."""
        wish = wish_of(desired_of(obj), Stop.parse((obj.get("status") or {}).get("stop")))
        if wish.stops:
            await self._refuse(key, obj, Outcome(False, wish.reason, f"{wish.message} before it started", {}))
        return wish.stops

    async def _wait(self, key: RunKey, obj: Object, reason: str, message: str) -> None:
        """Say in the run what it waits for, when that is news."""
        run, now = session.run_of(obj), self._clocks.wall()
        status = statuses.waiting(run, obj.get("status") or {}, reason, message, now)
        if status["conditions"] != (obj.get("status") or {}).get("conditions"):
            self._store.put_run(await write_status(self._client, FLOWRUNS, obj, status, version_of(obj)))
        log.info("run waits", extra={"namespace": key[0], "run": key[1], "reason": reason})

    async def _flow(self, key: RunKey, obj: Object) -> Object | None:
        """Give the run's Flow; when there is none, say so in the run and wait for it.

        It is read live: what was applied before the run was created holds for the run, however late it is heard of.
        """
        name = obj["spec"]["flowRef"]["name"]
        try:
            return await self._client.get(FLOWS, key[0], name)
        except NotFound:
            self._store.lines.join(key, (key[0], name))
            self._queue.add_after(key, _FLOW_POLL, Priority.RESYNC)
            message = f'there is no Flow "{name}" in namespace {key[0]}; the run starts when there is'
            await self._wait(key, obj, "FlowNotFound", message)
            return None

    async def _refuse(self, key: RunKey, obj: Object, outcome: Outcome) -> None:
        run, now = session.run_of(obj), self._clocks.wall()
        status, line = statuses.refused(run, obj.get("status") or {}, outcome, now), flow_key_of(obj)
        was_next = key in self._store.lines.heads(line)
        self._store.put_run(await write_status(self._client, FLOWRUNS, obj, status, version_of(obj)))
        if was_next:  # it may be all that was told of a place that is free
            for other in self._store.lines.heads(line):
                self._queue.add(other, Priority.COMPLETION)
        self._reporter.run_ended(run, outcome, now)
        happening = Happening(True, "RunEnded", f"{outcome.reason}: {outcome.message}")
        await self._reporter.tell(run, [happening], now)
        log.info("run refused", extra={"namespace": key[0], "run": key[1], "reason": outcome.reason})
