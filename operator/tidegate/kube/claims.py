"""Names as claims: what status says of an attempt, read live, and what a refusal of its object means."""

from tidegate.engine.facts import Attempt, Rejection
from tidegate.engine.ledger import INTENT, OBSERVED, Ledger
from tidegate.errors import ApiError, Forbidden, NotFound, Rejected, Unavailable
from tidegate.kube.client import Client
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.session import Session
from tidegate.kube.store import Store


async def is_named(client: Client, store: Store, session: Session, attempt: Attempt) -> bool:
    """Whether the run, read live, names this attempt as one that lives."""
    slot, number = attempt
    try:
        obj = await client.get(FLOWRUNS, session.run.namespace, session.run.name)
    except NotFound:
        return False
    if obj["metadata"]["uid"] != session.run.uid:
        return False
    store.put_run(obj)
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
