"""The scheduler on an API server that crashes, loses answers and is changed by others: one run an instant, always."""

import asyncio
import copy
from datetime import UTC, datetime

import pytest

from kube.breaking import Broken, break_write
from kube.trigger_stage import TriggerStage
from tidegate.api.conditions import timestamp
from tidegate.errors import Forbidden, Rejected, Unavailable
from tidegate.kube.client import Object
from tidegate.kube.clocks import Clocks, SteadyClock
from tidegate.kube.reporting import Reporter
from tidegate.kube.resources import FLOWRUNS, FLOWS
from tidegate.kube.scheduler import Scheduler
from tidegate.kube.store import Store
from tidegate.kube.triggering import Claim, claim_of, is_triggered
from virtual_loop import run as run_virtually

HOUR = 3600
KEY = ("ns", "etl")
TEN = datetime(2026, 5, 20, 10, tzinfo=UTC).timestamp()
CREATED = TEN - 1800
HOURLY = {"name": "hourly", "cron": {"schedules": ["0 * * * *"]}}
NAME_AT_TEN = "etl-20260520-100000-"


class Stage(TriggerStage):
    """A Flow with schedules."""

    def __init__(self, *triggers, **spec):
        super().__init__("etl", "Cron", CREATED, CREATED, *triggers, **spec)

    @property
    def runs(self) -> dict[str, Object]:
        return self.started

    def row(self, name="hourly"):
        return super().row(name)

    def look(self, at=None):
        self.now = self.now if at is None else at
        self.look_now()

    def delete_runs(self):
        for name in list(self.runs):
            self.api.remove(FLOWRUNS, "ns", name)


def test_an_instant_gets_a_run_that_says_what_it_is_for():
    params = [{"name": "day", "type": "date"}]
    template = {"metadata": {"labels": {"team": "data"}, "annotations": {"note": "x"}}}
    berlin = {"schedules": ["0 12 * * *"], "timeZone": "Europe/Berlin"}
    noon = {
        "name": "noon",
        "cron": berlin,
        "params": {"day": "$[[ run.date ]]"},
        "labels": {"at": "$[[ run.trigger ]]"},
    }
    stage = Stage(noon, params=params, runTemplate=template)
    stage.look()
    assert (stage.row("noon")["nextTime"], stage.flow["status"]["nextTime"]) == (timestamp(TEN), timestamp(TEN))
    assert not stage.runs
    stage.look(at=TEN + 0.2)
    ((name, run),) = stage.runs.items()
    assert name.startswith(NAME_AT_TEN)
    assert run["spec"] == {
        "flowRef": {"name": "etl"},
        "params": {"day": "2026-05-20"},
        "trigger": {
            "name": "noon",
            "kind": "Cron",
            "time": "2026-05-20T10:00:00Z",
            "intervalStart": "2026-05-19T10:00:00Z",
            "timeZone": "Europe/Berlin",
        },
    }
    labels = run["metadata"]["labels"]
    assert (labels["team"], labels["at"], labels["tidegate.dev/trigger"]) == ("data", "noon", "noon")
    assert run["metadata"]["annotations"] == {"note": "x"}
    (owner,) = run["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Flow", stage.flow["metadata"]["uid"], True)
    row = stage.row("noon")
    assert (row["lastRun"], row["lastTime"], row["handledTime"]) == (name, timestamp(TEN), timestamp(TEN))
    assert row["nextTime"] == "2026-05-21T10:00:00Z"
    assert stage.begun() == [name]
    assert stage.counted("Started") == 1


def test_a_quiet_look_writes_nothing():
    stage = Stage(HOURLY)
    stage.look(at=TEN + 1)
    before = stage.api.version
    stage.look(at=TEN + 1800)
    assert stage.api.version == before


def test_a_flow_that_was_created_while_nobody_looked_counts_from_its_creation():
    stage = Stage(HOURLY)
    stage.look(at=TEN + 100)
    assert len(stage.runs) == 1


def test_a_trigger_that_was_added_later_counts_from_when_it_was_seen():
    stage = Stage()
    stage.edit(triggers=[HOURLY])
    stage.look(at=TEN + 100)
    assert (stage.runs, stage.row()["nextTime"]) == ({}, timestamp(TEN + HOUR))


# Crashes


@pytest.mark.parametrize("loses_run", [False, True], ids=["", "and the run is deleted"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_run_begins_whatever_write_the_operator_dies_at(number, after, loses_run):
    stage = Stage(HOURLY, {**HOURLY, "name": "other"})
    stage.look()
    mend = break_write(stage.api, number, after=after)
    with pytest.raises(Broken):
        stage.look(at=TEN + 1)
    mend()
    begun = []
    if loses_run:
        begun = stage.begun()
        for name in begun:
            stage.begin(name)
        stage.delete_runs()
    stage.begin_anew()
    stage.look(at=TEN + 20)
    stage.look(at=TEN + 40)
    both = {row["lastRun"] for row in (stage.row(), stage.row("other"))}
    assert {*begun, *stage.begun()} == both
    assert len(both) == len(begun) + len(stage.begun()) == 2


@pytest.mark.parametrize("is_applied", [False, True])
def test_an_answer_that_is_lost_is_asked_for_again(is_applied):
    stage = Stage(HOURLY)
    stage.look()
    original = stage.api.create

    async def lose(*args):
        if is_applied:
            await original(*args)
        raise Unavailable(0, "NoAnswer", "timed out")

    stage.api.create = lose
    with pytest.raises(Unavailable):
        stage.look(at=TEN + 1)
    assert stage.row()["handledTime"] != timestamp(TEN)
    stage.api.create = original
    stage.look(at=TEN + 2)
    assert (len(stage.runs), stage.begun()) == (1, [stage.row()["lastRun"]])


def test_a_run_that_is_not_named_yet_waits_and_one_that_comes_late_never_begins():
    stage = Stage(HOURLY)
    stage.look()
    mend = break_write(stage.api, 1, after=True)
    with pytest.raises(Broken):
        stage.look(at=TEN + 1)
    mend()
    ((name, run),) = stage.runs.items()
    assert is_triggered(run)
    assert run_virtually(claim_of(stage.api, stage.store, run)) is Claim.NOT_YET
    stage.begin_anew()
    stage.look(at=TEN + 2)
    assert stage.begun() == [name]
    # It begins, ends and is deleted; then the request of somebody who gave up long ago arrives.
    stage.begin(name)
    stage.delete_runs()
    stage.api.put(FLOWRUNS, "ns", name, {"spec": run["spec"], "metadata": run["metadata"]})
    assert run_virtually(claim_of(stage.api, stage.store, stage.runs[name])) is Claim.PASSED


def test_two_operators_at_once_start_one_run():
    stage = Stage(HOURLY)
    stage.look()
    stage.now = TEN + 1
    first = stage.scheduler
    stage.begin_anew()
    second = stage.scheduler

    async def both():
        stage.api.latency = 1.0
        await asyncio.gather(first.reconcile(KEY), second.reconcile(KEY))
        await asyncio.gather(first.reconcile(KEY), second.reconcile(KEY))

    run_virtually(both())
    assert (len(stage.runs), stage.begun()) == (1, [stage.row()["lastRun"]])


def test_a_view_that_is_old_starts_nothing_that_was_done():
    stage = Stage(HOURLY)
    stage.look()
    old = copy.deepcopy(stage.flow)
    stage.look(at=TEN + 1)
    stage.begin(stage.row()["lastRun"])
    stage.delete_runs()
    stage.begin_anew()
    stage.store.flows[KEY] = old
    run_virtually(stage.scheduler.reconcile(KEY))
    assert stage.begun() == []
    stage.look(at=TEN + 2)
    assert (stage.begun(), "missed" in stage.row()) == ([], False)


# Others change the Flow


def test_a_flow_that_is_deleted_while_it_fires_starts_nothing_more():
    stage = Stage(HOURLY)
    stage.look()
    original = stage.api.create

    async def create(*args):
        made = await original(*args)
        stage.api.remove(FLOWS, *KEY)
        return made

    stage.api.create = create
    stage.now = TEN + 1
    stage.hear()
    run_virtually(stage.scheduler.reconcile(KEY))
    (run,) = stage.runs.values()
    assert run_virtually(claim_of(stage.api, Store(), run)) is Claim.NOT_YET
    stage.api.put(FLOWS, *KEY, {"spec": {"triggers": [HOURLY]}, "status": {}})
    assert run_virtually(claim_of(stage.api, Store(), run)) is Claim.PASSED, "another Flow of the name"


def test_an_edit_begins_the_schedule_anew():
    stage = Stage(HOURLY)
    stage.look(at=TEN + 1)
    stage.edit(triggers=[{"name": "hourly", "cron": {"schedules": ["30 9 * * *", "30 11 * * *"]}}])
    stage.look(at=TEN + 600)
    assert (len(stage.runs), stage.row()["nextTime"]) == (1, "2026-05-20T11:30:00Z")
    stage.look(at=TEN + 2 * HOUR)
    assert len(stage.runs) == 2


def test_an_edit_of_anything_else_does_not():
    stage = Stage(HOURLY)
    stage.look()
    stage.edit(description="other")
    stage.look(at=TEN + 600)
    assert len(stage.runs) == 1


def test_a_trigger_that_is_taken_away_is_forgotten():
    stage = Stage(HOURLY)
    stage.look(at=TEN + 1)
    stage.edit(triggers=[])
    stage.look()
    assert ("triggers" in stage.flow["status"], "nextTime" in stage.flow["status"]) == (False, False)


HOOK = {"name": "hourly", "webhook": {"secretRef": {"name": "s", "key": "k"}}}


def test_a_trigger_without_schedule_has_a_row_and_is_never_due():
    stage = Stage({**HOOK, "name": "hook"}, HOURLY)
    stage.look(at=TEN + 1)
    assert (stage.row("hook"), len(stage.runs)) == ({"name": "hook"}, 1)
    assert stage.flow["status"]["nextTime"] == stage.row()["nextTime"]
    version = stage.api.version
    stage.look(at=TEN + 600)
    assert stage.api.version == version
    stage.edit(suspend=True)
    stage.look()
    assert stage.row("hook") == {"name": "hook", "suspended": True}


def test_a_schedule_that_becomes_a_webhook_and_one_again():
    stage = Stage(HOURLY)
    stage.look()
    mend = break_write(stage.api, 1, after=True)
    with pytest.raises(Broken):
        stage.look(at=TEN + 1)
    mend()
    stage.edit(triggers=[HOOK])
    stage.begin_anew()
    stage.look(at=TEN + 2)
    ((_, run),) = stage.runs.items()
    assert run_virtually(claim_of(stage.api, stage.store, run)) is Claim.PASSED
    assert stage.row() == {"name": "hourly"}
    stage.edit(triggers=[HOURLY])
    assert run_virtually(claim_of(stage.api, Store(), run)) is Claim.NOT_YET  # until its row says since when it counts
    stage.look()
    assert run_virtually(claim_of(stage.api, Store(), run)) is Claim.PASSED
    stage.look(at=TEN + HOUR + 1)
    assert len(stage.begun()) == 1


def test_the_run_of_an_event_needs_nobody_to_name_it():
    owner = {"kind": "Flow", "name": "etl", "uid": "u", "controller": True}
    trigger = {"name": "hook", "kind": "Webhook", "time": timestamp(TEN), "id": "1"}
    run = {"metadata": {"ownerReferences": [owner]}, "spec": {"trigger": trigger}}
    assert not is_triggered(run)
    assert is_triggered({**run, "spec": {"trigger": {**trigger, "kind": "Cron"}}})


def test_what_is_not_valid_starts_nothing_until_it_is():
    stage = Stage(HOURLY)
    stage.look()
    stage.flow["status"]["conditions"][0]["status"] = "False"
    stage.change({})
    stage.look(at=TEN + 1)
    assert not stage.runs
    stage.judge()
    stage.look(at=TEN + 600)
    assert len(stage.runs) == 1


@pytest.mark.parametrize("is_whole", [False, True], ids=["trigger", "flow"])
def test_what_is_due_while_suspended_is_passed_over(is_whole):
    stage = Stage(HOURLY)
    stage.look()
    stage.edit(**({"suspend": True} if is_whole else {"triggers": [{**HOURLY, "suspend": True}]}))
    stage.look(at=TEN - 60)
    assert (stage.row()["suspended"], "nextTime" in stage.row()) == (True, False)
    stage.look(at=TEN + HOUR + 1)
    stage.edit(suspend=False, triggers=[HOURLY])
    stage.look(at=TEN + HOUR + 600)
    assert (stage.runs, "missed" in stage.row(), "suspended" in stage.row()) == ({}, False, False)
    stage.look(at=TEN + 2 * HOUR)
    assert len(stage.runs) == 1


# Instants that get no run


def test_what_was_missed_is_counted_and_told():
    stage = Stage(HOURLY)
    stage.look()
    stage.look(at=TEN + 5 * HOUR)
    assert (len(stage.runs), stage.row()["missed"], stage.counted("Missed")) == (1, 5, 5)
    assert stage.events == ["InstantsMissed: trigger hourly: 5 instants were missed up to 2026-05-20T15:00:00Z"]
    assert "message" not in stage.row(), "the last one ran"


def test_all_of_an_outage_are_caught_up_in_order():
    stage = Stage({"name": "hourly", "cron": {"schedules": ["0 * * * *"], "catchUp": "All", "catchUpLimit": 3}})
    stage.look()
    stage.look(at=TEN + 5 * HOUR)
    assert [name[:18] for name in stage.runs] == ["etl-20260520-13000", "etl-20260520-14000", "etl-20260520-15000"]
    assert (len(stage.begun()), stage.row()["missed"]) == (3, 3)


def test_when_decides_and_its_mistakes_are_told():
    stage = Stage({**HOURLY, "when": "run.date != '2026-05-20' || [true][int(run.time.substring(0, 2)) - 11]"})
    stage.look()
    stage.look(at=TEN + HOUR)
    assert (len(stage.runs), stage.row()["missed"]) == (1, 1)
    stage.look(at=TEN + 2 * HOUR)
    assert len(stage.runs) == 1
    assert stage.row()["message"].startswith("no run for 2026-05-20T12:00:00Z")
    assert any(event.startswith("TriggerFailed: trigger hourly: no run for") for event in stage.events)


def test_when_that_is_false_starts_nothing_and_misses_nothing():
    stage = Stage({**HOURLY, "when": "run.time >= '12:00:00'"})
    stage.look()
    stage.look(at=TEN + 1)
    assert (stage.runs, stage.counted("Filtered"), "missed" in stage.row()) == ({}, 1, False)
    assert stage.row()["message"] == "no run for 2026-05-20T10:00:00Z: when is false"


def test_a_live_run_forbids_another_until_it_has_ended():
    stage = Stage(HOURLY, concurrency={"policy": "Forbid"})
    stage.look(at=TEN + 1)
    (name,) = stage.runs
    entry = {"uid": stage.runs[name]["metadata"]["uid"], "name": name}
    stage.change({"status": {**stage.flow["status"], "active": [entry]}})
    stage.look(at=TEN + HOUR)
    assert (len(stage.runs), stage.row()["missed"], stage.counted("Forbidden")) == (1, 1, 1)
    assert stage.row()["message"] == (
        f"no run for 2026-05-20T11:00:00Z: {name} is live, and concurrency.policy is Forbid"
    )
    done = {"frozen": {}, "completionTime": timestamp(TEN + HOUR + 60)}
    stage.api.put(FLOWRUNS, "ns", name, {**stage.runs[name], "status": done})
    stage.look(at=TEN + 2 * HOUR)
    assert (len(stage.runs), stage.row()["missed"], "message" in stage.row()) == (2, 1, False)


def test_of_two_triggers_that_are_due_at_once_one_forbids_the_other():
    stage = Stage(HOURLY, {**HOURLY, "name": "other"}, concurrency={"policy": "Forbid"})
    stage.look(at=TEN + 1)
    (name,) = stage.runs
    assert stage.row("other")["message"] == (
        f"no run for 2026-05-20T10:00:00Z: {name} is live, and concurrency.policy is Forbid"
    )


def test_a_live_run_of_another_key_forbids_nothing():
    params = [{"name": "region", "default": "eu"}]
    policy = {"policy": "Forbid", "key": "$[[ params.region ]]"}
    stage = Stage({**HOURLY, "params": {"region": "us"}}, params=params, concurrency=policy)
    stage.api.put(FLOWRUNS, "ns", "other", {"spec": {"flowRef": {"name": "etl"}}})
    uid = stage.runs["other"]["metadata"]["uid"]
    stage.change({"status": {**stage.flow["status"], "active": [{"uid": uid, "name": "other", "key": "eu"}]}})
    stage.look(at=TEN + 1)
    assert stage.row()["lastRun"].startswith(NAME_AT_TEN)


@pytest.mark.parametrize("policy", ["Allow", "Queue", "Replace"])
def test_other_policies_start_the_run_and_leave_the_rest_to_it(policy):
    stage = Stage(HOURLY, concurrency={"policy": policy})
    stage.look(at=TEN + 1)
    stage.look(at=TEN + HOUR)
    assert len(stage.runs) == 2


def refuse(stage, error):
    original = stage.api.create

    async def create(resource, *args):
        if resource == FLOWRUNS:
            raise error
        return await original(resource, *args)

    stage.api.create = create
    return original


def test_a_run_that_the_api_server_will_never_take_is_missed():
    stage = Stage(HOURLY)
    stage.look()
    refuse(stage, Rejected(422, "Invalid", "labels: no"))
    stage.look(at=TEN + 1)
    assert (stage.row()["missed"], stage.row()["message"]) == (1, "no run for 2026-05-20T10:00:00Z: labels: no")


def test_a_run_that_it_does_not_take_now_is_tried_again_and_the_reason_told():
    stage = Stage(HOURLY)
    stage.look()
    original = refuse(stage, Forbidden(403, "Forbidden", "exceeded quota"))
    with pytest.raises(Forbidden):
        stage.look(at=TEN + 1)
    assert stage.row()["message"] == "no run can be started: exceeded quota"
    stage.api.create = original
    stage.look(at=TEN + 60)
    assert (len(stage.runs), "message" in stage.row(), "missed" in stage.row()) == (1, False, False)


def test_a_name_that_somebody_else_took_is_a_collision():
    stage = Stage(HOURLY)
    stage.look(at=TEN + 1)
    (name,) = stage.runs
    stage = Stage(HOURLY)
    stage.look()
    stage.api.put(FLOWRUNS, "ns", name, {"spec": {"flowRef": {"name": "etl"}}})
    stage.look(at=TEN + 1)
    assert (stage.row()["missed"], stage.begun()) == (1, [])
    assert "exists and is not this trigger's" in stage.row()["message"]


def test_no_more_is_started_than_can_be_named():
    minutely = {"name": "hourly", "cron": {"schedules": ["* * * * *"], "catchUp": "All", "catchUpLimit": 100}}
    stage = Stage(minutely)
    stage.look()
    for hour in (2, 4, 6):
        stage.look(at=TEN + hour * HOUR)
    assert len(stage.row()["started"]) == len(stage.begun()) == len(stage.runs) == 128
    for name in list(stage.runs)[:100]:
        stage.begin(name)
    stage.look(at=TEN + 6 * HOUR + 5)
    assert len(stage.row()["started"]) <= 128
    assert {*stage.begun()} >= {name for name, run in stage.runs.items() if "status" not in run}


# Time


def test_days_go_by_with_a_write_an_instant_and_no_more():
    stage = Stage({"name": "hourly", "interval": {"everySeconds": 900}})

    original = stage.api.create

    async def create(*args):
        run = await original(*args)
        stage.begin(run["metadata"]["name"])
        stage.hear()
        return run

    async def days():
        loop = asyncio.get_running_loop()
        offset = CREATED - loop.time()
        stage.api.create = create
        stage.firing.now = lambda: loop.time() + offset
        reporter = Reporter(stage.api, stage.metrics, "me")
        scheduler = Scheduler(stage.api, stage.store, stage.queue, stage.run_queue, reporter, stage.firing)
        work = asyncio.create_task(stage.queue.run(scheduler.reconcile, 2))
        stage.queue.add(KEY)
        await asyncio.sleep(2 * 24 * HOUR + 1)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    run_virtually(days())
    assert len(stage.runs) == 2 * 24 * 4
    assert stage.api.calls.count("replace flows") == 2 * 24 * 4 + 1


def test_a_clock_that_jumps_is_not_believed():
    ours, steady, moved = [1_000_000.0], [50.0], []
    clock = SteadyClock(Clocks(lambda: ours[0], lambda: steady[0]), lambda: moved.append(1))
    clock.measured(0.4)
    steady[0] += 10
    ours[0] += 10 + 86_400  # somebody set it a day ahead
    assert clock.now() == 1_000_010.0
    clock.measured(-86_400.0)
    assert (clock.now(), moved) == (1_000_010.0, [])
    clock.measured(0.0)  # it was the API server's, too
    assert (clock.now(), moved) == (1_086_410.0, [1])
    clock.measured(None)
    assert clock.now() == 1_086_410.0
