"""The pods of one Job, each in its group, kept up to date event by event: nothing here walks through all of them.

Pods that have ended and that the Job has let go of are not remembered.
"""

from collections.abc import Iterable
from typing import NamedTuple

from tidegate.api.keys import ANNOTATION_INDEX
from tidegate.sandbox.pod_states import is_ready, is_terminal
from tidegate.sandbox.tree import Object

TRACKING = "batch.kubernetes.io/job-tracking"
"""The finalizer of a pod that its Job has not counted yet."""


_DIGITS = 10
"""No Job has so many indexes."""


class _State(NamedTuple):
    """What of a pod matters; no group means that it does not any more."""

    group: str = ""
    ready: bool = False
    held: int | None = None
    """The index that gets no other pod while this one is as it is."""


_NOTHING = _State()


class Roster:
    """Who of a Job's pods runs, who ends, and whose end was not judged yet.

    Args:
        waits: whether a pod that is being deleted stands for its index until its end (`podReplacementPolicy: Failed`),
            or is taken for failed at once.
        pods: those that are there already.
    """

    def __init__(self, *, waits: bool, pods: Iterable[Object] = ()) -> None:
        self.active: dict[str, Object] = {}
        self.ending: dict[str, Object] = {}
        """Marked for deletion, but something of them may still run."""
        self.tracked: dict[str, Object] = {}
        """Those with the finalizer, in whichever group."""
        self.ended: dict[str, Object] = {}
        """Those of them whose end is news."""
        self.ready = 0
        """How many of the active pods are."""
        self.loosened: list[int] = []
        """Indexes that a pod has left since somebody looked here."""
        self._waits = waits
        self._states: dict[str, _State] = {}
        self._holders: dict[int, int] = {}
        for pod in pods:
            self.note(pod)

    @property
    def is_empty(self) -> bool:
        """Tell whether no pod is left that matters."""
        return not self._states

    @property
    def blocking(self) -> int:
        """How many pods that are being deleted leave no room for others."""
        return len(self.ending) if self._waits else 0

    def holds(self, index: int) -> bool:
        """Tell whether a pod stands in the way of another for the same index."""
        return index in self._holders

    def note(self, pod: Object) -> bool:
        """Take the newest state of a pod; tells whether that is news for the Job."""
        return self._change(pod, self._state_of(pod))

    def forget(self, pod: Object) -> bool:
        """Take note that a pod is gone, or is not the Job's any more; tells whether that is news."""
        return self._change(pod, _NOTHING)

    def _change(self, pod: Object, after: _State) -> bool:
        uid = pod["metadata"]["uid"]
        before = self._states.get(uid, _NOTHING)
        self.ready += after.ready - before.ready
        if before.held != after.held:
            self._loosen(before.held)
            self._hold(after.held)
        if after.group:
            self._states[uid] = after
        else:
            self._states.pop(uid, None)
        tracked = bool(after.group) and is_tracked(pod)
        _keep(self.active, uid, pod, belongs=after.group == "active")
        _keep(self.ending, uid, pod, belongs=after.group == "ending")
        _keep(self.tracked, uid, pod, belongs=tracked)
        is_over = after.group == "ended" or (after.group == "ending" and not self._waits)
        _keep(self.ended, uid, pod, belongs=tracked and is_over and (before != after or uid in self.ended))
        return before != after

    def _state_of(self, pod: Object) -> _State:
        if is_terminal(pod):
            return _State("ended") if is_tracked(pod) else _NOTHING
        if "deletionTimestamp" in pod["metadata"]:
            return _State("ending", held=index_of(pod) if self._waits else None)
        return _State("active", is_ready(pod), index_of(pod))

    def _hold(self, index: int | None) -> None:
        if index is not None:
            self._holders[index] = self._holders.get(index, 0) + 1

    def _loosen(self, index: int | None) -> None:
        if index is None:
            return
        self._holders[index] -= 1
        if not self._holders[index]:
            del self._holders[index]
            self.loosened.append(index)


def index_of(pod: Object) -> int | None:
    """Give the completion index of a pod, None when it has none."""
    text = (pod["metadata"].get("annotations") or {}).get(ANNOTATION_INDEX, "")
    return int(text) if text.isdecimal() and len(text) < _DIGITS else None


def is_tracked(pod: Object) -> bool:
    """Tell whether a pod has not been counted yet."""
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def _keep(members: dict[str, Object], uid: str, pod: Object, *, belongs: bool) -> None:
    if belongs:
        members[uid] = pod
    else:
        members.pop(uid, None)
