"""The runs that webhooks have started, as far as they were heard of: which events had theirs, and which have not begun.

What is there was seen; what is not there says nothing: only the API server knows whether a name is taken.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tidegate.api.triggers import TriggerKind
from tidegate.kube.client import Object
from tidegate.kube.owners import owning_flow
from tidegate.kube.store import RunKey, has_ended, key_of

_UNSEEN_SECONDS = 10.0
"""So long a run that we created counts before the watch tells of it."""


class Seen(NamedTuple):
    """What is kept of a run."""

    key: RunKey
    uid: str
    flow_uid: str
    trigger: str
    event: str
    has_begun: bool


def see_run(obj: Mapping[str, Any]) -> Seen | None:
    """Make that of a FlowRun; None for one that no webhook has started."""
    trigger, owner = obj["spec"].get("trigger") or {}, owning_flow(obj)
    if trigger.get("kind") != TriggerKind.WEBHOOK or owner is None:
        return None
    has_begun = "frozen" in (obj.get("status") or {}) or has_ended(dict(obj))
    key, uid = key_of(dict(obj)), obj["metadata"]["uid"]
    return Seen(key, uid, owner["uid"], trigger["name"], trigger.get("id") or "", has_begun)


class Runs:
    """Keeps what was seen."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[RunKey, Seen] = {}
        self._pending: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._unseen: dict[str, tuple[float, Seen]] = {}

    def take(self, change: str, run: Seen) -> None:
        """Take a change of a run."""
        self._unseen.pop(run.uid, None)
        known, place = self._known.get(run.key), (run.flow_uid, run.trigger)
        if change == "DELETED":
            if known is not None and known.uid == run.uid:
                del self._known[run.key]
        else:
            self._known[run.key] = run
        if change == "DELETED" or run.has_begun:
            self._pending[place].discard(run.uid)
        else:
            self._pending[place].add(run.uid)
        if not self._pending[place]:
            del self._pending[place]

    def created(self, obj: Object) -> None:
        """Take a run that we created, which the watch may not have told of."""
        run = see_run(obj)
        if run is not None and run.key not in self._known:
            self._unseen[run.uid] = self._monotonic(), run

    def find(self, key: RunKey) -> Seen | None:
        """Give a run of that name, if one was seen."""
        return self._known.get(key)

    def pending(self, flow_uid: str, trigger: str) -> int:
        """Count the runs of a trigger that have not begun."""
        now = self._monotonic()
        self._unseen = {uid: one for uid, one in self._unseen.items() if now - one[0] < _UNSEEN_SECONDS}
        unseen = sum(run.flow_uid == flow_uid and run.trigger == trigger for _, run in self._unseen.values())
        return len(self._pending.get((flow_uid, trigger), ())) + unseen
