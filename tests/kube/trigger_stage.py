"""A Flow with triggers on an API server that crashes and loses answers, the time, and operators that come and go."""

import copy
import random

from prometheus_client import CollectorRegistry

from kube.fake_api import FakeApi
from tidegate.api.conditions import timestamp
from tidegate.kube.client import Object
from tidegate.kube.firing import Firing
from tidegate.kube.graphs import Graphs
from tidegate.kube.queue import WorkQueue
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import FLOWRUNS, FLOWS
from tidegate.kube.scheduler import Scheduler
from tidegate.kube.store import Store
from tidegate.kube.triggering import Claim, claim_of, is_triggered
from tidegate.metrics import Metrics
from virtual_loop import run as run_virtually


class TriggerStage:
    """One Flow of a name, in the namespace `ns`; its triggers are of one kind, which the metrics tell."""

    def __init__(self, name, kind, now, created, *triggers, **spec):
        self.key, self.kind = ("ns", name), kind
        self.api, self.now = FakeApi(), float(now)
        self.metrics = Metrics(CollectorRegistry())
        tasks = [{"name": "a", "set": {"x": 1}}]
        self.api.put(FLOWS, *self.key, {"spec": {"tasks": tasks, "triggers": [*triggers], **spec}})
        self.flow["metadata"] |= {"generation": 1, "creationTimestamp": timestamp(created)}
        self.judge()
        self.begin_anew()

    @property
    def flow(self) -> Object:
        return self.api.objects["flows", *self.key]

    @property
    def started(self) -> dict[str, Object]:
        """Give the runs that are the Flow's own, by name."""
        runs = {name: obj for (plural, _, name), obj in self.api.objects.items() if plural == "flowruns"}
        return {name: run for name, run in runs.items() if run["spec"]["flowRef"]["name"] == self.key[1]}

    @property
    def events(self) -> list[str]:
        return [f"{o['reason']}: {o['note']}" for (plural, *_), o in self.api.objects.items() if plural == "events"]

    def row(self, name):
        rows = {row["name"]: row for row in (self.flow.get("status") or {}).get("triggers") or ()}
        return rows.get(name, {})

    def judge(self):
        """Say that the Flow is valid, as the reconciler of Flows does."""
        ready = {"type": "Ready", "status": "True", "reason": "Valid", "message": "", "lastTransitionTime": "x"}
        status = {**(self.flow.get("status") or {}), "conditions": [ready]}
        status["observedGeneration"] = self.flow["metadata"]["generation"]
        self.change({"status": status})

    def change(self, change):
        self.api.put(FLOWS, *self.key, {**copy.deepcopy(self.flow), **change})

    def edit(self, **spec):
        self.change({"spec": {**self.flow["spec"], **spec}})
        self.flow["metadata"]["generation"] += 1
        self.judge()

    def begin_anew(self):
        """Start an operator that knows nothing."""
        self.store = Store()
        self.queue, self.run_queue = (WorkQueue(rng=random.Random(0)) for _ in range(2))
        self.firing = Firing(self.api, self.store, Graphs(), lambda: self.now)
        reporter = Reporter(self.api, self.metrics, "me")
        self.scheduler = Scheduler(self.api, self.store, self.queue, self.run_queue, reporter, self.firing)
        self.store.followers.tell = lambda _: None  # the tests look by themselves
        self.hear()

    def hear(self):
        """Hear of everything that is there, and of what is there no more."""
        if ("flows", *self.key) in self.api.objects:
            self.store.put_flow(copy.deepcopy(self.flow))
        there = {key[1:]: obj for key, obj in self.api.objects.items() if key[0] == "flowruns"}
        for key, run in list(self.store.runs.items()):
            if key not in there:
                self.store.drop_run(run)
        for run in there.values():
            self.store.put_run(copy.deepcopy(run))

    def look_now(self):
        """Look until there is nothing more to do at this instant."""
        self.hear()

        async def rounds():
            for _ in range(10):
                before = self.api.version
                await self.scheduler.reconcile(self.key)
                if self.api.version == before:
                    return

        run_virtually(rounds())

    def claim(self, run):
        return run_virtually(claim_of(self.api, Store(), run))

    def begun(self):
        """Give the runs that may begin, by name."""
        claims = {name: self.claim(run) for name, run in self.started.items() if is_triggered(run)}
        return sorted(name for name, claim in claims.items() if claim is Claim.NAMED)

    def begin(self, name):
        """Let a run begin: its first status is written."""
        self.api.put(FLOWRUNS, "ns", name, {**self.started[name], "status": {"frozen": {}}})

    def counted(self, result):
        sample = {"namespace": "ns", "flow": self.key[1], "kind": self.kind, "result": result}
        return self.metrics.registry.get_sample_value("tidegate_trigger_events_total", sample) or 0
