"""Which finished runs go: what was seen may be old, so what is deleted is what the cluster still has too many of."""

from typing import Any

import pytest

from kube.fake_api import FakeApi
from tidegate.api import keys
from tidegate.api.conditions import timestamp
from tidegate.engine.retention import GRACE
from tidegate.kube.history import EVENT_SECONDS, Fate, Historian
from tidegate.kube.resources import BACKFILLS, FLOWRUNS, FLOWS
from tidegate.kube.store import Store

NOW = 1_764_000_000.0


class Place:
    """A cluster with one Flow, and what an operator has seen of it: all, until it looks away."""

    def __init__(self, **history: int) -> None:
        self.api, self.store = FakeApi(), Store()
        self.historian = Historian(self.api, self.store)
        self.seen = True
        self.keep(**history)

    def keep(self, **history: int) -> None:
        flow = self.api.put(FLOWS, "ns", "flow", {"spec": {"history": history}})
        if self.seen:
            self.store.put_flow(flow)

    def run(self, name: str, ended: float | None = None, *, owned: bool = True, good: bool = True, **more: Any) -> None:
        uid = self.api.objects["flows", "ns", "flow"]["metadata"]["uid"]
        owners = [{"kind": "Flow", "name": "flow", "uid": uid, "controller": True}] if owned else []
        condition = {"type": "Succeeded", "status": str(good)}
        status = {} if ended is None else {"completionTime": timestamp(NOW + ended), "conditions": [condition]}
        created = timestamp(NOW + more.pop("created", 0.0))
        metadata = {"ownerReferences": owners, "labels": more.pop("labels", {}), "creationTimestamp": created}
        spec = {"flowRef": {"name": "flow"}, **more}
        obj = self.api.put(FLOWRUNS, "ns", name, {"metadata": metadata, "spec": spec, "status": status})
        if self.seen:
            self.store.put_run(obj)

    def uid(self, name: str) -> str:
        return str(self.api.objects["flowruns", "ns", name]["metadata"]["uid"])

    def there(self) -> list[str]:
        return sorted(name for kind, _, name in self.api.objects if kind == "flowruns")

    async def look(self, name: str, now: float = 0.0) -> Fate:
        return await self.historian.judge(self.store.runs["ns", name], NOW + now)

    async def look_at_all(self, now: float = 0.0) -> None:
        for key in list(self.store.runs):
            if key in self.store.runs:
                await self.look(key[1], now)


def a_place(count: int, **history: int) -> Place:
    """Give a place with runs that ended one after another."""
    place = Place(**history)
    for number in range(count):
        place.run(f"run-{number}", float(number))
    return place


async def test_the_newest_stay_of_each_result_and_those_of_people():
    place = Place(succeeded=1, failed=2)
    for number in range(4):
        place.run(f"good-{number}", float(number))
        place.run(f"bad-{number}", float(number), good=False)
        place.run(f"mine-{number}", float(number), owned=False)
    place.run("live")
    await place.look_at_all()
    assert place.there() == ["bad-2", "bad-3", "good-3", "live", *(f"mine-{number}" for number in range(4))]


async def test_one_look_at_one_of_many_deletes_all_that_are_too_many_with_one_list():
    place = a_place(30, succeeded=2)
    assert (await place.look("run-7")).gone
    assert place.there() == ["run-28", "run-29"]
    assert place.api.calls.count("list flowruns") == 1


async def test_nobody_is_asked_while_there_are_not_too_many():
    place = a_place(3, succeeded=3)
    await place.look_at_all()
    assert place.api.calls == []


async def test_none_too_many_goes_when_somebody_else_has_just_deleted_one():
    place = a_place(3, succeeded=2)
    place.api.remove(FLOWRUNS, "ns", "run-2")
    assert not (await place.look("run-0")).gone
    assert place.there() == ["run-0", "run-1"]


async def test_what_is_going_already_does_not_count():
    place = a_place(3, succeeded=2)
    place.api.objects["flowruns", "ns", "run-2"]["metadata"]["deletionTimestamp"] = timestamp(NOW)
    await place.look("run-0")
    assert place.there() == ["run-0", "run-1", "run-2"]


async def test_a_history_that_was_just_made_longer_is_heeded():
    place = a_place(3, succeeded=1)
    place.seen = False
    place.keep(succeeded=3)
    await place.look_at_all()
    assert place.there() == ["run-0", "run-1", "run-2"]


async def test_a_flow_that_is_just_gone_takes_its_runs_itself():
    place = a_place(3, succeeded=1)
    place.api.remove(FLOWS, "ns", "flow")
    await place.look_at_all()
    assert place.there() == ["run-0", "run-1", "run-2"]


async def test_what_a_live_rerun_names_stays_until_that_has_ended():
    place = a_place(3, succeeded=1)
    place.run("again", rerun={"of": "run-0"}, owned=False)
    await place.look_at_all()
    assert place.there() == ["again", "run-0", "run-2"]
    place.run("again", 9.0, rerun={"of": "run-0"}, owned=False)
    await place.look_at_all()
    assert place.there() == ["again", "run-2"]


async def test_nothing_goes_before_a_run_is_heard_of_that_may_need_it():
    place = a_place(3, succeeded=1)
    place.seen = False
    place.run("again", rerun={"of": "run-0"}, owned=False)
    assert (await place.look("run-0")).again
    assert place.there() == ["again", "run-0", "run-1", "run-2"]


async def test_a_child_run_stays_as_long_as_its_parent_lives():
    place = Place(succeeded=0)
    place.run("parent", owned=False)
    place.run("child", 1.0, labels={keys.LABEL_PARENT_UID: place.uid("parent")})
    place.run("orphan", 1.0, labels={keys.LABEL_PARENT_UID: "gone"})
    await place.look_at_all(1.0 + GRACE)
    assert place.there() == ["child", "parent"]
    place.run("parent", 2.0, owned=False)
    await place.look_at_all(1.0 + GRACE)
    assert place.there() == ["parent"]


@pytest.mark.parametrize("kept", [{"history": {"succeeded": 0}}, {"ttl": 0}])
async def test_a_child_run_stays_as_long_as_the_request_that_created_it_may_come_late(kept: dict[str, Any]):
    place = Place(**kept.get("history", {}))
    more = {"ttlSecondsAfterFinished": kept["ttl"]} if "ttl" in kept else {}
    place.run("child", 1.0, labels={keys.LABEL_PARENT_UID: "gone"}, **more)
    assert await place.look("child", 2.0) == Fate(again=GRACE - 1.0)
    assert place.there() == ["child"]
    assert (await place.look("child", 1.0 + GRACE)).gone


async def test_no_run_that_is_too_many_takes_a_child_along_whose_name_is_still_held():
    place = Place(succeeded=0)
    place.run("child", 1.0, labels={keys.LABEL_PARENT_UID: "gone"})
    place.run("mine", 2.0)
    assert (await place.look("mine", 3.0)).gone
    assert place.there() == ["child"]


@pytest.mark.parametrize("kept", [{"history": {"succeeded": 0}}, {"ttl": 0}])
async def test_the_run_of_an_event_stays_for_a_day_for_the_event_may_be_sent_again(kept: dict[str, Any]):
    place = Place(**kept.get("history", {}))
    more = {"ttlSecondsAfterFinished": kept["ttl"]} if "ttl" in kept else {}
    place.run("event", 60.0, created=50.0, trigger={"name": "hook", "kind": "Webhook", "id": "1"}, **more)
    place.run("other", 60.0)
    await place.look_at_all(60.0)
    assert await place.look("event", 60.0) == Fate(again=EVENT_SECONDS + 540.0)
    assert "event" in place.there()
    assert (await place.look("event", 600.0 + EVENT_SECONDS)).gone


async def test_runs_of_events_of_ten_minutes_go_together():
    place = Place(succeeded=0)
    for number in range(1, 30):
        place.run(f"event-{number}", 600.0, created=20.0 * number, trigger={"name": "hook", "kind": "Webhook"})
    place.run("later", 700.0, created=601.0, trigger={"name": "hook", "kind": "Webhook"})
    assert (await place.look("event-1", 600.0 + EVENT_SECONDS)).gone
    assert place.there() == ["later"]
    assert place.api.calls.count("list flowruns") == 1


async def test_a_run_of_somebodys_own_is_no_event_whatever_it_says():
    place = Place()
    place.run("mine", 0.0, owned=False, trigger={"name": "hook", "kind": "Webhook"}, ttlSecondsAfterFinished=60)
    assert (await place.look("mine", 60.0)).gone


@pytest.mark.parametrize(("now", "left", "again"), [(59.0, ["run"], 1.0), (60.0, [], None)])
async def test_a_run_goes_when_its_own_time_has_passed(now: float, left: list[str], again: float | None):
    place = Place()
    place.run("run", 0.0, owned=False, ttlSecondsAfterFinished=60)
    assert await place.look("run", now) == Fate(gone=not left, again=again)
    assert place.there() == left


async def test_a_run_that_was_just_given_more_time_has_it():
    place = Place()
    place.run("run", 0.0, owned=False, ttlSecondsAfterFinished=60)
    place.seen = False
    place.run("run", 0.0, owned=False, ttlSecondsAfterFinished=100)
    assert await place.look("run", 60.0) == Fate(again=40.0)
    assert place.there() == ["run"]


async def test_a_run_whose_time_has_passed_waits_for_the_one_that_does_it_again():
    place = Place()
    place.run("run", 0.0, owned=False, ttlSecondsAfterFinished=60)
    place.run("again", rerun={"of": "run"}, owned=False)
    assert not (await place.look("run", 99.0)).gone
    assert place.there() == ["again", "run"]


async def test_a_run_stays_until_the_backfill_that_started_it_has_counted_it():
    place = a_place(0, succeeded=0)
    live = [{"uid": "uid-3", "time": timestamp(NOW)}]
    status = {"live": live, "handledTime": timestamp(NOW)}
    backfill = place.api.put(BACKFILLS, "ns", "again", {"spec": {"flowRef": {"name": "flow"}}, "status": status})
    trigger = {"name": "t", "kind": "Backfill", "time": timestamp(NOW), "id": backfill["metadata"]["uid"]}
    place.run("by-backfill", 0, trigger=trigger | {"backfill": "again"}, ttlSecondsAfterFinished=1)
    place.run("by-trigger", 0)
    assert place.uid("by-backfill") == "uid-3"
    await place.look_at_all(now=GRACE + 10)
    assert place.there() == ["by-backfill"]
    place.store.put_backfill(place.api.put(BACKFILLS, "ns", "again", {**backfill, "status": {**status, "live": []}}))
    await place.look_at_all(now=GRACE + 10)
    assert place.there() == []
