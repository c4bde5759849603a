"""The second oracle: what may end a task that waits for a decision or for an object, by the cluster's own record.

A task that asks ends because of one FlowApproval on this very run and task that says so, or because its time was up;
each FlowApproval counts at most once, and in the end each is told whether it did. A task that waits for an object ends
well only after the object was as it should be.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from simulation.cluster import START, Cluster
from simulation.deciders import OPEN
from simulation.guard import guarded
from simulation.oracle import Oracle
from simulation.truth import RunTruth
from tidegate.sandbox.kinds import CONFIGMAPS, FLOWAPPROVALS, FLOWRUNS, Kind

_WORDS = {"S": "Approved", "F": "Rejected"}


class Decisions:
    """Watches one cluster from its first moment, beside the oracle that knows the runs."""

    def __init__(self, cluster: Cluster, oracle: Oracle) -> None:
        self._cluster, self._oracle = cluster, oracle
        self.violations: list[str] = []
        self._made: dict[int, dict[str, Any]] = {}
        """Every FlowApproval that ever was, by the digest of its UID."""
        self._used: dict[int, str] = {}
        self._opened: set[str] = set()
        self._before: dict[str, Mapping[str, Any]] = {}
        """The ledger of each run before its last change."""
        cluster.world.on_change(guarded(self._changed, self.violations))

    def _changed(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        if kind is FLOWAPPROVALS and change == "ADDED":
            self._made[_digest(obj["metadata"]["uid"])] = obj
        elif kind is CONFIGMAPS and obj.get("data") == OPEN:
            self._opened.add(obj["metadata"]["name"])
        elif kind is FLOWRUNS and change == "MODIFIED" and "ledger" in obj.get("status", {}):
            self._check_run(self._oracle.runs[obj["metadata"]["uid"]], obj)

    def _check_run(self, run: RunTruth, obj: dict[str, Any]) -> None:
        uid, ledger = obj["metadata"]["uid"], obj["status"]["ledger"]
        slots, decided = ledger["slots"], _decided(ledger)
        old_ledger = self._before.get(uid, {"slots": "P" * len(slots)})
        before, old = old_ledger["slots"], _decided(old_ledger)
        self._before[uid] = ledger
        for slot, task in enumerate(run.tasks):
            known, now = old.get(slot, []), decided.get(slot, [])
            if now[: len(known)] != known or len(now) > len(known) + 1:
                self._broken(f"slot {slot} of {run.name}: decisions went from {known} to {now}")
            counted = now[len(known) :]
            for digest in counted:
                self._check_decision(uid, run, slot, digest, slots[slot])
            is_over = before[slot] in "PHW" and slots[slot] in "SFK" and not counted
            if "approval" in task and is_over and (before[slot] == "W" or _reason(obj, task) == "TimedOut"):
                due = next((row[4] for row in old_ledger.get("extra") or () if row[0] == slot), 0)
                self._check_time(run, obj, slot, due)
            if "for" in task.get("wait", {}) and slots[slot] == "S" and not self._was_open(run, slot):
                self._broken(f"slot {slot} of {run.name} has what it waited for, but that never was")

    def _was_open(self, run: RunTruth, slot: int) -> bool:
        """Whether what a task waits for was there, for this run or for the one that had done the task already."""
        if f"gate-{run.name}" in self._opened:
            return True
        return run.again is not None and run.again.slots[slot : slot + 1] == "S" and self._was_open(run.again, slot)

    def _check_decision(self, uid: str, run: RunTruth, slot: int, digest: int, letter: str) -> None:
        made = self._made.get(digest)
        if made is None:
            self._broken(f"slot {slot} of {run.name} took up a decision that nobody made")
            return
        spec = made["spec"]
        wanted = (run.name, uid, run.tasks[slot]["name"], _WORDS.get(letter), 0)
        if (spec["run"], spec["runUID"], spec["task"], spec["decision"], spec.get("index", 0)) != wanted:
            self._broken(f"slot {slot} of {run.name} is {letter} by {spec}")
        if digest in self._used:
            self._broken(f"{made['metadata']['name']} counts twice: {self._used[digest]}, {uid}/{slot}")
        self._used[digest] = f"{uid}/{slot}"

    def _check_time(self, run: RunTruth, obj: Mapping[str, Any], slot: int, due: int) -> None:
        """Without a decision only time ends a question: when it is up, and as its policy says."""
        policy = run.tasks[slot]["approval"].get("onTimeout", "Fail")
        letter, wanted = obj["status"]["ledger"]["slots"][slot], {"Fail": "F", "Approve": "S", "Skip": "K"}[policy]
        reason = _reason(obj, run.tasks[slot])
        if letter != wanted or reason != "TimedOut" or not due or self._cluster.now() < due:
            self._broken(f"slot {slot} of {run.name} is {letter} without a decision: {reason}, due {due}")

    def unanswered(self) -> list[str]:
        """Give the FlowApprovals that were not told the truth about themselves."""
        found = []
        for obj in self._cluster.world.list(FLOWAPPROVALS):
            told = {each["type"]: each["status"] for each in obj.get("status", {}).get("conditions") or ()}
            truth = str(_digest(obj["metadata"]["uid"]) in self._used)
            if told.get("Counted") != truth:
                found.append(f"{obj['metadata']['name']} is told {told}, it counted: {truth}")
        return found

    def _broken(self, what: str) -> None:
        self.violations.append(f"decisions, at {self._cluster.now() - START:.3f}: {what}")


def _reason(run: Mapping[str, Any], task: Mapping[str, Any]) -> str:
    return str(next(row for row in run["status"]["tasks"] if row["name"] == task["name"]).get("reason"))


def _decided(ledger: Mapping[str, Any]) -> dict[int, list[int]]:
    return {row[0]: row[1:] for row in ledger.get("decided") or ()}


def _digest(uid: str) -> int:
    return int(hashlib.sha256(uid.encode()).hexdigest()[:8], 16)
