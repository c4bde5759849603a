"""Carrying out what tasks need that wait without a pod: objects are read, decisions are answered."""

from collections.abc import Callable

from tidegate.engine.actions import Answer, LookAt
from tidegate.errors import Conflict, Unavailable
from tidegate.kube.answering import answer
from tidegate.kube.client import Client
from tidegate.kube.objects import FIRST_POLL, Objects, Wanted, interval
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.session import Session, Watch
from tidegate.kube.store import Store, version_of


class Waiting:
    """Works for the carrier, for one action at a time; what it reads goes into the session."""

    def __init__(self, client: Client, store: Store, monotonic: Callable[[], float]) -> None:
        self._client, self._store, self._monotonic = client, store, monotonic
        self._objects = Objects(client, monotonic)

    async def carry_out(self, session: Session, action: LookAt | Answer) -> float | None:
        """Carry out an action; give the seconds after which to look again, 0 for at once."""
        try:
            if isinstance(action, LookAt):
                return await self._look_at(session, action)
            await self._answer(session, action)
        except Unavailable as error:
            return max(error.retry_after or 0.0, FIRST_POLL)
        return None

    async def _look_at(self, session: Session, action: LookAt) -> float:
        """Read an object that a task waits for, now and then."""
        slot, now = action.attempt[0], self._monotonic()
        watch = session.watches.get(slot) or Watch(now, now)
        if now < watch.next:
            return watch.next - now
        fact = await self._objects.look(Wanted.of(session.run.namespace, action))
        wait = interval(now - watch.since)
        session.watches[slot] = Watch(watch.since, now + wait)
        if fact == session.objects.get(slot):
            return wait
        session.objects[slot] = fact
        session.unsettled |= {slot}
        return 0.0

    async def _answer(self, session: Session, action: Answer) -> None:
        """Answer a FlowApproval; that it does not count, only if the run, read live, is the one that was judged."""
        if not action.counted:
            obj = await self._client.get(FLOWRUNS, session.run.namespace, session.run.name)
            if version_of(obj) != session.version:
                raise Conflict(409, "Conflict", "the run has changed since")
        await answer(self._client, self._store, session.run.namespace, action)
