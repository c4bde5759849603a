"""The people and controllers that meddle with a cluster while the operators work."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

from simulation.chance import Chance
from simulation.cluster import Cluster
from simulation.flows import POOL, pooled
from simulation.oracle import Oracle
from simulation.scenario import Act, Scenario
from tidegate.api import keys
from tidegate.errors import ApiError
from tidegate.resources.labels import flow_owner
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, JOBS, PODS, Kind

PREEMPTED_SECONDS = 8.0
PAUSED_SECONDS = 60.0
AGAIN_SECONDS = 1.0
RERUN_SECONDS, RERUN_LOOKS = 10.0, 8


class Users:
    """Do what the scenario says, when it says so; what cannot be done is left undone."""

    def __init__(self, cluster: Cluster, chance: Chance, oracle: Oracle) -> None:
        self._cluster, self._chance, self._oracle = cluster, chance, oracle
        self._loop = asyncio.get_running_loop()

    def begin(self, scenario: Scenario) -> None:
        """Apply the Flows, and set a timer for everything else."""
        self._seed, self._details = scenario.seed, scenario.details
        for flow in scenario.flows:
            self._cluster.world.create(FLOWS, flow, namespace="default")
        for name, (flow, at) in scenario.runs.items():
            self._loop.call_later(at, self._start, name, flow)
        for act in scenario.acts:
            self._loop.call_later(act.at, self._act, act)

    def _start(self, name: str, flow: str) -> None:
        metadata: dict[str, Any] = {"name": name}
        details = dict(self._details.get(name, {}))
        if details.pop("owned", False):
            metadata["ownerReferences"] = [flow_owner(self._cluster.world.get(FLOWS, "default", flow))]
        spec = {"flowRef": {"name": flow}, **details}
        body = {"apiVersion": keys.API_VERSION, "kind": "FlowRun", "metadata": metadata, "spec": spec}
        self._cluster.change(partial(self._cluster.world.create, FLOWRUNS, body, namespace="default"))

    def _act(self, act: Act) -> None:
        try:
            ACTS[act.what](self, act)
        except ApiError:
            return
        self._chance.struck[act.what] += 1

    def want(self, state: str, act: Act) -> None:
        """Have a run Cancelled or Terminated."""
        self._patch(FLOWRUNS, act.run, {"desiredState": state})

    def delete_run(self, act: Act) -> None:
        """Delete a run with all that is its; sometimes another of the same name follows."""
        run = self._cluster.world.get(FLOWRUNS, "default", act.run)
        flow = run["spec"]["flowRef"]["name"]
        self._oracle.departures.wanted.add(run["metadata"]["uid"])
        self._delete(FLOWRUNS, act.run)
        if act.pick < 0.5:
            self._loop.call_later(AGAIN_SECONDS, self._start_again, act.run, flow)

    def _start_again(self, name: str, flow: str) -> None:
        with contextlib.suppress(ApiError):
            self._start(name, flow)

    def delete_child(self, kind: Kind, act: Act) -> None:
        """Delete a Job or pod of a run, finished or not."""
        found = [obj for obj in self._cluster.world.list(kind, "default") if _run_of(obj) == act.run]
        if found:
            victim = found[int(act.pick * len(found))]
            self._oracle.meddled(victim)
            self._delete(kind, victim["metadata"]["name"])

    def delete_called(self, act: Act) -> None:
        """Delete a child run, finished or not."""
        found = [
            run
            for run in self._cluster.world.list(FLOWRUNS, "default")
            if (run["metadata"].get("labels") or {}).get(keys.LABEL_PARENT) == act.run
        ]
        if found:
            victim = found[int(act.pick * len(found))]
            self._oracle.kinship.meddled(victim)
            self._oracle.departures.wanted.add(victim["metadata"]["uid"])
            self._delete(FLOWRUNS, victim["metadata"]["name"])

    def rerun(self, act: Act, looks: int = RERUN_LOOKS) -> None:
        """Do a run again when it has ended: what failed, from a task on, or everything."""
        old = self._cluster.world.get(FLOWRUNS, "default", act.run)
        if "completionTime" not in (old.get("status") or {}):
            if looks:
                self._loop.call_later(RERUN_SECONDS, self._rerun_later, act, looks - 1)
            return
        rerun = ({"mode": "Failed"}, {"mode": "From", "tasks": ["t0"]}, {"mode": "All"})[int(act.pick * 3)]
        flow = old["spec"]["flowRef"]
        body = {
            "apiVersion": keys.API_VERSION,
            "kind": "FlowRun",
            "metadata": {"name": f"{act.run}-again"},
            "spec": {"flowRef": flow, "rerun": {"of": act.run, **rerun}},
        }
        self._cluster.change(partial(self._cluster.world.create, FLOWRUNS, body, namespace="default"))

    def _rerun_later(self, act: Act, looks: int) -> None:
        if self._chance.calm:
            return  # what is to come to rest gets no new work
        with contextlib.suppress(ApiError):
            self.rerun(act, looks)

    def pause(self, act: Act) -> None:
        """Have a run Paused, and resume it later unless somebody stopped it."""
        if self._desired(act.run) == "Running":
            self.want("Paused", act)
            self._loop.call_later(self._chance.seconds(1.0, PAUSED_SECONDS), self._go_on, act)

    def _go_on(self, act: Act) -> None:
        with contextlib.suppress(ApiError):
            if self._desired(act.run) == "Paused":
                self.want("Running", act)

    def _desired(self, run: str) -> str:
        spec = self._cluster.world.get(FLOWRUNS, "default", run)["spec"]
        return str(spec.get("desiredState", "Running"))

    def edit_flow(self, act: Act) -> None:
        """Make another Flow of the one that a run is of; it keeps its name."""
        name = self._cluster.world.get(FLOWRUNS, "default", act.run)["spec"]["flowRef"]["name"]
        flow = self._cluster.world.get(FLOWS, "default", name)
        new = {**flow, "spec": pooled(self._seed, int(act.pick * POOL))}
        self._cluster.change(partial(self._cluster.world.replace, FLOWS, new))

    def reprioritize(self, act: Act) -> None:
        """Have a run come earlier or later than it would."""
        self._patch(FLOWRUNS, act.run, {"priority": int(act.pick * 5) - 2})

    def preempt(self, act: Act) -> None:
        """Suspend a Job as a queue does that needs its place, and resume it later."""
        found = [
            job for job in self._cluster.world.list(JOBS, "default") if _run_of(job) == act.run and _is_preemptible(job)
        ]
        if found:
            victim = found[int(act.pick * len(found))]
            self._oracle.meddled(victim)
            self._patch(JOBS, victim["metadata"]["name"], {"suspend": True})
            self._loop.call_later(PREEMPTED_SECONDS, self._resume, victim["metadata"]["uid"])

    def _resume(self, uid: str) -> None:
        for job in self._cluster.world.list(JOBS, "default"):
            if job["metadata"]["uid"] == uid and keys.LABEL_TOMBSTONE not in job["metadata"]["labels"]:
                self._patch(JOBS, job["metadata"]["name"], {"suspend": False})

    def _patch(self, kind: Kind, name: str, spec: dict[str, Any]) -> None:
        self._cluster.change(partial(self._cluster.world.patch_merge, kind, "default", name, {"spec": spec}))

    def _delete(self, kind: Kind, name: str) -> None:
        self._cluster.change(partial(self._cluster.world.delete, kind, "default", name))


ACTS: dict[str, Callable[[Users, Act], None]] = {
    "cancel": lambda users, act: users.want("Cancelled", act),
    "terminate": lambda users, act: users.want("Terminated", act),
    "run_deleted": Users.delete_run,
    "job_deleted": lambda users, act: users.delete_child(JOBS, act),
    "pod_deleted": lambda users, act: users.delete_child(PODS, act),
    "child_deleted": Users.delete_called,
    "rerun": Users.rerun,
    "pause": Users.pause,
    "flow_edited": Users.edit_flow,
    "priority_changed": Users.reprioritize,
    "job_preempted": Users.preempt,
}


def _run_of(obj: dict[str, Any]) -> str:
    return str((obj["metadata"].get("labels") or {}).get(keys.LABEL_RUN, ""))


def _is_preemptible(job: dict[str, Any]) -> bool:
    is_over = any(each["type"] in ("Complete", "Failed") for each in job["status"].get("conditions", ()))
    return not is_over and not job["spec"].get("suspend")
