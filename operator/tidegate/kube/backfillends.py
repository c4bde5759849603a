"""The ends of a Backfill's runs: they are counted when they have come, and brought about when it is cancelled."""

from tidegate.api.conditions import find, is_true, timestamp
from tidegate.engine.wishes import Stop
from tidegate.errors import Conflict, NotFound
from tidegate.kube.backfillstep import Step
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.stops import tell_to_stop
from tidegate.kube.store import RunKey, Store, has_ended
from tidegate.resources.triggered import backfilled_name

_SOON = 1.0
"""Seconds until a run is told to stop again that others kept changing."""
_ATTEMPTS = 3


class BackfillEnds:
    """Works for the controller of Backfills. Everything here may be done twice."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client, self._store = client, store

    async def settle(self, obj: Object, step: Step) -> None:
        """Count the runs that have ended. One that is gone was deleted by somebody: nobody knows how it ended."""
        for second, uid in step.progress.live:
            key, run = key_at(obj, second), await self.run(obj, second, uid)
            if run is not None and not has_ended(run):
                continue
            step.progress = step.progress.with_ended(uid, _failure(key[1], second, run))
            step.counted.append(key)

    async def stop(self, obj: Object, step: Step) -> None:
        """Tell the live runs to stop."""
        name, count = obj["metadata"]["name"], len(step.progress.live)
        wish = Stop("Cancelled", "BackfillCancelled", f"Backfill {name} was cancelled")
        for second, uid in step.progress.live:
            if not await self._tell(obj, second, uid, wish):
                step.again = _SOON
        step.waits = "Cancelling", f"it is cancelled; {count} of its runs {'is' if count == 1 else 'are'} live"

    async def _tell(self, obj: Object, second: int, uid: str, wish: Stop) -> bool:
        """Tell a run to stop; say whether it has heard it, or needs not any more."""
        run = await self.run(obj, second, uid)
        for _ in range(_ATTEMPTS):
            if run is None or has_ended(run):
                return True
            try:
                await tell_to_stop(self._client, run, wish)
            except Conflict:
                run = await self._fresh(obj, second, uid)
            except NotFound:
                return True
            else:
                return True
        return False

    async def run(self, obj: Object, second: int, uid: str) -> Object | None:
        """Give a live run as it is known; one that is not, as it is now; None if it is gone."""
        known = self._store.runs.get(key_at(obj, second))
        if known is not None and known["metadata"]["uid"] == uid:
            return known
        return await self._fresh(obj, second, uid)

    async def _fresh(self, obj: Object, second: int, uid: str) -> Object | None:
        try:
            run = await self._client.get(FLOWRUNS, *key_at(obj, second))
        except NotFound:
            return None
        return run if run["metadata"]["uid"] == uid else None


def key_at(obj: Object, second: int) -> RunKey:
    """Give namespace and name of a Backfill's run of an instant."""
    meta = obj["metadata"]
    return meta["namespace"], backfilled_name(obj["spec"]["flowRef"]["name"], meta["uid"], second)


def _failure(name: str, second: int, run: Object | None) -> str | None:
    """Say what went wrong with a run; None if nothing did."""
    if run is None:
        return f"run {name} of {timestamp(second)} was deleted before its end was counted"
    conditions = run["status"].get("conditions")
    if is_true(conditions, "Succeeded"):
        return None
    condition = find(conditions, "Succeeded") or {}
    told = ": ".join(str(condition[part]) for part in ("reason", "message") if condition.get(part))
    return f"run {name} of {timestamp(second)}: {told}"
