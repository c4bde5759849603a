"""The oracle: holds everything that happens against the rules, by the cluster's own record and not the operator's."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from simulation.cluster import Cluster
from tidegate.api import keys
from tidegate.sandbox.kinds import FLOWRUNS, JOBS, PODS, Kind

Attempt = tuple[str, int, int]
FINAL = frozenset("SFKUZ")


class Violation(AssertionError):
    """A rule was broken."""


class Oracle:
    """Watches one cluster from its first moment; raises nothing while it runs, `violations` tells."""

    def __init__(self, cluster: Cluster, flows: Mapping[str, Mapping[str, Any]]) -> None:
        self._cluster, self._flows = cluster, flows
        self.violations: list[str] = []
        self._created: dict[Attempt, int] = defaultdict(int)
        self._deleted_by_users: set[Attempt] = set()
        self._ledgers: dict[str, str] = {}
        self._attempts: dict[str, list[int]] = {}
        self._ended: set[str] = set()
        self._gone: set[str] = set()
        self._succeeded: set[tuple[str, int]] = set()
        self._runs: dict[str, dict[str, Any]] = {}
        self._alive: dict[Attempt, set[str]] = defaultdict(set)
        self.writes = 0
        cluster.world.on_change(self._changed)

    def user_deletes(self, obj: Mapping[str, Any]) -> None:
        """Note that somebody else deletes a Job or pod: what follows is their doing."""
        attempt = self._attempt(obj)
        if attempt is not None:
            self._deleted_by_users.add(attempt)

    def _changed(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        self.writes += 1
        if kind == FLOWRUNS:
            self._run_changed(change, obj)
        elif kind == JOBS and change == "ADDED" and keys.LABEL_TOMBSTONE not in obj["metadata"]["labels"]:
            self._job_created(obj)
        elif kind == PODS:
            self._pod_changed(change, obj)

    # What may be created

    def _job_created(self, obj: Mapping[str, Any]) -> None:
        attempt = self._attempt(obj)
        if attempt is None:
            return
        uid, slot, _ = attempt
        self._created[attempt] += 1
        if uid in self._gone or attempt in self._deleted_by_users:
            # Its owner is gone and it is collected at once, or somebody freed a name that a request was on its way for.
            return
        if self._created[attempt] > 1:
            self._broken(1, f"the Job of {attempt} was created twice")
        if (uid, slot) in self._succeeded:
            self._broken(2, f"the Job of {attempt} was created although its work had succeeded")
        self._check_ledger(attempt)
        if uid in self._ended:
            self._broken(6, f"the Job of {attempt} was created after the run had ended")

    def _check_ledger(self, attempt: Attempt) -> None:
        uid, slot, number = attempt
        slots, attempts = self._ledgers.get(uid, ""), self._attempts.get(uid, [])
        if not slots:
            self._broken(3, f"the Job of {attempt} exists before the run's status names anything")
            return
        if slots[slot] not in "IOX" or attempts[slot] != number:
            self._broken(3, f"the Job of {attempt} exists, but status says {slots[slot]}, attempt {attempts[slot]}")
        flow = self._flows[self._runs[uid]["spec"]["flowRef"]["name"]]
        tasks = flow["spec"]["tasks"]
        names = [task["name"] for task in tasks]
        for need in tasks[slot].get("needs", ()):
            if slots[names.index(need)] != "S":
                self._broken(3, f"the Job of {attempt} exists, but its need {need} is {slots[names.index(need)]}")

    # What lives

    def _pod_changed(self, change: str, obj: Mapping[str, Any]) -> None:
        attempt = self._attempt(obj)
        if attempt is None:
            return
        alive = change != "DELETED" and obj["status"].get("phase") not in ("Succeeded", "Failed")
        if alive and attempt[:2] in self._succeeded:
            alive = any("terminated" not in c["state"] for c in obj["status"].get("containerStatuses") or ())
        pods = self._alive[attempt]
        was_alive = obj["metadata"]["uid"] in pods
        if alive:
            pods.add(obj["metadata"]["uid"])
        else:
            pods.discard(obj["metadata"]["uid"])
        if alive and not was_alive:
            self._check_alive(attempt)

    def _check_alive(self, attempt: Attempt) -> None:
        uid, slot, number = attempt
        mine = {key: pods for key, pods in self._alive.items() if key[0] == uid and pods}
        others = [key for key in mine if key[1] == slot and key[2] != number]
        if others and attempt not in self._deleted_by_users:
            self._broken(5, f"pods of {attempt} and {others} live at the same time")
        run = self._runs.get(uid)
        if run is None:
            return
        limit = self._flows[run["spec"]["flowRef"]["name"]]["spec"].get("parallelism", 50)
        total = sum(len(pods) for pods in mine.values())
        if total > limit and not self._deleted_by_users:
            self._broken(4, f"{total} pods of run {uid} live, {limit} are allowed")

    # What status says

    def _run_changed(self, change: str, obj: dict[str, Any]) -> None:
        uid = obj["metadata"]["uid"]
        if change == "DELETED":
            self._gone.add(uid)
            return
        self._runs[uid] = obj
        status = obj.get("status") or {}
        ledger = status.get("ledger")
        if ledger is None:
            return
        self._check_transitions(uid, self._ledgers.get(uid, ""), ledger)
        self._ledgers[uid], self._attempts[uid] = ledger["slots"], list(ledger["attempts"])
        for slot, letter in enumerate(ledger["slots"]):
            if letter == "S":
                self._succeeded.add((uid, slot))
                # Its containers have ended; until the pod's phase says so it takes a place, but does no work.
                self._alive[uid, slot, ledger["attempts"][slot]].clear()
        if "completionTime" in status:
            self._check_end(uid, ledger["slots"], status)
            self._ended.add(uid)

    def _check_transitions(self, uid: str, before: str, ledger: Mapping[str, Any]) -> None:
        slots, old = ledger["slots"], self._attempts.get(uid, [])
        for slot, (was, now) in enumerate(zip(before, slots, strict=False)):
            if was in FINAL and was != now:
                self._broken(8, f"slot {slot} of {uid} went from {was} to {now}")
        for slot, (was_number, number) in enumerate(zip(old, ledger["attempts"], strict=False)):
            if number not in (was_number, was_number + 1):
                self._broken(5, f"attempts of slot {slot} of {uid} went from {was_number} to {number}")
        if uid in self._ended and before != slots:
            self._broken(6, f"{uid} changed after its end: {before} to {slots}")

    def _check_end(self, uid: str, slots: str, status: Mapping[str, Any]) -> None:
        if not set(slots) <= FINAL:
            self._broken(8, f"{uid} ended with slots {slots}")
        condition = next(c for c in status["conditions"] if c["type"] == "Succeeded")
        good = set(slots) <= set("SK")
        if (condition["status"] == "True") != good:
            self._broken(7, f"{uid} ended {condition['status']} with slots {slots}")
        if uid not in self._ended and any(pods for key, pods in self._alive.items() if key[0] == uid) and "Z" in slots:
            self._broken(11, f"{uid} ended as cancelled while pods live")

    def _attempt(self, obj: Mapping[str, Any]) -> Attempt | None:
        labels = obj["metadata"].get("labels") or {}
        if keys.LABEL_RUN_UID not in labels or keys.LABEL_SLOT not in labels:
            return None
        return labels[keys.LABEL_RUN_UID], int(labels[keys.LABEL_SLOT]), int(labels[keys.LABEL_ATTEMPT])

    def _broken(self, rule: int, what: str) -> None:
        self.violations.append(f"rule {rule}, at {self._cluster.now():.3f}: {what}")

    def unfinished(self) -> list[str]:
        """Give the runs that exist and have not ended, with what they say of themselves."""
        found = []
        for obj in self._cluster.world.list(FLOWRUNS):
            status = obj.get("status") or {}
            if "completionTime" not in status:
                slots = (status.get("ledger") or {}).get("slots", "")
                found.append(f"{obj['metadata']['name']} {slots} {status.get('why', '')}")
        return found
