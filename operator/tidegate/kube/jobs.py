"""Carrying out what tasks with a pod need: Jobs are created, stopped where they stand, looked for, and deleted."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from tidegate.api import keys
from tidegate.engine.actions import ConfirmGone, DeleteJob, Reap, StartJob, StopJob
from tidegate.engine.blocks import node_of
from tidegate.engine.facts import Attempt, Confirmed
from tidegate.engine.ledger import FINAL, Ledger
from tidegate.errors import AlreadyExists, Conflict, NotFound
from tidegate.kube.claims import Claims
from tidegate.kube.client import Client, Object
from tidegate.kube.holding import hold_name, is_harmless
from tidegate.kube.observing import see_job, see_pod
from tidegate.kube.pods import has_counted, is_live
from tidegate.kube.resources import FLOWRUNS, JOBS, PODS
from tidegate.kube.session import Session
from tidegate.kube.store import Store
from tidegate.resources.job import job, tombstone
from tidegate.resources.names import job_name

_POD_POLL = 2.0

OfJobs: TypeAlias = StartJob | StopJob | ConfirmGone | DeleteJob | Reap


class Jobs:
    """Works for the carrier, for one action at a time; what it learns goes into the store and the session."""

    def __init__(self, client: Client, store: Store, claims: Claims, wall: Callable[[], float]) -> None:
        self._client, self._store, self._claims, self._wall = client, store, claims, wall

    async def carry_out(self, session: Session, action: OfJobs, decided: float) -> float | None:
        """Carry out an action; give the seconds after which to look again, 0 for at once.

        Raises:
            Unavailable: nobody knows whether it was done.
        """
        match action:
            case StartJob():
                return await self._start(session, action, decided)
            case StopJob():
                return await self._stop(session, action.attempt, action.task)
            case ConfirmGone():
                return await self._confirm(session, action.attempt)
            case DeleteJob():
                await self._delete(session, action)
                return None
            case Reap():
                return await self._reap(session, action)

    # Starting

    async def _start(self, session: Session, action: StartJob, decided: float) -> float:
        wait = self._claims.wait(session, action.attempt)
        if wait > 0:
            return wait
        is_fresh = action.fresh and self._claims.is_fresh(decided)
        if not is_fresh and await self._is_there(session, action.attempt, action.task):
            return 0.0
        node = session.graph.nodes[session.graph.slots[action.task]]
        body = job(session.graph, session.run, node, action.attempt, action.inputs, action.share)
        return await self._claims.claim(session, action.attempt, JOBS, body, self._take_own)

    async def _is_there(self, session: Session, attempt: Attempt, task: str) -> bool:
        """Look live whether a Job that status names was created after all, or a pod of it is left."""
        await self._claims.confirm(session, attempt)
        found = await self._get_job(session, attempt, task)
        if found is not None:
            self._take_job(found)
            return True
        return bool(await self._list_pods(session, attempt))

    # Stopping

    async def _stop(self, session: Session, attempt: Attempt, task: str) -> float | None:
        wait = self._claims.wait(session, attempt)
        if wait > 0:
            return wait
        self._take_job(await hold_name(self._client, tombstone(session.run, attempt, task), self._wall))
        pods = await self._list_pods(session, attempt)
        if any(map(is_live, pods)):
            return _POD_POLL
        held = await self._get_job(session, attempt, task)  # its word on pods that ended well in their last moments
        if held is None or not has_counted(held, pods):
            return _POD_POLL
        self._take_job(held)
        session.confirm(attempt, Confirmed.STOPPED)
        return 0.0

    # Looking

    async def _take_name(self, session: Session, attempt: Attempt, task: str) -> Object | None:
        """Take the name of a Job that is gone; give what holds it then: the Job itself if it came after all."""
        body = tombstone(session.run, attempt, task)
        try:
            return await self._client.create(JOBS, session.run.namespace, body)
        except (AlreadyExists, Conflict):
            return await self._get_job(session, attempt, task)

    async def _confirm(self, session: Session, attempt: Attempt) -> float | None:
        node = node_of(session.graph, session.state.ledger, attempt[0])
        known = self._store.jobs(session.run.uid).get(attempt)
        found = await self._get_job(session, attempt, node.name)
        if found is None:
            if known is not None:
                self._store.drop_child(session.run.uid, known.uid)
            found = await self._take_name(session, attempt, node.name)
        if found is not None:
            self._take_job(found)
        if found is None or not is_harmless(found):
            # It may start a pod yet: that there is none now says nothing.
            return 0.0 if attempt in self._store.jobs(session.run.uid) else _POD_POLL
        if any(map(is_live, await self._list_pods(session, attempt))):
            return _POD_POLL
        session.confirm(attempt, Confirmed.PODS_GONE)
        return 0.0

    async def _get_job(self, session: Session, attempt: Attempt, task: str) -> Object | None:
        try:
            name = job_name(session.run.name, task, session.run.uid, *attempt)
            return await self._client.get(JOBS, session.run.namespace, name)
        except NotFound:
            return None

    async def _list_pods(self, session: Session, attempt: Attempt) -> Sequence[Object]:
        """List an attempt's pods live, and bring the store to what was found."""
        slot, number = attempt
        selector = f"{keys.LABEL_RUN_UID}={session.run.uid},{keys.LABEL_SLOT}={slot},{keys.LABEL_ATTEMPT}={number}"
        page = await self._client.list(PODS, session.run.namespace, labels=selector)
        found = [seen for seen in map(see_pod, page.items) if seen is not None]
        for seen in found:
            self._store.put_child(seen)
        uids = {seen.uid for seen in found}
        self._store.drop_missing_pods(session.run.uid, attempt, uids, int(page.resource_version))
        return page.items

    # Retention

    async def _delete(self, session: Session, action: DeleteJob) -> None:
        with contextlib.suppress(NotFound, Conflict):
            await self._client.delete(JOBS, session.run.namespace, action.name, uid=action.uid)
        self._store.drop_child(session.run.uid, action.uid)

    async def _reap(self, session: Session, action: Reap) -> float | None:
        """Stop a Job that the run does not name, if a live look at the run, made now, says the same."""
        obj = await self._client.get(FLOWRUNS, session.run.namespace, session.run.name)
        slot, attempt = action.attempt
        ledger = Ledger.parse(obj["status"]["ledger"])
        if obj["metadata"]["uid"] == session.run.uid and slot < len(ledger.slots) and attempt == ledger.attempts[slot]:
            return None if ledger.slots[slot] not in FINAL else await self._stop_orphan(session, action)
        return await self._stop_orphan(session, action)

    async def _stop_orphan(self, session: Session, action: Reap) -> float | None:
        body: dict[str, Any] = tombstone(session.run, action.attempt, "orphan")
        body["metadata"]["name"] = action.name
        self._take_job(await hold_name(self._client, body, self._wall))
        return None

    def _take_own(self, session: Session, attempt: Attempt, obj: Object) -> bool:
        """Take a Job into the store if it is this very attempt's, whatever its template looks like."""
        seen = see_job(obj)
        if seen is None or seen.run_uid != session.run.uid or seen.fact.attempt != attempt:
            return False
        self._store.put_child(seen)
        return True

    def _take_job(self, obj: Object) -> None:
        seen = see_job(obj)
        if seen is not None:
            self._store.put_child(seen)
