"""How many attempts a task may have, and with how much memory: held against what really ended the attempts before."""

from collections.abc import Callable, Mapping
from typing import Any

from simulation.flows import FAILED, MEMORY, MOST_MEMORY
from simulation.truth import Attempt, AttemptTruth, RunTruth

MAX_DISRUPTIONS = 10
OOMS = 2
"""Attempts that get more memory: from MEMORY twice as much each time, up to MOST_MEMORY."""


class Budgets:
    """Knows the three budgets of a task, and what `repeat` adds; `broken` is told of every attempt beyond them.

    Args:
        truths: what really happened to each attempt.
        broken: takes the number of a rule and what broke it.
    """

    def __init__(self, truths: Mapping[Attempt, AttemptTruth], broken: Callable[[int, str], None]) -> None:
        self._truths, self._broken = truths, broken

    def _before(self, run: RunTruth, uid: str, slot: int, number: int) -> list[AttemptTruth]:
        """Give the attempts of a slot before one, within the same attempt of the whole run."""
        return [self._truths[uid, slot, each] for each in range(run.base_of(slot) + 1, number)]

    def check_attempt(self, uid: str, run: RunTruth, slot: int, number: int) -> None:
        """Hold an attempt that status names against what its task may have."""
        task, before = run.task(slot), self._before(run, uid, slot, number)
        is_chunk = task.get("forEach", {}).get("strategy") == "Indexed"
        retry = {} if is_chunk else task.get("retry", {})
        runs = 1 + (sum(True in each.wrote for each in before) if "repeat" in task else 0)
        disrupted, ooms = sum(each.disrupted for each in before), sum(each.oom for each in before)
        free = min(disrupted, retry.get("maxDisruptions", MAX_DISRUPTIONS) * runs)
        free += min(ooms, OOMS) if "onOOM" in retry else 0
        if number > run.base_of(slot) + (1 + retry.get("limit", 0)) * runs + free:
            told = f"{retry}, {runs} runs, {disrupted} disruptions, {ooms} out of memory"
            self._broken(5, f"attempt {number} of slot {slot} of {run.name}: {told}")
        self._check_repetition(run, slot, number, before)
        surely = before and before[-1].exited == {FAILED} and not is_doubtful(task, before[-1])
        if surely and refuses(retry):
            self._broken(5, f"attempt {number} of slot {slot} of {run.name} comes after an exit that forbids it")

    def _check_repetition(self, run: RunTruth, slot: int, number: int, before: list[AttemptTruth]) -> None:
        repeat = run.task(slot).get("repeat")
        surely = sum(each.wrote == {True} and each.complete for each in before)
        if repeat and surely >= repeat["limit"] and not any(each.meddled or each.lost for each in before):
            self._broken(5, f"attempt {number} of slot {slot} of {run.name} came after {surely} runs")

    def check_memory(self, attempt: Attempt, job: Mapping[str, Any], run: RunTruth) -> None:
        """Memory grows by what ran out of it, and by nothing else."""
        uid, slot, number = attempt
        task = run.task(slot)
        if "onOOM" not in task.get("retry", {}) or not task.get("resources", {}).get("limits"):
            return
        before = self._before(run, uid, slot, number)
        at_most = sum(each.oom for each in before)
        at_least = sum(each.oom and not is_doubtful(task, each) for each in before)
        limits = job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        fitting = {f"{min(MEMORY * 2**ooms, MOST_MEMORY)}Mi" for ooms in range(at_least, at_most + 1)}
        if limits["memory"] not in fitting:
            told = f"expected one of {sorted(fitting)}"
            self._broken(5, f"the Job of {attempt} has {limits['memory']} of memory; {told}")


def is_doubtful(task: Mapping[str, Any], truth: AttemptTruth) -> bool:
    """Whether an attempt may be told to have failed for another reason: a time-out comes before the pod's phase."""
    return truth.is_doubtful or "timeoutSeconds" in task


def refuses(retry: Mapping[str, Any]) -> bool:
    """Whether a task is not to be tried again after the exit code of a failure."""
    return FAILED in retry.get("exceptExitCodes", ()) or "when" in retry
