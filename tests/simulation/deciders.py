"""The people who answer what runs ask, and open what tasks wait for: early, twice, wrongly, and at last."""

import asyncio
from functools import partial
from typing import Any

from simulation.chance import Chance
from simulation.cluster import Cluster
from tidegate.api import keys
from tidegate.errors import ApiError
from tidegate.sandbox.kinds import CONFIGMAPS, FLOWAPPROVALS, FLOWRUNS, Kind

OPEN = {"open": "yes"}


class Deciders:
    """Watch the runs, and go on deciding until nothing is asked any more."""

    def __init__(self, cluster: Cluster, chance: Chance) -> None:
        self._cluster, self._chance = cluster, chance
        self._loop = asyncio.get_running_loop()
        self._asked: set[tuple[str, str]] = set()
        self._count = 0
        cluster.world.on_change(self._changed)

    def _changed(self, kind: Kind, change: str, run: dict[str, Any]) -> None:
        if kind is not FLOWRUNS or change == "DELETED":
            return
        if change == "ADDED":
            self._loop.call_soon(self._welcome, run)
        for task in _awaiting(run):
            if (run["metadata"]["uid"], task) not in self._asked:
                self._asked.add((run["metadata"]["uid"], task))
                self._loop.call_soon(self._think, run, task)

    def _welcome(self, run: dict[str, Any]) -> None:
        """See a run that is new: one may decide before anybody was asked, and the gate of its name is opened later."""
        name = run["metadata"]["name"]
        if self._chance.strikes("early_decision"):
            self._decide(run, "t0", "Approved")
        self._loop.call_later(self._chance.seconds(0.0, 60.0), self._set_gate, name, {"open": "no"})
        self._loop.call_later(self._chance.seconds(60.0, 120.0), self._set_gate, name, OPEN)

    def _set_gate(self, name: str, data: dict[str, str]) -> None:
        world = self._cluster.world
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"gate-{name}"}, "data": data}
        try:
            self._cluster.change(partial(world.create, CONFIGMAPS, body, namespace="default"))
        except ApiError:
            self._cluster.change(partial(world.patch_merge, CONFIGMAPS, "default", f"gate-{name}", {"data": data}))

    def _think(self, run: dict[str, Any], task: str) -> None:
        self._loop.call_later(self._chance.seconds(0.0, 40.0), self._answer, run, task)

    def _answer(self, run: dict[str, Any], task: str) -> None:
        """Answer a question that is still open, and look later whether it is."""
        uid, name = run["metadata"]["uid"], run["metadata"]["name"]
        try:
            current = self._cluster.world.get(FLOWRUNS, "default", name)
        except ApiError:
            return
        if current["metadata"]["uid"] != uid or "completionTime" in current.get("status", {}):
            return
        if task in _awaiting(current):
            self._speak(current, task)
        self._loop.call_later(self._chance.seconds(20.0, 60.0), self._answer, run, task)

    def _speak(self, run: dict[str, Any], task: str) -> None:
        decision, other = ("Approved", "Rejected") if self._chance.throw() < 0.75 else ("Rejected", "Approved")
        if self._chance.strikes("wrong_decision"):
            self._decide(run, task, decision, runUID="uid-of-another")
            self._decide(run, task, decision, index=1)
            return
        self._decide(run, task, decision)
        if self._chance.strikes("second_decision"):
            self._loop.call_later(self._chance.seconds(0.0, 2.0), self._decide, run, task, other)

    def _decide(self, run: dict[str, Any], task: str, decision: str, **wrong: Any) -> None:
        self._count += 1
        meta = run["metadata"]
        name = f"{int(self._chance.throw() * 1000):03d}-{self._count}"
        owner = {"apiVersion": keys.API_VERSION, "kind": "FlowRun", "name": meta["name"], "uid": meta["uid"]}
        spec = {"run": meta["name"], "runUID": meta["uid"], "task": task, "decision": decision, "by": "somebody"}
        head = {"apiVersion": keys.API_VERSION, "kind": "FlowApproval"}
        body = {**head, "metadata": {"name": name, "ownerReferences": [owner]}, "spec": {**spec, **wrong}}
        self._cluster.change(partial(self._cluster.world.create, FLOWAPPROVALS, body, namespace="default"))
        if self._chance.strikes("decision_deleted"):
            self._loop.call_later(self._chance.seconds(0.0, 10.0), self._take_back, name)

    def _take_back(self, name: str) -> None:
        try:
            self._cluster.change(partial(self._cluster.world.delete, FLOWAPPROVALS, "default", name))
        except ApiError:
            return


def _awaiting(run: dict[str, Any]) -> list[str]:
    """Give the tasks that ask, as the run's status says."""
    rows = run.get("status", {}).get("tasks") or ()
    return [row["name"] for row in rows if row["state"] == "Waiting" and row.get("reason") == "AwaitingApproval"]
