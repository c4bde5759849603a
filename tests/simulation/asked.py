"""Rule 9 for Backfills, by the cluster's own record: one run begins for each instant asked for, and is counted."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from simulation.cluster import Cluster
from tidegate.api.backfill import BackfillSpec
from tidegate.api.conditions import instant_of, is_true
from tidegate.api.triggers import Trigger
from tidegate.engine import intervals
from tidegate.engine.backfill import instants_of
from tidegate.engine.schedules import schedule_of
from tidegate.sandbox.kinds import BACKFILLS, FLOWRUNS, FLOWS, Kind

Object = Mapping[str, Any]


class Asked:
    """Watches one cluster from its first moment; raises nothing while it runs, `violations` tells."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.violations: list[str] = []
        self.deleted: set[str] = set()
        """UIDs of runs that people deleted."""
        self.begun: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._named: dict[str, dict[str, str]] = defaultdict(dict)
        self._live: dict[str, set[str]] = defaultdict(set)
        self._widest: dict[str, int] = {}
        self._ended: dict[str, bool] = {}
        self._backfills: dict[str, Object] = {}
        self._runs: dict[str, Object] = {}
        cluster.world.on_change(self._changed)

    def _changed(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        if kind is BACKFILLS:
            self._backfill_changed(change, obj)
        elif kind is FLOWRUNS:
            self._run_changed(change, obj)

    def _backfill_changed(self, change: str, obj: Object) -> None:
        uid, status = obj["metadata"]["uid"], obj.get("status") or {}
        before = self._backfills.get(uid, {})
        if change == "DELETED":
            self._backfills.pop(uid, None)
            return
        self._backfills[uid] = obj
        parallelism = obj["spec"].get("parallelism", 1)
        self._widest[uid] = max(parallelism, self._widest.get(uid, 0))
        live = {one["uid"]: one["time"] for one in status.get("live") or ()}
        known = {one["uid"] for one in (before.get("status") or {}).get("live") or ()}
        if live.keys() - known and len(live) > parallelism:
            self._broken(f"{len(live)} runs of {uid} are named, {parallelism} may be live")
        if live.keys() - known and obj["spec"].get("desiredState", "Running") != "Running":
            self._broken(f"{uid} is {obj['spec']['desiredState']}, and a run of it was started")
        for run, time in live.items():
            if time in self._named[uid].values() and self._named[uid].get(run) != time:
                self._broken(f"a second run of {uid} is named for {time}")
            self._named[uid][run] = time
        counts = status.get("counts")
        if (
            counts
            and sum(counts.get(name, 0) for name in ("running", "succeeded", "failed", "skipped")) > counts["total"]
        ):
            self._broken(f"{uid} has counted more than there is: {counts}")
        if "completionTime" in (before.get("status") or {}) and status != before["status"]:
            self._broken(f"{uid} has changed after its end")

    def _run_changed(self, change: str, run: Object) -> None:
        meta, status, trigger = run["metadata"], run.get("status") or {}, run["spec"].get("trigger") or {}
        uid, backfill = meta["uid"], trigger.get("id") if trigger.get("kind") == "Backfill" else None
        if change == "DELETED":
            self._runs.pop(uid, None)
            self._check_deletion(run, backfill)
        elif "frozen" in status:
            is_new = uid not in self._runs
            self._runs[uid] = run
            if is_new and backfill:
                self._check_begin(run, backfill)
        if backfill and ("completionTime" in status or change == "DELETED"):
            self._live[backfill].discard(uid)
            if "completionTime" in status:
                self._ended[uid] = is_true(status.get("conditions"), "Succeeded")

    def _check_begin(self, run: Object, backfill: str) -> None:
        uid, time = run["metadata"]["uid"], run["spec"]["trigger"]["time"]
        self.begun[backfill, time].add(uid)
        self._live[backfill].add(uid)
        if len(self.begun[backfill, time]) > 1:
            self._broken(f"{len(self.begun[backfill, time])} runs of {backfill} have begun for {time}")
        if uid not in self._named[backfill]:
            self._broken(f"{run['metadata']['name']} began, and {backfill} does not name it")
        if len(self._live[backfill]) > self._widest[backfill]:
            self._broken(f"{len(self._live[backfill])} runs of {backfill} are live")
        asking = self._backfills.get(backfill)
        if asking is not None and asking["spec"].get("reprocess", "None") == "None":
            self._check_first(run, time)

    def _check_first(self, run: Object, time: str) -> None:
        """See that the instant has no other run; who asked for all may have started one at the same time."""
        for other in self._runs.values():
            trigger = other["spec"].get("trigger") or {}
            same = (trigger.get("name"), trigger.get("time"), other["spec"]["flowRef"]["name"]) == (
                run["spec"]["trigger"]["name"],
                time,
                run["spec"]["flowRef"]["name"],
            )
            asking = self._backfills.get(trigger.get("id", ""))
            unsure = trigger.get("kind") == "Backfill" and (
                asking is None or asking["spec"].get("reprocess", "None") != "None"
            )
            if same and other["metadata"]["uid"] != run["metadata"]["uid"] and not unsure:
                self._broken(f"{run['metadata']['name']} began, and {other['metadata']['name']} is of {time}, too")

    def _check_deletion(self, run: Object, backfill: str | None) -> None:
        uid, asking = run["metadata"]["uid"], self._backfills.get(backfill or "")
        if asking is None or uid in self.deleted or not self._flow_is_there(asking):
            return
        live = (asking.get("status") or {}).get("live") or ()
        if uid in {one["uid"] for one in live}:
            self._broken(f"{run['metadata']['name']} was deleted before its end was counted")

    def _flow_is_there(self, asking: Object) -> bool:
        flows = {flow["metadata"]["uid"] for flow in self._cluster.world.list(FLOWS, "default")}
        return asking["status"]["frozen"]["flowUID"] in flows

    def check_end(self) -> None:
        """Hold what was started and counted against what was asked for."""
        for uid, obj in self._backfills.items():
            status, desired = obj.get("status") or {}, obj["spec"].get("desiredState", "Running")
            if not ("completionTime" in status or desired == "Paused" or self._waits_for_a_paused_one(status)):
                self._broken(f"{obj['metadata']['name']} is {desired} and says: {status.get('why')}")
            if desired == "Paused" and status.get("live"):
                self._broken(f"{obj['metadata']['name']} is paused, and runs are live: {status['live']}")
            if "frozen" in status:
                self._check_counts(uid, obj, status)

    def _waits_for_a_paused_one(self, status: Object) -> bool:
        others = self._backfills.values()
        is_one_paused = any(other["spec"].get("desiredState") == "Paused" for other in others)
        return is_one_paused and "Behind:" in status.get("why", "")

    def _check_counts(self, uid: str, obj: Object, status: Object) -> None:
        counts, named = status["counts"], self._named[uid]
        trigger = Trigger.model_validate(status["frozen"]["trigger"])
        instants = instants_of(schedule_of(trigger), BackfillSpec.model_validate(obj["spec"]))
        passed = intervals.unpacked(status["frozen"].get("passedOver") or "")
        wanted = {second for number, second in enumerate(instants) if not passed >> number & 1}
        got = {int(instant_of(time) or 0) for time in named.values()}
        if counts["total"] != len(instants) or counts["skipped"] != len(instants) - len(wanted):
            self._broken(f"{uid} has {len(instants)} instants and passes over {len(instants) - len(wanted)}: {counts}")
        if not got <= wanted or (status["conditions"][0]["reason"] in ("Completed", "RunsFailed") and got != wanted):
            self._broken(f"{uid} wants {len(wanted)} runs, and has named {len(got)} ({len(got - wanted)} others)")
        good = sum(self._ended.get(run, False) for run in named)
        sure = sum(self._ended.get(run, False) for run in named if run not in self.deleted)
        if "completionTime" in status and self._flow_is_there(obj) and not sure <= counts["succeeded"] <= good:
            self._broken(f"{uid} has counted {counts['succeeded']} good ends, of {good}")

    def _broken(self, what: str) -> None:
        self.violations.append(f"rule 9, at {self._cluster.now():.3f}: {what}")
