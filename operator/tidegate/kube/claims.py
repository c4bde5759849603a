"""Names as claims: status names what may be created, a POST claims it, and what holds the name says whose it is."""

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.engine.facts import Attempt, Rejection
from tidegate.engine.ledger import INTENT, OBSERVED, Ledger
from tidegate.errors import AlreadyExists, ApiError, Conflict, Forbidden, NotFound, Rejected, Unavailable
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS, Resource
from tidegate.kube.session import Session
from tidegate.kube.store import Store

FRESH_SECONDS = 5.0
"""After a status write its names are claimed without looking first for this long: every name is held far longer."""

_FIRST_BACKOFF, _LAST_BACKOFF = 0.5, 30.0

Take = Callable[[Session, Attempt, Object], bool]
"""Takes an object into the store if it is the attempt's own, and says whether it is."""


class Claims:
    """Creates the Jobs and child runs of attempts; what was refused, and until when, is in the session."""

    def __init__(self, client: Client, store: Store, monotonic: Callable[[], float]) -> None:
        self._client, self._store, self._monotonic = client, store, monotonic

    def is_fresh(self, decided: float) -> bool:
        """Whether a decision that was known to be written at an instant needs no look before what it names is made."""
        return self._monotonic() - decided < FRESH_SECONDS

    def wait(self, session: Session, attempt: Attempt) -> float:
        """Give the seconds for which nothing is to be tried for an attempt; 0 when it may be."""
        return max(0.0, session.not_before.get(attempt, 0.0) - self._monotonic())

    def back_off(self, session: Session, attempt: Attempt) -> float:
        """Note that something went wrong; give the seconds until it is tried again, twice as many each time."""
        count = session.failures.get(attempt, 0)
        session.failures[attempt] = count + 1
        wait = min(_FIRST_BACKOFF * 2.0 ** min(count, 10), _LAST_BACKOFF)
        session.not_before[attempt] = self._monotonic() + wait
        return wait

    async def confirm(self, session: Session, attempt: Attempt) -> None:
        """See that the run, read live, names this attempt as one that lives.

        Our view of it may be old, and a Job for a run that is gone would still start a pod.

        Raises:
            Conflict: it does not; read the run again.
        """
        if not await self._is_named(session, attempt):
            raise Conflict(409, "Conflict", "the run does not name this attempt any more")

    async def claim(
        self, session: Session, attempt: Attempt, resource: Resource, body: Mapping[str, Any], take: Take
    ) -> float:
        """Create what status names; give the seconds after which to look again.

        Raises:
            Unavailable: nobody knows whether it was created.
        """
        namespace, name = session.run.namespace, body["metadata"]["name"]
        try:
            take(session, attempt, await self._client.create(resource, namespace, body))
        except AlreadyExists:
            if not take(session, attempt, await self._client.get(resource, namespace, name)):
                message = f"{resource.kind} {name} exists and is not this run's"
                session.rejections[attempt] = Rejection("NameCollision", message, final=True)
            return 0.0
        except ApiError as error:
            refused = rejection(error, "Child" if resource == FLOWRUNS else resource.kind)
            wait = 0.0 if refused.final else self.back_off(session, attempt)
            session.rejections[attempt] = refused
            return wait
        session.rejections.pop(attempt, None)
        session.not_before.pop(attempt, None)
        return 0.0

    async def _is_named(self, session: Session, attempt: Attempt) -> bool:
        slot, number = attempt
        try:
            obj = await self._client.get(FLOWRUNS, session.run.namespace, session.run.name)
        except NotFound:
            return False
        if obj["metadata"]["uid"] != session.run.uid:
            return False
        self._store.put_run(obj)
        ledger = Ledger.parse(obj["status"]["ledger"])
        return ledger.attempts[slot] == number and ledger.slots[slot] in (INTENT, OBSERVED)


def rejection(error: ApiError, what: str) -> Rejection:
    """Give what the refusal of a `Job` or `Child` is for the engine; nobody knows yet what Unavailable means.

    Raises:
        Unavailable: the error itself.
    """
    if isinstance(error, Unavailable):
        raise error
    if isinstance(error, Rejected):
        return Rejection(f"{what}Rejected", error.message, final=True)
    reason = "AdmissionDenied" if isinstance(error, Forbidden) else f"{what}NotCreated"
    if isinstance(error, Forbidden) and "exceeded quota" in error.message:
        reason = "QuotaExceeded"
    return Rejection(reason, error.message, final=False)
