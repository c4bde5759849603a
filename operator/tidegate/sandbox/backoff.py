"""How long a Job waits before it replaces a failed pod: ten seconds, doubled with each failure, ten minutes at most."""

from tidegate.sandbox.moments import instant
from tidegate.sandbox.tree import Object, Objects

_FIRST, _LONGEST = 10.0, 600.0
_DOUBLINGS = 6


def due_after(failures: int, last: float) -> float:
    """Give the instant from which a pod may be made, after so many failures of which the last was then."""
    if not failures:
        return 0.0
    return last + min(_FIRST * (1 << min(failures - 1, _DOUBLINGS)), _LONGEST)


def finished_at(pod: Object) -> float:
    """Give when a pod ended: its containers, else when it was not ready any more, else when it was told to end."""
    states = [each["state"].get("terminated") for each in pod["status"].get("containerStatuses", ())]
    if states and all(states):
        return max(instant(state["finishedAt"]) for state in states if state)
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "False":
            return instant(condition["lastTransitionTime"])
    metadata = pod["metadata"]
    if "deletionTimestamp" in metadata:
        grace: int = metadata.get("deletionGracePeriodSeconds", 0)
        return instant(metadata["deletionTimestamp"]) - grace
    return instant(metadata["creationTimestamp"])


class Backoff:
    """The failures of a Job as a whole since its last success; one with `backoffLimitPerIndex` keeps none."""

    def __init__(self) -> None:
        self._failures = 0
        self._last = 0.0

    def note(self, succeeded: Objects, failed: Objects) -> None:
        """Take in what ended, also what a policy ignores."""
        ends = sorted(map(finished_at, failed))
        if succeeded:
            self._failures = 0
            success = max(map(finished_at, succeeded))
            ends = [end for end in ends if end > success]
        if ends:
            self._failures += len(ends)
            self._last = ends[-1]

    @property
    def due(self) -> float:
        """The instant from which a pod may be made."""
        return due_after(self._failures, self._last)
