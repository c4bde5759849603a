"""Carrying out a plan's actions on the API server. Each is safe to repeat, and says in the session what it learned."""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable
from typing import Any

from tidegate.api import keys
from tidegate.engine.actions import (
    Action,
    Answer,
    ChildAction,
    ConfirmChild,
    ConfirmGone,
    DeleteJob,
    JobAction,
    KeepResult,
    LookAt,
    LookUp,
    Reap,
    StartChild,
    StartJob,
    StopChild,
    StopJob,
)
from tidegate.engine.blocks import node_of
from tidegate.engine.facts import Attempt, Confirmed, PodFact, Rejection
from tidegate.engine.ledger import FINAL, Ledger
from tidegate.errors import AlreadyExists, ApiError, Conflict, NotFound, Unavailable
from tidegate.kube.cache import keep, look_up
from tidegate.kube.calling import Calling
from tidegate.kube.claims import is_named, rejection
from tidegate.kube.client import Client, Object
from tidegate.kube.clocks import Clocks
from tidegate.kube.holding import hold_name, is_harmless
from tidegate.kube.observing import Seen, see_job, see_pod
from tidegate.kube.resources import FLOWRUNS, JOBS, PODS
from tidegate.kube.session import Session
from tidegate.kube.store import Store
from tidegate.kube.waiting import Waiting
from tidegate.resources.job import job, tombstone
from tidegate.resources.names import job_name

FRESH_SECONDS = 5.0
"""After a status write a Job may be created without looking first for this long: every name is held far longer."""

KEEP_SECONDS = 2.0
"""The write that makes a success durable waits this long for its cache entry at most; a run never depends on it."""

_FIRST_BACKOFF, _LAST_BACKOFF = 0.5, 30.0
_POD_POLL = 2.0


class Carrier:
    """Carries out actions for one run at a time; what the API server answers goes into the store at once."""

    def __init__(self, client: Client, store: Store, clocks: Clocks) -> None:
        self._client, self._store, self._wall, self._monotonic = client, store, clocks.wall, clocks.monotonic
        self._waiting = Waiting(client, store, clocks.monotonic)
        self._calling = Calling(client, store, self._back_off, FRESH_SECONDS)

    async def carry_out(self, session: Session, actions: Iterable[Action], decided: float) -> float | None:
        """Carry out all actions in parallel; give the seconds after which to look again, 0 for at once.

        Args:
            session: the run.
            actions: what its plan says.
            decided: when its status was known to be written, on the monotonic clock.
        """
        left = list(session.unkept.values())
        fresh = (action for action in actions if not isinstance(action, KeepResult))  # those are kept, or in `left`
        work = [
            self._waiting.carry_out(session, action)
            if isinstance(action, LookAt | Answer)
            else self._one(session, action, decided)
            for action in (*fresh, *left)
        ]
        wishes = [wish for wish in await asyncio.gather(*work) if wish is not None]
        return min(wishes, default=None)

    async def _one(self, session: Session, action: JobAction | ChildAction, decided: float) -> float | None:
        step: Awaitable[float | None]
        match action:
            case StartJob():
                step = self._start(session, action, decided)
            case StopJob():
                step = self._stop(session, action.attempt, action.task)
            case ConfirmGone():
                step = self._confirm(session, action.attempt)
            case DeleteJob():
                step = self._delete(session, action.name, action.uid)
            case Reap():
                step = self._reap(session, action)
            case LookUp():
                step = look_up(self._client, session, action, self._monotonic())
            case KeepResult():
                step = self._keep(session, action)
            case StartChild() | StopChild() | ConfirmChild():
                step = self._calling.carry_out(session, action, self._monotonic(), decided)
        try:
            return await step
        except Unavailable as error:
            return max(error.retry_after or 0.0, self._back_off(session, action.attempt))

    # Starting

    async def _start(self, session: Session, action: StartJob, decided: float) -> float | None:
        now = self._monotonic()
        wait = session.not_before.get(action.attempt, now) - now
        if wait > 0:
            return wait
        if not (action.fresh and now - decided < FRESH_SECONDS) and await self._is_there(
            session, action.attempt, action.task
        ):
            return 0.0
        node = session.graph.nodes[session.graph.slots[action.task]]
        body = job(session.graph, session.run, node, action.attempt, action.inputs, action.share)
        try:
            self._take_job(await self._client.create(JOBS, session.run.namespace, body))
        except AlreadyExists:
            return await self._adopt(session, action.attempt, body["metadata"]["name"])
        except ApiError as error:
            return self._refused(session, action.attempt, error)
        session.rejections.pop(action.attempt, None)
        session.not_before.pop(action.attempt, None)
        return 0.0

    async def _is_there(self, session: Session, attempt: Attempt, task: str) -> bool:
        """Look live whether a Job that status names was created after all, or a pod of it is left.

        The run is read too: our view of it may be old, and a Job for a run that is gone would still start a pod.
        """
        if not await is_named(self._client, self._store, session, attempt):
            raise Conflict(409, "Conflict", "the run does not name this attempt any more")
        found = await self._get_job(session, attempt, task)
        if found is not None:
            self._take_job(found)
            return True
        return bool(await self._live_pods(session, attempt))

    async def _adopt(self, session: Session, attempt: Attempt, name: str) -> float | None:
        found = await self._client.get(JOBS, session.run.namespace, name)
        seen = see_job(found)
        if seen is not None and seen.run_uid == session.run.uid and seen.fact.attempt == attempt:
            self._store.put_child(seen)
            return 0.0
        session.rejections[attempt] = Rejection("NameCollision", f"Job {name} exists and is not this run's", final=True)
        return 0.0

    def _refused(self, session: Session, attempt: Attempt, error: ApiError) -> float | None:
        refused = rejection(error, "Job")
        wait = 0.0 if refused.final else self._back_off(session, attempt)
        session.rejections[attempt] = refused
        return wait

    def _back_off(self, session: Session, attempt: Attempt) -> float:
        count = session.failures.get(attempt, 0)
        session.failures[attempt] = count + 1
        wait = min(_FIRST_BACKOFF * 2.0 ** min(count, 10), _LAST_BACKOFF)
        session.not_before[attempt] = self._monotonic() + wait
        return wait

    # Stopping

    async def _stop(self, session: Session, attempt: Attempt, task: str) -> float | None:
        now = self._monotonic()
        wait = session.not_before.get(attempt, now) - now
        if wait > 0:
            return wait
        self._take_job(await hold_name(self._client, tombstone(session.run, attempt, task), self._wall()))
        if any(pod.alive for pod in await self._live_pods(session, attempt)):
            return _POD_POLL
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
        if any(pod.alive for pod in await self._live_pods(session, attempt)):
            return _POD_POLL
        session.confirm(attempt, Confirmed.PODS_GONE)
        return 0.0

    async def _get_job(self, session: Session, attempt: Attempt, task: str) -> Object | None:
        try:
            name = job_name(session.run.name, task, session.run.uid, *attempt)
            return await self._client.get(JOBS, session.run.namespace, name)
        except NotFound:
            return None

    async def _live_pods(self, session: Session, attempt: Attempt) -> list[PodFact]:
        """List an attempt's pods live, and bring the store to what was found."""
        slot, number = attempt
        selector = f"{keys.LABEL_RUN_UID}={session.run.uid},{keys.LABEL_SLOT}={slot},{keys.LABEL_ATTEMPT}={number}"
        page = await self._client.list(PODS, session.run.namespace, labels=selector)
        found = [seen for seen in map(see_pod, page.items) if seen is not None]
        for seen in found:
            self._store.put_child(seen)
        uids = {seen.uid for seen in found}
        self._store.drop_missing_pods(session.run.uid, attempt, uids, int(page.resource_version))
        return [seen.fact for seen in found if isinstance(seen.fact, PodFact)]

    # Results

    async def keep_results(self, session: Session, actions: Iterable[Action]) -> None:
        """Keep what has just succeeded, before status says so: an operator that dies in between loses no entry.

        The work was done and gave this, whatever becomes of the run; what cannot be kept now is tried again later.
        """
        results = [action for action in actions if isinstance(action, KeepResult)]
        await asyncio.gather(*(self._keep_soon(session, action) for action in results))

    async def _keep_soon(self, session: Session, action: KeepResult) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KEEP_SECONDS):
                await self._one(session, action, 0.0)

    async def _keep(self, session: Session, action: KeepResult) -> float | None:
        now = self._monotonic()
        session.unkept[action.attempt] = action
        wait = session.not_before.get(action.attempt, now) - now
        if wait > 0:
            return wait
        await keep(self._client, session, action, self._store.flows.get((session.run.namespace, session.run.flow)))
        del session.unkept[action.attempt]
        return None

    # Retention

    async def _delete(self, session: Session, name: str, uid: str) -> float | None:
        await self._delete_job(session, name, uid)
        return None

    async def _delete_job(self, session: Session, name: str, uid: str) -> None:
        with contextlib.suppress(NotFound, Conflict):
            await self._client.delete(JOBS, session.run.namespace, name, uid=uid)
        self._store.drop_child(session.run.uid, uid)

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
        self._take_job(await hold_name(self._client, body, self._wall()))
        return None

    def _take_job(self, obj: Object) -> None:
        seen: Seen | None = see_job(obj)
        if seen is not None:
            self._store.put_child(seen)
