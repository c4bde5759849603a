"""What really happened to child runs in a simulated cluster, and what the rules say of it."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulation.truth import LIVE, Attempt, RunTruth
from tidegate.api import keys


@dataclass(slots=True)
class ChildTruth:
    """The runs that one attempt of a task has started; `meddled` when somebody deleted one."""

    uids: list[str] = field(default_factory=list)
    meddled: bool = False


def called_by(obj: Mapping[str, Any]) -> Attempt | None:
    """Read which attempt of which run's task a run was started by; None for one that nobody called."""
    labels = obj["metadata"].get("labels") or {}
    if keys.LABEL_PARENT_UID not in labels:
        return None
    return labels[keys.LABEL_PARENT_UID], int(labels[keys.LABEL_SLOT]), int(labels[keys.LABEL_ATTEMPT])


class Kinship:
    """Knows whose child each run is; `broken` is told of every rule that is.

    Args:
        runs: all runs, by UID.
        has_live_pods: whether a run has pods that work.
        broken: takes the number of a rule and what broke it.
    """

    def __init__(
        self, runs: Mapping[str, RunTruth], has_live_pods: Callable[[str], bool], broken: Callable[[int, str], None]
    ) -> None:
        self._runs, self._has_live_pods, self._broken = runs, has_live_pods, broken
        self._children: dict[Attempt, ChildTruth] = defaultdict(ChildTruth)

    def meddled(self, obj: Mapping[str, Any]) -> None:
        """Note that somebody deletes a child run."""
        attempt = called_by(obj)
        if attempt is not None:
            self._children[attempt].meddled = True

    def created(self, obj: Mapping[str, Any]) -> None:
        """Hold the creation of a run against its parent's status."""
        attempt = called_by(obj)
        if attempt is None or keys.LABEL_TOMBSTONE in obj["metadata"]["labels"]:
            return
        truth, parent = self._children[attempt], self._runs.get(attempt[0])
        truth.uids.append(obj["metadata"]["uid"])
        if truth.meddled or parent is None or parent.is_gone:
            return
        _, slot, number = attempt
        if len(truth.uids) > 1:
            self._broken(1, f"the child run of {attempt} was created {len(truth.uids)} times")
        if parent.final_status is not None:
            self._broken(6, f"the child run of {attempt} was created after its parent had ended")
        named = parent.slots[slot : slot + 1] and parent.slots[slot] in LIVE and parent.attempts[slot] == number
        if not named:
            self._broken(3, f"the child run of {attempt} exists, but its parent says {parent.slots}, {parent.attempts}")

    def result(self, attempt: Attempt, letter: str, *, waits: bool) -> None:
        """Hold what a parent says of a child against the child."""
        truth = self._children[attempt]
        if truth.meddled:
            return
        run = self._runs.get(truth.uids[-1]) if truth.uids else None
        if letter == "S" and run is None:
            self._broken(7, f"{attempt} is told to have succeeded, but it has no child run")
        elif letter == "S" and waits and not _succeeded(run):
            self._broken(7, f"{attempt} is told to have succeeded, but its child run has not")
        elif letter == "F" and run is not None and waits and _succeeded(run):
            self._broken(7, f"{attempt} is told to have failed, but its child run succeeded")
        if waits and letter in "FZ" and run is not None:
            self._check_over(attempt, run)

    def _check_over(self, attempt: Attempt, run: RunTruth) -> None:
        """Nothing of a child may live when its parent is done with it."""
        if run.final_status is None and not run.is_gone:
            self._broken(11, f"{attempt} is over, but its child run {run.name} is not")
        if self._has_live_pods(run.obj["metadata"]["uid"]):
            self._broken(11, f"{attempt} is over, but a pod of its child run {run.name} lives")


def _succeeded(run: RunTruth | None) -> bool:
    conditions = ((run.final_status if run is not None else None) or {}).get("conditions") or ()
    return any(each["type"] == "Succeeded" and each["status"] == "True" for each in conditions)
