"""Rule 9 for triggers that follow other Flows, by the cluster's own record: one run begins for each end, or each set.

Every run that such a trigger starts carries the UIDs of the runs that it follows in its labels; what happened is asked
of nobody else.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulation.cluster import Cluster
from tidegate.api.conditions import instant_of
from tidegate.api.triggers import AfterFlows
from tidegate.engine.upstream import result_of
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, Kind

UPSTREAM = "upstream/"
"""Labels of this prefix name, by Flow, the UIDs of the runs that a run follows."""

HEARD = 100.0
"""Seconds after which every operator has heard of a trigger: before, one may delete what it does not know is needed."""

Trigger = tuple[str, str]
"""The Flow's UID and the trigger's name."""


@dataclass(frozen=True, slots=True)
class End:
    """An end as it was written: when that was, which second it says, and how it ended."""

    flow: str
    applied: float
    second: int
    result: str


class Ends:
    """Watches one cluster from its first moment; raises nothing while it runs, `violations` tells."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.violations: list[str] = []
        self.ends: dict[str, End] = {}
        self.begun: dict[Trigger, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._named: dict[Trigger, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._follows: dict[str, tuple[str, ...]] = {}
        self._since: dict[Trigger, float] = {}
        self._gone: set[str] = set()
        self._has_begun: set[str] = set()
        self.exempt: set[str] = set()
        """UIDs of Flows that somebody suspended, and of runs that somebody deleted: what they miss is not counted."""
        cluster.world.on_change(self._changed)

    def _changed(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        if kind is FLOWS:
            self._flow_changed(obj)
        elif kind is FLOWRUNS:
            self._run_changed(change, obj)

    def _flow_changed(self, flow: Mapping[str, Any]) -> None:
        for row in (flow.get("status") or {}).get("triggers") or ():
            trigger = (flow["metadata"]["uid"], row["name"])
            self._since.setdefault(trigger, self._cluster.now())
            for started in row.get("started") or ():
                if started["uid"] in self._follows:
                    self._note(self._named[trigger], started["uid"], "are named")

    def _run_changed(self, change: str, run: Mapping[str, Any]) -> None:
        meta, status = run["metadata"], run.get("status") or {}
        uid = meta["uid"]
        if change == "DELETED":
            self._gone.add(uid)
        if (result := result_of(run)) is not None and uid not in self.ends:
            second = int(instant_of(status["completionTime"]) or 0)
            self.ends[uid] = End(run["spec"]["flowRef"]["name"], self._cluster.now(), second, result.value)
        follows = tuple(value for key, value in sorted((meta.get("labels") or {}).items()) if key.startswith(UPSTREAM))
        if not follows:
            return
        self._follows[uid] = follows
        if "frozen" in status and uid not in self._has_begun:
            self._has_begun.add(uid)
            trigger = (meta["ownerReferences"][0]["uid"], run["spec"]["trigger"]["name"])
            self._note(self.begun[trigger], uid, "have begun")
            if not any(uid in uids for uids in self._named[trigger].values()):
                self._broken(f"{meta['name']} began, and its Flow does not name it")

    def _note(self, known: dict[str, set[str]], uid: str, what: str) -> None:
        for upstream in self._follows[uid]:
            known[upstream].add(uid)
            if len(known[upstream]) > 1:
                self._broken(f"{len(known[upstream])} runs {what} for the end of {upstream}")

    def check_end(self) -> None:
        """Hold what was started against the ends that there were."""
        for named in self._named.values():
            for uid in {uid for uids in named.values() for uid in uids} - self._has_begun - self._gone:
                self._broken(f"{uid} is named and never began")
        for flow in self._cluster.world.list(FLOWS, "default"):
            for trigger in flow["spec"]["triggers"]:
                if "flow" in trigger:
                    self._check(flow, trigger["name"], AfterFlows.model_validate(trigger["flow"]))

    def _check(self, flow: Mapping[str, Any], name: str, after: AfterFlows) -> None:
        trigger = (flow["metadata"]["uid"], name)
        what, named = f"{flow['metadata']['name']}, {name}", self._named[trigger]
        created = instant_of(flow["metadata"]["creationTimestamp"]) or 0.0
        for upstream in named:
            if self.ends[upstream].second < created:
                self._broken(f"{what}: {upstream} ended before the Flow was there, and counted")
        if flow["metadata"]["uid"] in self.exempt:
            return
        row = next(row for row in flow["status"]["triggers"] if row["name"] == name)
        waiting = {one["uid"] for one in row.get("waiting") or ()}
        for uid, end in self._due(after, self._since[trigger] + HEARD):
            if uid not in named and uid not in waiting and not (after.all and self._is_left(uid, end, after)):
                self._broken(f"{what}: nothing followed the end of {uid}, a run of {end.flow}")
        if after.all and {one["flow"] for one in row.get("waiting") or ()} == set(after.flows):
            self._broken(f"{what}: a whole set waits")

    def _due(self, after: AfterFlows, since: float) -> Iterator[tuple[str, End]]:
        for uid, end in self.ends.items():
            is_followed = end.flow in after.flows and end.result in after.results
            if is_followed and end.applied >= since and uid not in self.exempt:
                yield uid, end

    def _is_left(self, uid: str, end: End, after: AfterFlows) -> bool:
        """Whether a run may be in no set: another of its Flow came after it, or no other did in time."""
        others = [other for known, other in self.ends.items() if known != uid and other.result in after.results]
        overtaken = any(other.flow == end.flow and other.second >= end.second for other in others)
        return overtaken or end.second + after.window < self._cluster.now()

    def _broken(self, what: str) -> None:
        self.violations.append(f"rule 9, at {self._cluster.now():.3f}: {what}")
