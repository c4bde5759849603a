"""Triggers that follow other Flows, on an API server that crashes and loses answers: one run for each end, always."""

import asyncio
import contextlib
import copy

import pytest

from kube.breaking import Broken, break_write
from kube.trigger_stage import TriggerStage
from tidegate.api.conditions import timestamp
from tidegate.engine.afterflows import KEPT, MAX_CHAIN, SLACK
from tidegate.errors import Forbidden, Rejected, Unavailable
from tidegate.kube.awaiting import LONGEST, is_awaited
from tidegate.kube.childruns import see_child
from tidegate.kube.following import chain_of
from tidegate.kube.history import Historian
from tidegate.kube.resources import FLOWRUNS, FLOWS
from tidegate.kube.triggering import Claim
from virtual_loop import run as run_virtually

KEY = ("ns", "report")
NOON = 1_779_278_400
ANY = {"name": "loaded", "flow": {"flows": ["load", "clean"]}}
ALL = {"name": "loaded", "flow": {"flows": ["load", "clean"], "all": True, "withinSeconds": 600}}


class Stage(TriggerStage):
    """A Flow that follows others."""

    def __init__(self, *triggers, created=NOON - 1800, **spec):
        super().__init__("report", "Flow", NOON, created, *triggers, **spec)

    def row(self, name="loaded"):
        return super().row(name)

    def end(self, name, at=None, *, reason="Completed", **more):
        """Let a run of another Flow end; its Flow is the first part of its name."""
        succeeded = {"type": "Succeeded", "status": "True" if reason == "Completed" else "False", "reason": reason}
        when = timestamp(self.now if at is None else at)
        spec = {"flowRef": {"name": name.split("-")[0]}, **more.pop("spec", {})}
        status = {"frozen": {}, "completionTime": when, "conditions": [succeeded], **more.pop("status", {})}
        self.api.put(FLOWRUNS, "ns", name, {"spec": spec, "status": status, "metadata": more})

    def look(self, after=0.0):
        self.now += after
        self.look_now()

    def delete(self, *names):
        for name in names:
            self.api.remove(FLOWRUNS, "ns", name)


def ready(*triggers, **spec):
    """Give a stage whose triggers have begun."""
    stage = Stage(*triggers, **spec)
    stage.look()
    return stage


def test_the_end_of_a_run_starts_one_that_says_what_it_follows():
    params = [{"name": "rows", "type": "integer"}]
    picks = {"params": {"rows": "$[[ event.run.outputs.rows ]]"}, "labels": {"of": "$[[ event.run.flow ]]"}}
    stage = ready({**ANY, **picks}, params=params)
    assert not stage.started
    stage.end("load-1", status={"runOutputs": {"rows": 42}})
    stage.look(after=2)
    ((name, run),) = stage.started.items()
    uid = stage.api.objects["flowruns", "ns", "load-1"]["metadata"]["uid"]
    assert run["spec"] == {
        "flowRef": {"name": "report"},
        "params": {"rows": 42},
        "trigger": {"name": "loaded", "kind": "Flow", "time": timestamp(NOON), "id": uid, "chain": 1},
    }
    assert run["metadata"]["labels"]["of"] == "load"
    assert run["metadata"]["annotations"] == {"tidegate.dev/follows": "load-1"}
    row = stage.row()
    assert (row["lastRun"], row["lastTime"], row["schedule"]) == (
        name,
        timestamp(NOON),
        "any of clean, load: Succeeded",
    )
    assert (stage.begun(), stage.counted("Started")) == ([name], 1)


def test_each_end_starts_one_run_and_a_quiet_look_writes_nothing():
    stage = ready(ANY)
    for name in ("load-1", "load-2", "clean-1"):
        stage.end(name)
    stage.end("load-3", reason="TaskFailed")
    stage.end("other-1")
    stage.look(after=1)
    assert len(stage.begun()) == 3
    before = stage.api.version
    stage.look(after=60)
    assert stage.api.version == before


def test_what_ended_before_the_trigger_was_there_never_counts():
    stage = Stage()
    stage.end("load-1")
    stage.edit(triggers=[ANY])
    stage.look(after=0.5)
    stage.end("load-2")
    stage.look(after=0.5)
    assert len(stage.begun()) == 1
    stage = Stage(ANY)
    stage.end("load-1", at=NOON - 1801)
    stage.end("load-2", at=NOON - 1799)
    stage.look()
    assert len(stage.begun()) == 1, "a Flow that was never edited counts from its creation"


# Crashes


@pytest.mark.parametrize("loses_run", [False, True], ids=["", "and the run is deleted"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("trigger", [ANY, ALL], ids=["any", "all"])
def test_one_run_begins_whatever_write_the_operator_dies_at(trigger, number, after, loses_run):
    stage = ready(trigger, {**trigger, "name": "other"})
    wanted = {"any": 4, "all": 2}["all" if trigger is ALL else "any"]
    stage.end("load-1")
    stage.end("clean-1")
    mend = break_write(stage.api, number, after=after)
    with contextlib.suppress(Broken):
        stage.look(after=1)
    mend()
    begun = stage.begun()
    for name in begun:
        stage.begin(name)
    if loses_run:
        stage.delete(*stage.started)
    for _ in range(2):
        stage.begin_anew()
        stage.look(after=10)
    assert len({*begun, *stage.begun()}) == wanted
    assert stage.counted("Failed") == 0


@pytest.mark.parametrize("is_applied", [False, True])
def test_an_answer_that_is_lost_is_asked_for_again(is_applied):
    stage = ready(ANY)
    original = stage.api.create

    async def lose(*args):
        if is_applied:
            await original(*args)
        raise Unavailable(0, "NoAnswer", "timed out")

    stage.api.create = lose
    stage.end("load-1")
    with pytest.raises(Unavailable):
        stage.look(after=1)
    assert stage.begun() == []
    stage.api.create = original
    stage.look(after=1)
    assert (len(stage.started), stage.begun()) == (1, [stage.row()["lastRun"]])


def test_what_was_done_before_the_api_server_refuses_counts():
    stage = ready(ANY)
    original, made = stage.api.create, []

    async def create(*args):
        if made:
            raise Forbidden(403, "Forbidden", "exceeded quota")
        made.append(await original(*args))
        return made[0]

    stage.api.create = create
    stage.end("load-1")
    stage.end("load-2")
    with pytest.raises(Forbidden):
        stage.look(after=1)
    assert (len(stage.begun()), stage.row()["message"]) == (1, "no run can be started: exceeded quota")
    stage.api.create = original
    stage.look(after=5)
    assert (len(stage.begun()), "message" in stage.row()) == (2, False)


@pytest.mark.parametrize("trigger", [ANY, ALL], ids=["any", "all"])
def test_a_run_that_is_not_named_yet_waits_and_one_that_comes_late_never_begins(trigger):
    stage = ready(trigger)
    stage.end("load-1")
    stage.look(after=1)
    stage.end("clean-1")
    mend = break_write(stage.api, 1, after=True)
    if trigger is ALL:
        with pytest.raises(Broken):
            stage.look(after=1)
        ((name, run),) = stage.started.items()
    else:
        stage.begin(stage.row()["lastRun"])
        stage.delete(stage.row()["lastRun"])
        with pytest.raises(Broken):
            stage.look(after=1)
        ((name, run),) = stage.started.items()
    mend()
    assert stage.claim(run) is Claim.NOT_YET
    stage.begin_anew()
    stage.look(after=1)
    assert stage.begun() == [name]
    stage.begin(name)
    stage.delete(name)
    stage.api.put(FLOWRUNS, "ns", name, {"spec": run["spec"], "metadata": run["metadata"]})
    assert stage.claim(stage.started[name]) is Claim.PASSED


def test_two_operators_at_once_start_one_run():
    stage = ready(ANY)
    stage.end("load-1")
    first = stage.scheduler
    stage.hear()
    stage.begin_anew()
    second = stage.scheduler

    async def both():
        stage.api.latency = 1.0
        await asyncio.gather(first.reconcile(KEY), second.reconcile(KEY))
        await asyncio.gather(first.reconcile(KEY), second.reconcile(KEY))

    run_virtually(both())
    assert (len(stage.started), stage.begun()) == (1, [stage.row()["lastRun"]])


def test_a_view_that_is_old_starts_nothing_that_was_done():
    stage = ready(ANY)
    stage.end("load-1")
    old = copy.deepcopy(stage.flow)
    stage.look(after=1)
    name = stage.row()["lastRun"]
    stage.begin(name)
    stage.delete(name)
    stage.begin_anew()
    stage.store.flows[KEY] = old
    run_virtually(stage.scheduler.reconcile(KEY))
    assert stage.begun() == []
    stage.look(after=1)
    assert stage.begun() == []


def test_another_flow_of_the_name_names_no_run_of_the_one_before():
    stage = ready(ANY)
    stage.end("load-1")
    stage.look(after=1)
    (run,) = stage.started.values()
    spec = stage.flow["spec"]
    stage.api.remove(FLOWS, *KEY)
    assert stage.claim(run) is Claim.NOT_YET
    stage.api.put(FLOWS, *KEY, {"spec": spec, "status": {}})
    assert stage.claim(run) is Claim.PASSED


# Others change the Flow


@pytest.mark.parametrize("is_whole", [False, True], ids=["trigger", "flow"])
def test_what_ends_while_suspended_is_passed_over(is_whole):
    stage = ready(ANY)
    stage.edit(**({"suspend": True} if is_whole else {"triggers": [{**ANY, "suspend": True}]}))
    stage.look(after=1)
    assert stage.row()["suspended"]
    stage.end("load-1")
    stage.look(after=600)
    stage.edit(suspend=False, triggers=[ANY])
    stage.look(after=1)
    assert not stage.started
    stage.end("load-2")
    stage.look(after=1)
    assert len(stage.begun()) == 1


def test_an_edit_of_what_it_follows_begins_anew_and_any_other_does_not():
    stage = ready(ALL)
    stage.end("load-1")
    stage.look(after=1)
    stage.edit(triggers=[{**ALL, "when": "true"}])
    stage.look(after=1)
    assert [one["name"] for one in stage.row()["waiting"]] == ["load-1"]
    stage.edit(triggers=[{**ALL, "flow": {**ALL["flow"], "withinSeconds": 60}}])
    stage.end("clean-1", at=stage.now - 10)
    stage.look(after=1)
    assert ("waiting" in stage.row(), stage.started) == (False, {})


# Sets


def test_a_set_starts_one_run_and_those_that_wait_are_told():
    picks = {"params": {"sum": "$[[ event.runs.load.outputs.n + event.runs.clean.outputs.n ]]"}}
    stage = ready({**ALL, **picks}, params=[{"name": "sum", "type": "integer"}])
    stage.end("load-1", status={"runOutputs": {"n": 1}})
    stage.look(after=1)
    assert (stage.row()["message"], stage.started) == ("load-1 waits for a run of clean", {})
    stage.end("clean-1", status={"runOutputs": {"n": 2}})
    stage.look(after=300)
    (run,) = stage.started.values()
    assert (run["spec"]["params"], stage.begun()) == ({"sum": 3}, [run["metadata"]["name"]])
    assert ("waiting" in stage.row(), "message" in stage.row()) == (False, False)
    stage.end("load-2")
    stage.look(after=1)
    assert len(stage.started) == 1


def test_an_operator_that_has_heard_less_than_the_one_before_completes_a_set():
    stage = ready(ALL)
    stage.end("load-1")
    stage.look(after=1)
    stage.end("clean-1")
    stage.hear()
    living = copy.deepcopy(stage.api.objects["flowruns", "ns", "load-1"])
    del living["status"]["completionTime"]
    stage.store.runs["ns", "load-1"] = living
    stage.hear = lambda: None
    stage.look(after=1)
    assert len(stage.begun()) == 1


def test_what_waits_too_long_is_dropped_when_its_time_has_come():
    stage = ready(ALL)
    stage.end("load-1")
    stage.look(after=1)

    async def hours():
        loop = asyncio.get_running_loop()
        begin = stage.now - loop.time()
        stage.firing.now = lambda: loop.time() + begin
        work = asyncio.create_task(stage.queue.run(stage.scheduler.reconcile, 1))
        stage.queue.add(KEY)
        await asyncio.sleep(600 + SLACK + 60)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    run_virtually(hours())
    assert ("waiting" in stage.row(), stage.counted("Unmatched")) == (False, 1)
    assert stage.row()["message"] == "no run for the end of load-1: the other Flows had none within 600 s"


def test_a_run_that_somebody_deletes_while_it_waits_is_lost_and_told():
    stage = ready(ALL)
    stage.end("load-1")
    stage.look(after=1)
    stage.delete("load-1")
    stage.end("clean-1")
    stage.look(after=1)
    assert not stage.started
    assert stage.row()["message"] == "clean-1 waits for a run of load"
    stage.end("load-2")
    stage.look(after=1)
    assert len(stage.begun()) == 1


# What gets no run


def test_when_decides_and_its_mistakes_are_told():
    stage = ready({**ANY, "when": "event.run.outputs.rows > 10"})
    stage.end("load-1", status={"runOutputs": {"rows": 1}})
    stage.look(after=1)
    assert (stage.row()["message"], stage.counted("Filtered")) == ("no run for the end of load-1: when is false", 1)
    stage.end("load-2")
    stage.look(after=1)
    assert (stage.started, stage.row()["missed"]) == ({}, 1)
    assert any(
        event.startswith("TriggerFailed: trigger loaded: no run for the end of load-2") for event in stage.events
    )


def test_a_live_run_forbids_another():
    stage = ready(ANY, concurrency={"policy": "Forbid"})
    stage.end("load-1")
    stage.end("load-2")
    stage.look(after=1)
    (name,) = stage.started
    told = f"no run for the end of load-2: {name} is live, and concurrency.policy is Forbid"
    assert (stage.row()["message"], stage.counted("Forbidden"), stage.row()["missed"]) == (told, 1, 1)


def test_a_run_that_the_api_server_will_never_take_is_missed():
    stage = ready(ANY)

    original = stage.api.create

    async def create(resource, *args):
        if resource == FLOWRUNS:
            raise Rejected(422, "Invalid", "labels: no")
        return await original(resource, *args)

    stage.api.create = create
    stage.end("load-1")
    stage.look(after=1)
    assert (stage.row()["missed"], stage.row()["message"]) == (1, "no run for the end of load-1: labels: no")


def test_a_chain_that_does_not_end_is_cut():
    stage = ready(ANY)
    stage.end(
        "load-1", spec={"trigger": {"name": "t", "kind": "Flow", "time": timestamp(NOON), "chain": MAX_CHAIN - 1}}
    )
    stage.end("load-2", spec={"trigger": {"name": "t", "kind": "Flow", "time": timestamp(NOON), "chain": MAX_CHAIN}})
    stage.look(after=1)
    (run,) = stage.started.values()
    assert run["spec"]["trigger"]["chain"] == MAX_CHAIN
    assert "looks like a loop of Flows" in stage.row()["message"]


def test_a_child_run_goes_on_the_chain_of_its_parent():
    stage = ready(ANY)
    stage.end("report-1", spec={"trigger": {"name": "t", "kind": "Flow", "chain": 7}})
    uid = stage.api.objects["flowruns", "ns", "report-1"]["metadata"]["uid"]
    stage.end("load-1", labels={"tidegate.dev/parent-uid": uid})
    stage.hear()
    assert chain_of(stage.store, stage.store.runs["ns", "load-1"]) == 7
    ring = copy.deepcopy(stage.store.runs["ns", "load-1"])
    ring["metadata"]["labels"] = {"tidegate.dev/parent-uid": ring["metadata"]["uid"]}
    stage.store.runs["ns", "load-1"] = ring
    assert chain_of(stage.store, ring) == 0, "people may write what they like"


# Much


def test_no_more_is_started_than_can_be_named():
    stage = ready(ANY)
    for number in range(200):
        stage.end(f"load-{number}")
    stage.look(after=1)
    assert len(stage.begun()) == len(stage.row()["started"]) == 128
    for name in list(stage.started)[:100]:
        stage.begin(name)
    stage.look(after=5)
    assert len(stage.started) == 200


def test_a_mark_moves_on_so_that_it_stays_small_and_nothing_is_done_twice():
    stage, begun = ready(ANY), set()
    for number in range(5 * KEPT):
        stage.end(f"load-{number}")
        stage.look(after=10)
        for name in stage.begun():
            begun.add(name)
            stage.begin(name)
    assert len(begun) == len(stage.started) == 5 * KEPT
    assert len(stage.row()["handledRuns"]) <= KEPT + SLACK / 10 + 1
    assert stage.api.calls.count("list flowruns") <= 2 * 4, "it asks seldom, once for each Flow"
    assert (stage.row()["handledTime"], "missed" in stage.row()) > (timestamp(NOON), False)


def test_a_mark_does_not_pass_a_run_that_was_not_heard_of():
    stage = ready(ANY)
    for number in range(KEPT):
        stage.end(f"load-{number}")
    stage.look(after=1)
    stage.end("load-unheard")
    unheard = stage.api.objects.pop(("flowruns", "ns", "load-unheard"))
    stage.hear()
    stage.api.objects["flowruns", "ns", "load-unheard"] = unheard
    stage.hear = lambda: stage.store.put_flow(copy.deepcopy(stage.flow))
    stage.end("clean-1")
    stage.store.put_run(copy.deepcopy(stage.api.objects["flowruns", "ns", "clean-1"]))
    stage.look(after=SLACK + 60)
    assert stage.row()["handledTime"] < timestamp(NOON)
    del stage.hear
    stage.look(after=1)
    assert len(stage.started) == KEPT + 2


# Waking and holding back


def test_the_end_of_a_run_wakes_those_that_follow_its_flow_and_nobody_else():
    stage, woken = ready(ANY), []
    stage.store.followers.tell = woken.append
    stage.end("other-1")
    stage.end("load-1")
    stage.hear()
    assert woken == [KEY]
    stage.end("load-1", labels={"edited": "later"})
    stage.hear()
    assert woken == [KEY]
    again = copy.deepcopy(stage.store.runs["ns", "load-1"])
    again["metadata"] |= {"uid": "another", "resourceVersion": "100000"}
    stage.store.put_run(again)
    assert woken == [KEY, KEY], "another run of the name, of which only the end was heard"
    stage.edit(triggers=[{**ANY, "flow": {"flows": ["clean"]}}])
    stage.hear()
    stage.end("load-2")
    stage.hear()
    assert woken == [KEY, KEY]


def fate(stage, name):
    return run_virtually(Historian(stage.api, stage.store).judge(stage.store.runs["ns", name], stage.now))


def test_a_run_is_not_deleted_before_its_followers_have_dealt_with_it():
    stage = ready(ANY)
    stage.end("load-1", spec={"ttlSecondsAfterFinished": 0})
    stage.now += 1
    stage.hear()
    assert not fate(stage, "load-1").gone
    stage.look()
    assert fate(stage, "load-1").gone


def test_a_run_that_waits_for_others_is_kept_as_long_as_it_may():
    stage = ready(ALL)
    stage.end("load-1", spec={"ttlSecondsAfterFinished": 0})
    stage.look(after=1)
    assert not fate(stage, "load-1").gone
    stage.now += 600 + SLACK
    assert fate(stage, "load-1").gone


def awaited(stage, **more):
    stage.end("load-1", **more)
    stage.hear()
    return is_awaited(stage.store, stage.store.runs["ns", "load-1"], stage.now)


def test_who_is_awaited():
    assert awaited(ready(ANY))
    assert not awaited(ready(ANY), reason="TaskFailed")
    assert not awaited(ready({**ANY, "suspend": True}))
    assert not awaited(ready(ANY, suspend=True))
    assert not awaited(ready({"name": "daily", "cron": {"schedules": ["@daily"]}}))
    assert awaited(Stage(ANY)), "it is not begun yet, and counts from its creation"
    assert not awaited(Stage(ANY), at=NOON - 3600)
    assert not awaited(ready(ANY), at=NOON - LONGEST - 1)


def test_a_parent_is_kept_for_its_child():
    stage = ready(ANY)
    stage.end("batch-1", spec={"ttlSecondsAfterFinished": 0})
    uid = stage.api.objects["flowruns", "ns", "batch-1"]["metadata"]["uid"]
    labels = {"parent-uid": uid, "task": "t", "slot": "0", "attempt": "1"}
    stage.end("load-1", labels={f"tidegate.dev/{name}": value for name, value in labels.items()})
    stage.hear()
    stage.store.put_child(see_child(stage.api.objects["flowruns", "ns", "load-1"]))
    assert not fate(stage, "batch-1").gone
    stage.look(after=1)
    assert fate(stage, "batch-1").gone
