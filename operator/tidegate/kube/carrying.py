"""Carrying out a plan's actions on the API server. Each is safe to repeat, and says in the session what it learned."""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable

from tidegate.engine.actions import (
    Action,
    Answer,
    ChildAction,
    ConfirmChild,
    JobAction,
    KeepResult,
    LookAt,
    LookUp,
    StartChild,
    StopChild,
)
from tidegate.errors import Unavailable
from tidegate.kube.cache import keep, look_up
from tidegate.kube.calling import Calling
from tidegate.kube.claims import Claims
from tidegate.kube.client import Client
from tidegate.kube.clocks import Clocks
from tidegate.kube.jobs import Jobs
from tidegate.kube.session import Session
from tidegate.kube.store import Store
from tidegate.kube.waiting import Waiting

KEEP_SECONDS = 2.0
"""The write that makes a success durable waits this long for its cache entry at most; a run never depends on it."""


class Carrier:
    """Carries out actions for one run at a time; what the API server answers goes into the store at once."""

    def __init__(self, client: Client, store: Store, clocks: Clocks) -> None:
        self._client, self._store, self._monotonic = client, store, clocks.monotonic
        self._waiting = Waiting(client, store, clocks.monotonic)
        self._claims = Claims(client, store, clocks.monotonic)
        self._jobs = Jobs(client, store, self._claims, clocks.wall)
        self._calling = Calling(client, store, self._claims)

    async def carry_out(self, session: Session, actions: Iterable[Action], decided: float) -> float | None:
        """Carry out all actions in parallel; give the seconds after which to look again, 0 for at once.

        When one raises, the others are seen to their end first: nothing may go on by itself while the next look runs.

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
        done = await asyncio.gather(*work, return_exceptions=True)
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure
        return min((wish for wish in done if isinstance(wish, int | float)), default=None)

    async def _one(self, session: Session, action: JobAction | ChildAction, decided: float) -> float | None:
        step: Awaitable[float | None]
        match action:
            case LookUp():
                step = look_up(self._client, session, action, self._monotonic())
            case KeepResult():
                step = self._keep(session, action)
            case StartChild() | StopChild() | ConfirmChild():
                step = self._calling.carry_out(session, action, decided)
            case _:
                step = self._jobs.carry_out(session, action, decided)
        try:
            return await step
        except Unavailable as error:
            return max(error.retry_after or 0.0, self._claims.back_off(session, action.attempt))

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
        session.unkept[action.attempt] = action
        wait = self._claims.wait(session, action.attempt)
        if wait > 0:
            return wait
        await keep(self._client, session, action, self._store.flows.get((session.run.namespace, session.run.flow)))
        del session.unkept[action.attempt]
        return None
