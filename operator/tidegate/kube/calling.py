"""Carrying out what tasks with the body `flow` need: child runs are created, told to stop, and looked for."""

from tidegate.api import keys
from tidegate.engine.actions import ChildAction, ConfirmChild, StartChild, StopChild
from tidegate.engine.facts import Attempt, ChildFact, Confirmed
from tidegate.errors import AlreadyExists, Conflict, NotFound, Unavailable
from tidegate.kube.childruns import see_child
from tidegate.kube.claims import Claims
from tidegate.kube.client import Client, Object
from tidegate.kube.pods import has_live_pod
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.session import Session
from tidegate.kube.stops import tell_to_stop
from tidegate.kube.store import Store
from tidegate.resources.flowrun import child_name, child_run, child_tombstone

_ATTEMPTS = 5
_PODS_SECONDS, _END_SECONDS = 2.0, 30.0
"""How often it is looked again: for pods that die, and, beside what is watched, for the end of a stopped child."""


class Calling:
    """Works for the carrier, for one action at a time; what it learns goes into the store and the session."""

    def __init__(self, client: Client, store: Store, claims: Claims) -> None:
        self._client, self._store, self._claims = client, store, claims

    async def carry_out(self, session: Session, action: ChildAction, decided: float) -> float | None:
        """Carry out an action; give the seconds after which to look again, 0 for at once.

        Raises:
            Unavailable: nobody knows whether it was done.
        """
        wait = self._claims.wait(session, action.attempt)
        if wait > 0:
            return wait
        match action:
            case StartChild():
                return await self._start(session, action, decided)
            case StopChild():
                return await self._stop(session, action)
            case ConfirmChild():
                return await self._confirm(session, action)

    async def _start(self, session: Session, action: StartChild, decided: float) -> float:
        run, attempt = session.run, action.attempt
        is_fresh = action.fresh and self._claims.is_fresh(decided)
        if not is_fresh and await self._is_there(session, attempt, action.task):
            return 0.0
        flow = self._store.flows.get((run.namespace, action.call.flow)) if action.call.detached else None
        body = child_run(run, attempt, action.task, action.call, flow)
        return await self._claims.claim(session, attempt, FLOWRUNS, body, self._is_own)

    async def _is_there(self, session: Session, attempt: Attempt, task: str) -> bool:
        """Look live whether a child run that status names was created after all, or a pod of it is left."""
        await self._claims.confirm(session, attempt)
        name = child_name(session.run, attempt, task)
        try:
            self._take(await self._client.get(FLOWRUNS, session.run.namespace, name))
        except NotFound:
            return await self._has_live_pods(session, name)
        return True

    async def _stop(self, session: Session, action: StopChild) -> float:
        """See that the child run is told to stop, or that none can come any more, and look whether it has ended."""
        found = await self._held(session, action)
        child = self._take_own(session, action.attempt, found)
        if child is None:  # the name is another's: no child run can ever have it
            session.confirm(action.attempt, Confirmed.STOPPED)
            return 0.0
        if "deletionTimestamp" in found["metadata"]:
            return _PODS_SECONDS
        if child.finished is None:
            await self._tell(found, action)
            return _END_SECONDS
        if await self._has_live_pods(session, child.name):
            return _PODS_SECONDS
        session.confirm(action.attempt, Confirmed.STOPPED)
        return 0.0

    async def _tell(self, found: Object, action: StopChild) -> None:
        """Put the parent's wish into the child's status; a stricter one that is there already stays."""
        try:
            self._take(await tell_to_stop(self._client, found, action.stop))
        except (Conflict, NotFound):
            raise Unavailable(409, "Conflict", "the child run changed meanwhile") from None

    async def _confirm(self, session: Session, action: ConfirmChild) -> float:
        """Look live for a child run that is not where it was seen; when it is gone, nothing may bring it back."""
        known = self._store.children(session.run.uid).runs.get(action.attempt)
        found = await self._held(session, action)
        if known is not None and known.uid != found["metadata"]["uid"]:
            self._store.drop_child(session.run.uid, known.uid)
        child = self._take_own(session, action.attempt, found)
        if child is not None and not child.tombstone:
            return 0.0
        if await self._has_live_pods(session, found["metadata"]["name"]):
            return _PODS_SECONDS
        session.confirm(action.attempt, Confirmed.PODS_GONE)
        return 0.0

    async def _held(self, session: Session, action: StopChild | ConfirmChild) -> Object:
        """Give what has the child's name, read live; where there is nothing, a run that never begins takes it.

        Else a request that is still on its way could bring the child run back.
        """
        run = session.run
        tombstone = child_tombstone(run, action.attempt, action.task, action.flow)
        for _ in range(_ATTEMPTS):
            try:
                return await self._client.get(FLOWRUNS, run.namespace, tombstone["metadata"]["name"])
            except NotFound:
                try:
                    return await self._client.create(FLOWRUNS, run.namespace, tombstone)
                except AlreadyExists:
                    continue
        raise Unavailable(409, "Conflict", "the name of a child run could not be held yet")

    async def _has_live_pods(self, session: Session, child: str) -> bool:
        return await has_live_pod(self._client, session.run.namespace, f"{keys.LABEL_RUN}={child}")

    def _is_own(self, session: Session, attempt: Attempt, obj: Object) -> bool:
        return self._take_own(session, attempt, obj) is not None

    def _take_own(self, session: Session, attempt: Attempt, obj: Object) -> ChildFact | None:
        """Take a run into the store if it is this very attempt's."""
        seen = see_child(obj)
        if seen is None or seen.run_uid != session.run.uid or seen.fact.attempt != attempt:
            return None
        self._store.put_child(seen)
        assert isinstance(seen.fact, ChildFact)  # noqa: S101  what is seen of a run
        return seen.fact

    def _take(self, obj: Object) -> None:
        seen = see_child(obj)
        if seen is not None:
            self._store.put_child(seen)
