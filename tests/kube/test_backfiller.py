"""The controller of Backfills on an API server that loses answers and is changed by others: one run an instant."""

import asyncio
import copy
import random
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from kube.fake_api import FakeApi
from tidegate.api.conditions import find, timestamp
from tidegate.errors import ApiError, Forbidden, Rejected, Unavailable
from tidegate.kube.backfillclaims import claim_of, is_awaited
from tidegate.kube.backfiller import Backfiller
from tidegate.kube.backfillruns import BackfillRuns
from tidegate.kube.client import Object
from tidegate.kube.graphs import Graphs
from tidegate.kube.queue import WorkQueue
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import BACKFILLS, FLOWRUNS, FLOWS, PODS
from tidegate.kube.store import Store
from tidegate.kube.triggering import Claim
from tidegate.metrics import Metrics
from virtual_loop import run as run_virtually

TEN = datetime(2026, 5, 20, 10, tzinfo=UTC).timestamp()
HOUR = 3600
FLOW, KEY = ("ns", "etl"), ("ns", "again")
HOURLY = {"name": "hourly", "cron": {"schedules": ["0 * * * *"]}, "params": {"at": "$[[ run.time ]]", "who": "x"}}
PARAMS = [{"name": "at", "default": "never"}, {"name": "who", "default": "nobody"}]


class Stage:
    """A Flow and a Backfill of 07:00, 08:00 and 09:00 in a cluster, and controllers that come and go."""

    def __init__(self, flow=None, flow_trigger=HOURLY, **spec):
        self.api, self.now, self.metrics = FakeApi(), TEN, Metrics(CollectorRegistry())
        tasks = [{"name": "a", "set": {"x": 1}}]
        body = {"tasks": tasks, "params": PARAMS, "triggers": [flow_trigger], "suspend": True, **(flow or {})}
        self.api.put(FLOWS, *FLOW, {"spec": body})
        self.judge()
        asked = {"flowRef": {"name": "etl"}, "trigger": "hourly", "from": timestamp(TEN - 3 * HOUR)}
        self.ask("again", **{**asked, "to": timestamp(TEN), **spec})
        self.begin_anew()

    def ask(self, name, *, created=TEN, **spec):
        body = {"metadata": {"creationTimestamp": timestamp(created)}, "spec": spec}
        self.api.put(BACKFILLS, "ns", name, body)

    def judge(self, ready="True", **status):
        flow = self.api.objects["flows", *FLOW]
        flow["metadata"] |= {"generation": 1}
        conditions = [{"type": "Ready", "status": ready, "message": "so it is"}]
        self.api.put(FLOWS, *FLOW, {**flow, "status": {"observedGeneration": 1, "conditions": conditions, **status}})

    def begin_anew(self):
        """Start a controller with an empty memory."""
        self.store = Store()
        self.queue, self.run_queue = WorkQueue(rng=random.Random(0)), WorkQueue(rng=random.Random(0))
        work = BackfillRuns(self.api, self.store, Graphs(), lambda: self.now)
        reporter = Reporter(self.api, self.metrics, "me")
        self.controller = Backfiller(self.api, self.store, self.queue, self.run_queue, reporter, work)

    def hear(self):
        for (plural, *_), obj in self.api.objects.items():
            put = {"flows": self.store.put_flow, "flowruns": self.store.put_run, "backfills": self.store.put_backfill}
            if plural in put:
                put[plural](copy.deepcopy(obj))

    def look(self, *, blind=False):
        """Look until there is nothing more to do; `blind` with what was known before."""
        if not blind:
            self.hear()

        async def rounds():
            for _ in range(10):
                before = self.api.version
                await self.controller.reconcile(KEY)
                if self.api.version == before:
                    return

        run_virtually(rounds())

    def end(self, hour, *, succeeded=True, reason="Completed"):
        """Let a run end."""
        name, run = next((name, run) for name, run in self.runs.items() if f"-{hour:02}0000-" in name)
        condition = {"type": "Succeeded", "status": str(succeeded), "reason": reason, "message": "so it went"}
        status = {"frozen": {}, "completionTime": "x", "conditions": [condition]}
        self.api.put(FLOWRUNS, "ns", name, {**run, "status": status})

    def want(self, **spec):
        self.api.put(BACKFILLS, *KEY, {**self.backfill, "spec": {**self.backfill["spec"], **spec}})

    def by_hand(self, name, hour, ended=None):
        """Create a run that is meant for an instant; `ended` says whether well."""
        trigger = {"name": "hourly", "kind": "Cron", "time": timestamp(TEN + (hour - 10) * HOUR)}
        condition = {"type": "Succeeded", "status": str(ended), "reason": "x"}
        status = {} if ended is None else {"frozen": {}, "completionTime": "x", "conditions": [condition]}
        body = {"spec": {"flowRef": {"name": "etl"}, "trigger": trigger}, "status": status}
        self.api.put(FLOWRUNS, "ns", name, {"metadata": {"creationTimestamp": timestamp(TEN)}, **body})

    def claim(self, run):
        return run_virtually(claim_of(self.api, Store().backfills, run))

    @property
    def backfill(self) -> Object:
        return self.api.objects["backfills", *KEY]

    @property
    def status(self):
        return self.backfill.get("status") or {}

    @property
    def counts(self):
        return {name: count for name, count in self.status["counts"].items() if count}

    @property
    def state(self):
        return find(self.status["conditions"], "Succeeded")["reason"]

    @property
    def runs(self) -> dict[str, Object]:
        return {name: obj for (plural, _, name), obj in self.api.objects.items() if plural == "flowruns"}

    @property
    def hours(self):
        """Give the hours that have a run of the Backfill."""
        return sorted(int(name.split("-")[2][:2]) for name in self.runs if name.startswith("etl-2026"))

    @property
    def events(self) -> list[str]:
        return [f"{o['reason']}: {o['note']}" for (plural, *_), o in self.api.objects.items() if plural == "events"]

    def counted(self, result):
        sample = {"namespace": "ns", "flow": "etl", "kind": "Backfill", "result": result}
        return self.metrics.registry.get_sample_value("tidegate_trigger_events_total", sample) or 0


def test_one_run_after_the_other_and_then_it_is_over():
    stage = Stage()
    stage.look()
    assert (stage.hours, stage.state, stage.status["progress"]) == ([7], "Running", "0/3")
    assert stage.status["why"].endswith(
        "live are the runs of 2026-05-20T07:00:00Z; 2 instants left, next 2026-05-20T08:00:00Z"
    )
    for hour in (7, 8, 9):
        stage.end(hour)
        stage.look()
    assert (stage.hours, stage.state, stage.status["progress"]) == ([7, 8, 9], "Completed", "3/3")
    assert stage.events == [
        "BackfillBegan: 3 instants of 0 * * * * UTC; 0 have a run already",
        "BackfillEnded: Completed: 3 instants ran well",
    ]
    assert stage.counted("Started") == 3


def test_a_run_says_what_it_is_for_and_takes_what_the_backfill_gives_before_what_the_trigger_does():
    stage = Stage(params={"who": "archive"}, flow={"runTemplate": {"metadata": {"labels": {"team": "data"}}}})
    stage.look()
    ((name, run),) = stage.runs.items()
    assert name.startswith("etl-20260520-070000-")
    assert run["spec"] == {
        "flowRef": {"name": "etl"},
        "params": {"at": "07:00:00", "who": "archive"},
        "trigger": {
            "name": "hourly",
            "kind": "Backfill",
            "time": "2026-05-20T07:00:00Z",
            "intervalStart": "2026-05-20T06:00:00Z",
            "id": stage.backfill["metadata"]["uid"],
            "backfill": "again",
        },
    }
    labels = run["metadata"]["labels"]
    assert (labels["team"], labels["tidegate.dev/backfill"], labels["tidegate.dev/trigger"]) == (
        "data",
        "again",
        "hourly",
    )
    assert run["metadata"]["ownerReferences"][0]["uid"] == stage.api.objects["flows", *FLOW]["metadata"]["uid"]


def test_the_newest_first_a_few_at_a_time():
    stage = Stage(order="NewestFirst", parallelism=2)
    stage.look()
    assert stage.hours == [8, 9]
    stage.end(8)
    stage.look()
    assert stage.hours == [7, 8, 9]
    assert stage.counts == {"total": 3, "running": 2, "succeeded": 1}


def test_what_has_a_run_is_passed_over():
    stage = Stage(parallelism=9)
    stage.by_hand("good", 7, ended=True)
    stage.by_hand("bad", 8, ended=False)
    stage.look()
    assert (stage.hours, stage.status["progress"], stage.status["frozen"]["passedOver"]) == ([9], "2/3", "0-1")
    assert stage.counted("Skipped") == 2


@pytest.mark.parametrize(("reprocess", "hours"), [("None", [9]), ("Failed", [8, 9]), ("All", [7, 8, 9])])
def test_what_has_a_run_is_done_again_if_that_is_asked_for(reprocess, hours):
    stage = Stage(parallelism=9, reprocess=reprocess)
    stage.by_hand("good", 7, ended=True)
    stage.by_hand("bad", 8, ended=False)
    stage.look()
    assert stage.hours == hours


def test_a_run_that_never_begins_is_no_run():
    stage = Stage(parallelism=9)
    stage.by_hand("late", 7)
    late = stage.runs["late"]
    owner = {"kind": "Flow", "controller": True, "uid": stage.api.objects["flows", *FLOW]["metadata"]["uid"]}
    late["metadata"]["ownerReferences"] = [owner]
    stage.judge(triggers=[{"name": "hourly", "handledTime": timestamp(TEN)}])
    stage.by_hand("refused", 8, ended=False)
    stage.runs["refused"]["status"] = {
        "completionTime": "x",
        "conditions": [{"type": "Succeeded", "status": "False", "reason": "TriggerPassed"}],
    }
    stage.look()
    assert stage.hours == [7, 8, 9]


def test_a_filtered_instant_is_skipped_and_one_whose_params_fail_has_failed():
    trigger = HOURLY | {
        "when": "run.scheduledTime.getHours() != 8",
        "params": {"at": "$[[ [1][int(run.time.substring(1,2)) - 7] ]]"},
    }
    stage = Stage(flow_trigger=trigger)
    stage.look()
    stage.end(7)
    stage.look()
    assert (stage.hours, stage.state) == ([7], "RunsFailed")
    assert stage.counts == {"total": 3, "succeeded": 1, "failed": 1, "skipped": 1}
    assert stage.status["lastFailure"].startswith("no run for 2026-05-20T09:00:00Z: ")
    assert [event.partition(":")[0] for event in stage.events] == ["BackfillBegan", "TriggerFailed", "BackfillEnded"]


def test_what_ended_badly_or_was_deleted_has_failed():
    stage = Stage(parallelism=3)
    stage.look()
    stage.end(7, succeeded=False, reason="TaskFailed")
    stage.end(8)
    name = next(name for name in stage.runs if "-090000-" in name)
    stage.api.remove(FLOWRUNS, "ns", name)
    stage.begin_anew()
    stage.look()
    assert (stage.state, stage.counts) == ("RunsFailed", {"total": 3, "succeeded": 1, "failed": 2})
    assert stage.status["lastFailure"] == f"run {name} of 2026-05-20T09:00:00Z was deleted before its end was counted"


def test_another_run_of_its_name_is_not_its_run():
    stage = Stage()
    stage.look()
    ((name, run),) = stage.runs.items()
    stage.api.remove(FLOWRUNS, "ns", name)
    stage.api.put(FLOWRUNS, "ns", name, {"metadata": run["metadata"], "spec": run["spec"]})
    stage.begin_anew()
    stage.look()
    assert stage.counts == {"total": 3, "running": 1, "failed": 1}


def test_a_run_that_is_not_heard_of_yet_is_not_taken_for_deleted():
    stage = Stage()
    stage.look()
    stage.begin_anew()
    for resource, put in (("flows", stage.store.put_flow), ("backfills", stage.store.put_backfill)):
        put(copy.deepcopy(next(obj for key, obj in stage.api.objects.items() if key[0] == resource)))
    stage.look(blind=True)
    assert (stage.hours, stage.counts) == ([7], {"total": 3, "running": 1})


# Who may begin


def test_only_what_is_named_begins():
    stage = Stage()
    stage.look()
    (run,) = stage.runs.values()
    assert stage.claim(run) is Claim.NAMED
    other = copy.deepcopy(run) | {"metadata": {**run["metadata"], "uid": "late"}}
    assert stage.claim(other) is Claim.PASSED
    other["spec"]["trigger"]["time"] = timestamp(TEN - 2 * HOUR)
    assert stage.claim(other) is Claim.NOT_YET
    stage.api.remove(BACKFILLS, *KEY)
    assert stage.claim(run) is Claim.PASSED
    stage.ask("again", **stage.__class__().backfill["spec"])
    assert stage.claim(run) is Claim.PASSED


@pytest.mark.parametrize(("order", "passed", "to_come"), [("OldestFirst", 7, 9), ("NewestFirst", 9, 7)])
def test_what_comes_too_late_never_begins(order, passed, to_come):
    stage = Stage(order=order)
    stage.look()
    run = copy.deepcopy(next(iter(stage.runs.values())))
    run["metadata"]["uid"] = "late"
    for hour, claim in ((passed, Claim.PASSED), (to_come, Claim.NOT_YET)):
        run["spec"]["trigger"]["time"] = timestamp(TEN + (hour - 10) * HOUR)
        assert stage.claim(run) is claim


def test_a_run_stays_until_its_end_is_counted():
    stage = Stage()
    stage.look()
    run = next(iter(stage.runs.values()))
    old = Store()
    old.put_backfill({**stage.backfill, "status": {}})

    def stays(store):
        return run_virtually(is_awaited(stage.api, store.backfills, run))

    assert [stays(store) for store in (old, Store(), stage.store)] == [True, True, True]
    stage.end(7)
    stage.look()
    assert [stays(store) for store in (old, Store(), stage.store)] == [True, False, False]


def test_a_crash_between_the_run_and_its_name_changes_nothing():
    stage = Stage(parallelism=2)
    stage.look()
    names = set(stage.runs)
    stage.api.put(
        BACKFILLS, *KEY, {**stage.backfill, "status": {**stage.status, "live": []} | {"counts": {"total": 3}}}
    )
    del stage.backfill["status"]["handledTime"]
    stage.begin_anew()
    stage.look()
    assert set(stage.runs) == names
    assert {one["uid"] for one in stage.status["live"]} == {run["metadata"]["uid"] for run in stage.runs.values()}


def test_two_controllers_name_the_same_runs():
    stage = Stage(parallelism=2)
    stage.look()
    stage.end(7)
    stage.hear()
    stale = copy.deepcopy(stage.backfill)
    stage.look()
    stage.begin_anew()
    stage.hear()
    stage.store.backfills.known[KEY] = stale
    stage.look(blind=True)
    assert (stage.hours, stage.counts) == ([7, 8, 9], {"total": 3, "running": 2, "succeeded": 1})


def test_a_name_that_is_taken_is_told():
    stage = Stage()
    stage.look()
    name = next(iter(stage.runs))
    other = Stage()
    other.api.put(FLOWRUNS, "ns", name, {"spec": {"flowRef": {"name": "other"}}})
    other.look()
    assert other.counts == {"total": 3, "running": 1, "failed": 1}
    assert other.status["lastFailure"].endswith(f"FlowRun {name} exists and is not this Backfill's")


# When nothing can be started


def test_a_paused_one_starts_nothing_and_goes_on_later():
    stage = Stage(desiredState="Paused")
    stage.look()
    assert (stage.hours, stage.state, stage.status["progress"]) == ([], "Paused", "0/3")
    stage.want(desiredState="Running")
    stage.look()
    stage.want(desiredState="Paused")
    stage.end(7)
    stage.look()
    assert (stage.hours, stage.counts) == ([7], {"total": 3, "succeeded": 1})


def test_a_cancelled_one_has_its_runs_cancelled_and_ends_when_they_have():
    stage = Stage(parallelism=2)
    stage.look()
    stage.want(desiredState="Cancelled")
    stage.look()
    assert stage.state == "Cancelling"
    assert {run["status"]["stop"]["reason"] for run in stage.runs.values()} == {"BackfillCancelled"}
    for hour in (7, 8):
        stage.end(hour, succeeded=False, reason="Cancelled")
    stage.look()
    assert (stage.hours, stage.state) == ([7, 8], "Cancelled")
    assert stage.status["why"] == "Cancelled: it was cancelled with 1 instant left"


def test_one_that_is_cancelled_before_it_began_starts_nothing():
    stage = Stage(desiredState="Cancelled")
    stage.look()
    assert (stage.hours, stage.state) == ([], "Cancelled")


def test_a_flow_that_is_not_valid_starts_nothing_until_it_is():
    stage = Stage()
    stage.look()
    stage.judge(ready="False")
    stage.end(7)
    stage.look()
    assert (stage.hours, stage.state) == ([7], "FlowNotReady")
    stage.judge()
    stage.look()
    assert stage.hours == [7, 8]


@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
def test_a_run_that_would_be_turned_away_or_stop_another_waits(policy):
    stage = Stage(flow={"concurrency": {"policy": policy}}, parallelism=3)
    stage.look()
    assert (stage.hours, stage.state) == ([7], "Held")
    name, run = next(iter(stage.runs.items()))
    stage.judge(active=[{"uid": run["metadata"]["uid"], "name": name, "key": "", "time": "2026-05-20T10:00:00Z"}])
    stage.end(7)
    labels = {"tidegate.dev/run-uid": run["metadata"]["uid"]}
    stage.api.put(PODS, "ns", "pod", {"metadata": {"labels": labels}, "status": {"phase": "Running"}})
    stage.look()
    assert stage.hours == [7]
    assert f"{name} is live, and concurrency.policy is {policy}" in stage.status["why"]
    stage.api.put(PODS, "ns", "pod", {"metadata": {"labels": labels}, "status": {"phase": "Succeeded"}})
    stage.look()
    assert stage.hours == [7, 8]


def test_the_flow_is_gone():
    stage = Stage(parallelism=2)
    stage.look()
    stage.api.remove(FLOWS, *FLOW)
    stage.api.put(FLOWS, *FLOW, {"spec": {"triggers": [HOURLY]}})
    stage.look()
    assert (stage.hours, stage.state) == ([7, 8], "FlowGone")
    assert "completionTime" not in stage.status
    for name in list(stage.runs):
        stage.api.remove(FLOWRUNS, "ns", name)
    stage.begin_anew()
    stage.look()
    assert stage.status["why"] == "FlowGone: Flow etl was deleted with 1 instant left"
    assert "completionTime" in stage.status


def test_an_edited_trigger_changes_nothing_any_more():
    stage = Stage()
    stage.look()
    flow = stage.api.objects["flows", *FLOW]
    stage.api.put(FLOWS, *FLOW, {**flow, "spec": {**flow["spec"], "triggers": []}})
    stage.end(7)
    stage.look()
    assert stage.hours == [7, 8]
    assert stage.status["frozen"]["trigger"] == HOURLY


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Forbidden(403, "Forbidden", "exceeded quota"), "NoRunStarted: no run can be started: exceeded quota"),
        (Unavailable(503, "", "later"), "NoRunStarted: no run can be started: later"),
    ],
)
def test_what_the_api_server_refuses_for_now_is_told_and_tried_again(error, state):
    stage = Stage()
    create = stage.api.create
    stage.api.create = refusing(create, error)
    with pytest.raises(ApiError):
        stage.look()
    assert stage.status["why"] == state
    stage.api.create = create
    stage.look()
    assert (stage.hours, stage.state) == ([7], "Running")


def test_what_the_api_server_never_takes_has_failed():
    stage = Stage()
    stage.api.create = refusing(stage.api.create, Rejected(422, "Invalid", "labels: too long"))
    stage.look()
    assert (stage.state, stage.counts) == ("RunsFailed", {"total": 3, "failed": 3})
    assert len([event for event in stage.events if event.startswith("TriggerFailed")]) == 1


def refusing(create, error):
    async def refused(resource, namespace, body):
        if resource is FLOWRUNS:
            raise error
        return await create(resource, namespace, body)

    return refused


# Beginning


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"to": timestamp(TEN + 1)},
            "InvalidSpec: spec.to: 2026-05-20T10:00:01Z has not come, it is 2026-05-20T10:00:00Z",
        ),
        ({"from": "2020-01-01T00:00:00Z"}, "InvalidSpec: spec.to: from 2020-01-01T00:00:00Z"),
        ({"params": {"whom": 1}}, 'InvalidSpec: spec.params.whom: unknown param "whom"; did you mean "who"?'),
        ({"trigger": "hurly"}, 'TriggerNotFound: Flow etl has no trigger "hurly"; did you mean "hourly"?'),
        ({"flowRef": {"name": "elt"}}, 'FlowNotFound: there is no Flow "elt" in namespace ns'),
        (
            {"from": "2026-05-20T11:00:00Z"},
            "InvalidSpec: spec: from must be earlier than to; found 2026-05-20T11:00:00Z and 2026-05-20T10:00:00Z",
        ),
    ],
)
def test_what_cannot_begin_says_why(given, told):
    stage = Stage(**given)
    stage.look()
    assert stage.status["why"].startswith(told)
    assert ("completionTime" in stage.status) == told.startswith("InvalidSpec")
    assert not stage.runs


def test_it_waits_until_its_flow_was_found_valid():
    stage = Stage()
    stage.judge(ready="False")
    stage.look()
    assert stage.status["why"] == "FlowNotReady: Flow etl is not valid: so it is"
    stage.judge()
    stage.look()
    assert stage.hours == [7]


@pytest.mark.parametrize(("reprocess", "hours"), [("None", []), ("Failed", []), ("All", [7])])
def test_it_waits_until_the_trigger_is_done_with_the_instants(reprocess, hours):
    stage = Stage(flow={"suspend": False}, reprocess=reprocess)
    row = {"name": "hourly", "schedule": "0 * * * * UTC"}
    stage.judge(triggers=[{**row, "handledTime": timestamp(TEN - 2 * HOUR)}])
    stage.look()
    assert stage.hours == hours
    if not hours:
        assert stage.status["why"].endswith("it is done with what is up to 2026-05-20T08:00:00Z")
    stage.judge(triggers=[{**row, "handledTime": timestamp(TEN - HOUR)}])
    stage.look()
    assert stage.hours == [7]


def test_it_waits_for_those_before_it_that_are_about_the_same_instants():
    stage = Stage()
    spec = stage.backfill["spec"]
    stage.ask("older", created=TEN - 60, **spec | {"to": timestamp(TEN - 2 * HOUR)})
    stage.ask("of-other-instants", created=TEN - 60, **spec | {"from": timestamp(0), "to": spec["from"]})
    stage.ask("younger", created=TEN + 60, **spec)
    stage.ask("begun", created=TEN + 60, **spec)
    begun = stage.api.objects["backfills", "ns", "begun"]
    stage.look()
    assert stage.status["why"] == "Behind: Backfill older has not ended, and is about some of the same instants"
    older = stage.api.objects["backfills", "ns", "older"]
    stage.api.put(BACKFILLS, "ns", "older", {**older, "status": {"completionTime": "x"}})
    stage.api.put(BACKFILLS, "ns", "begun", {**begun, "status": {"frozen": {}}})
    stage.look()
    assert stage.status["why"].startswith("Behind: Backfill begun has not ended")
    stage.api.put(BACKFILLS, "ns", "begun", {**begun, "status": {"frozen": {}, "completionTime": "x"}})
    stage.look()
    assert stage.hours == [7]


def test_of_two_that_are_created_at_the_same_time_one_waits_for_the_other():
    stage = Stage()
    spec = stage.backfill["spec"]
    stage.hear()
    stage.api.latency = 1.0

    async def both():
        first = asyncio.create_task(stage.controller.reconcile(KEY))
        await asyncio.sleep(2.1)  # the list was answered, without the other one, which is older by its time
        assert stage.api.calls == ["get flows", "list backfills", "list flowruns"]
        stage.api.latency = 0.1
        stage.ask("twin", created=TEN - 1, **spec)
        stage.hear()
        await asyncio.gather(first, stage.controller.reconcile(("ns", "twin")))

    run_virtually(both())
    twin = stage.api.objects["backfills", "ns", "twin"]
    assert "frozen" in stage.status
    assert twin["status"]["why"].startswith("Behind: Backfill again has not ended")


def test_a_day_that_has_no_instant_is_done_at_once():
    stage = Stage(**{"from": timestamp(TEN - 100), "to": timestamp(TEN)})
    stage.look()
    assert (stage.state, stage.status["progress"]) == ("Completed", "0/0")
