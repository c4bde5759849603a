"""Rule 9 by the cluster's own record: one run begins for each instant that is due, and the others are counted.

Which instants there are is asked of the schedule itself, which has tests of its own; what happened, of nobody.
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from simulation.cluster import Cluster
from tidegate.api.conditions import instant_of
from tidegate.api.triggers import Trigger
from tidegate.engine.schedules import schedule_of
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, Kind

Instant = tuple[str, str, str]
"""The Flow's UID, the trigger's name and the time."""


class Instants:
    """Watches one cluster from its first moment; raises nothing while it runs, `violations` tells."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.violations: list[str] = []
        self.begun: dict[Instant, set[str]] = defaultdict(set)
        self._named: dict[Instant, set[str]] = defaultdict(set)
        self._deleted: set[str] = set()
        self.toggled: set[str] = set()
        """UIDs of Flows that somebody suspended: what was passed over then is not counted."""
        cluster.world.on_change(self._changed)

    def _changed(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        if kind is FLOWS:
            self._flow_changed(obj)
        elif kind is FLOWRUNS:
            self._run_changed(change, obj)

    def _flow_changed(self, flow: Mapping[str, Any]) -> None:
        for row in (flow.get("status") or {}).get("triggers") or ():
            for started in row.get("started") or ():
                instant = (flow["metadata"]["uid"], row["name"], started["time"])
                self._named[instant].add(started["uid"])
                self._check_one(instant, self._named[instant], "are named")

    def _run_changed(self, change: str, run: Mapping[str, Any]) -> None:
        trigger, meta = run["spec"].get("trigger"), run["metadata"]
        if trigger is None:
            return
        if change == "DELETED":
            self._deleted.add(meta["uid"])
        if "frozen" not in (run.get("status") or {}):
            return
        instant = (meta["ownerReferences"][0]["uid"], trigger["name"], trigger["time"])
        self.begun[instant].add(meta["uid"])
        self._check_one(instant, self.begun[instant], "have begun")
        if meta["uid"] not in self._named[instant]:
            self._broken(f"{meta['name']} began, and its Flow does not name it")

    def _check_one(self, instant: Instant, uids: set[str], what: str) -> None:
        if len(uids) > 1:
            self._broken(f"{len(uids)} runs {what} for {instant}")

    def check_end(self) -> None:
        """Hold what was started and counted against the instants that there were."""
        for instant, uids in self._named.items():
            for uid in uids - self.begun[instant] - self._deleted:
                self._broken(f"{uid} is named for {instant} and never began")
        for flow in self._cluster.world.list(FLOWS, "default"):
            if flow["metadata"]["uid"] not in self.toggled:
                for row in flow["status"]["triggers"]:
                    self._check_count(flow, row)

    def _check_count(self, flow: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        meta, trigger = flow["metadata"], next(t for t in flow["spec"]["triggers"] if t["name"] == row["name"])
        schedule = schedule_of(Trigger.model_validate(trigger))
        since, handled = (int(instant_of(time) or 0) for time in (meta["creationTimestamp"], row["handledTime"]))
        due = list(takewhile(lambda second: second <= handled, schedule.after(since)))
        named = [instant for instant in self._named if instant[:2] == (meta["uid"], row["name"])]
        if len(named) + row.get("missed", 0) != len(due):
            told = f"{len(named)} were started and {row.get('missed', 0)} missed"
            self._broken(f"{meta['name']}, {row['name']}: of {len(due)} instants {told}")
        if next(schedule.after(handled)) <= self._cluster.now() - 60:
            self._broken(f"{meta['name']}, {row['name']}: nothing was done with what came after {row['handledTime']}")

    def _broken(self, what: str) -> None:
        self.violations.append(f"rule 9, at {self._cluster.now():.3f}: {what}")
