"""Answering FlowApprovals: each is told once, in a condition, whether it counted.

While a run goes on its own decisions say so (see `engine/approval.py`). The reconciler here answers what no run will:
a decision for a run that has ended, for one that is gone, for another one of the same name.
"""

from collections.abc import Callable

from tidegate.api.conditions import carry
from tidegate.api.flowapproval import COUNTED
from tidegate.engine import approval as rules
from tidegate.engine.actions import Answer
from tidegate.engine.ledger import Ledger
from tidegate.errors import Conflict, NotFound
from tidegate.kube.approvals import answer_in, run_of
from tidegate.kube.client import Client, Object
from tidegate.kube.queue import Priority, WorkQueue
from tidegate.kube.resources import FLOWAPPROVALS, FLOWRUNS
from tidegate.kube.store import RunKey, Store, has_ended, version_of
from tidegate.kube.writer import write_status

LOOK_AGAIN = 30.0
"""Seconds: a decision that its run has not answered by then is looked at again; that costs no request."""

_ATTEMPTS = 5


class ApprovalReconciler:
    """Answers decisions that no living run answers."""

    def __init__(self, client: Client, store: Store, queue: WorkQueue[RunKey], wall: Callable[[], float]) -> None:
        self._client, self._store, self._queue, self._wall = client, store, queue, wall

    async def reconcile(self, key: RunKey) -> None:
        """Answer one decision if its run cannot."""
        obj = self._store.approvals.known.get(key)
        if obj is None or "deletionTimestamp" in obj["metadata"] or answer_in(obj):
            return
        verdict = self._corrected(obj) if answer_in(obj) is False else await self._verdict(obj)
        if verdict is not None:
            await answer(self._client, self._store, key[0], verdict)
        elif answer_in(obj) is None:
            self._queue.add_after(key, LOOK_AGAIN, Priority.RESYNC)

    async def _verdict(self, obj: Object) -> Answer | None:
        key, uid = run_of(obj)
        run = self._store.runs.get(key)
        if run is None or run["metadata"]["uid"] != uid:
            try:
                run = await self._client.get(FLOWRUNS, *key)
            except NotFound:
                return self._refusal(obj, "RunNotFound", f"there is no FlowRun {key[1]} in namespace {key[0]}")
        if run["metadata"]["uid"] != uid:
            message = f"FlowRun {key[1]} is another one now: its UID is {run['metadata']['uid']}"
            return self._refusal(obj, "OtherRun", message)
        if not has_ended(run):
            return None
        return self._corrected(obj) or self._refusal(obj, "RunEnded", f"FlowRun {key[1]} had ended already")

    def _corrected(self, obj: Object) -> Answer | None:
        """Say that a decision counted, when the run that took it up ended before anybody said so."""
        key, uid = run_of(obj)
        run = self._store.runs.get(key)
        if run is None or run["metadata"]["uid"] != uid or not has_ended(run):
            return None
        ledger = run["status"].get("ledger")
        if ledger is None or not rules.has_counted(Ledger.parse(ledger), obj["metadata"]["uid"]):
            return None
        message = rules.taken_up(obj["spec"]["task"], obj["spec"]["decision"])
        return self._answer(obj, obj["spec"]["decision"], message, counted=True)

    def _refusal(self, obj: Object, reason: str, message: str) -> Answer:
        return self._answer(obj, reason, message, counted=False)

    def _answer(self, obj: Object, reason: str, message: str, *, counted: bool) -> Answer:
        meta = obj["metadata"]
        return Answer(meta["name"], meta["uid"], counted, reason, message, self._wall())


async def answer(client: Client, store: Store, namespace: str, wanted: Answer) -> None:
    """Write an answer; one that was given stays, but that a decision did count is always told.

    Raises:
        ApiError: it could not be written.
    """
    key = namespace, wanted.name
    obj = store.approvals.known.get(key)
    for _ in range(_ATTEMPTS):
        try:
            obj = obj or await client.get(FLOWAPPROVALS, *key)
            if obj["metadata"]["uid"] != wanted.uid or not _is_news(obj, wanted):
                return
            store.put_approval(await write_status(client, FLOWAPPROVALS, obj, _status(obj, wanted), version_of(obj)))
        except Conflict:
            obj = None
            continue
        except NotFound:
            if obj is not None:
                store.drop_approval(obj)
        return


def _is_news(obj: Object, wanted: Answer) -> bool:
    known = answer_in(obj)
    return known is None or (wanted.counted and not known)


def _status(obj: Object, wanted: Answer) -> Object:
    word = {"reason": wanted.reason, "message": wanted.message[:4096]}
    conditions = [{"type": COUNTED, "status": "True" if wanted.counted else "False", **word}]
    if not wanted.counted:
        conditions.append({"type": "Stalled", "status": "True", **word})
    generation = obj["metadata"].get("generation", 1)
    old = (obj.get("status") or {}).get("conditions")
    told = carry(old, conditions, generation=generation, now=wanted.at)
    return {"observedGeneration": generation, "conditions": told}
