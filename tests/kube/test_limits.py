"""The lock of a Flow: one live look decides for all its runs, and what it said is believed while nothing changes."""

import asyncio
from typing import Any

import pytest

from kube.fake_api import FakeApi
from tidegate.api import keys
from tidegate.api.conditions import timestamp
from tidegate.errors import Conflict
from tidegate.kube.graphs import Graphs
from tidegate.kube.limits import Limits
from tidegate.kube.resources import FLOWRUNS, FLOWS, PODS
from tidegate.kube.standings import LAST, LATER, Standing
from tidegate.kube.store import Store
from virtual_loop import on_virtual_time

NOW = 1_764_000_000.0


class Place:
    """A cluster with one Flow that an operator has seen all of; `woken` are the runs that it was told to look at."""

    def __init__(self, **concurrency: Any) -> None:
        self.api, self.store, self.now = FakeApi(), Store(), 0.0
        self.woken: list[str] = []
        self.limits = Limits(self.api, self.store, Graphs(), lambda: self.now, lambda key: self.woken.append(key[1]))
        self.flow(**concurrency)

    def flow(self, key: str = "", **concurrency: Any) -> None:
        params = [{"name": "region", "type": "string", "required": False}]
        concurrency = {**concurrency, **({"key": key} if key else {})}
        spec = {"concurrency": concurrency, "params": params, "tasks": [{"name": "a", "wait": {"seconds": 1}}]}
        known = self.api.objects.get(("flows", "ns", "flow")) or {}
        self.store.put_flow(self.api.put(FLOWS, "ns", "flow", {"spec": spec, "status": known.get("status") or {}}))

    def run(self, name: str, key: str | None = "", *, admitted: bool = False, **more: Any) -> None:
        """Put a run there, and in line if it is not admitted."""
        frozen = {"params": more.pop("params", {}), **({} if key is None else {"key": key})}
        status = {"frozen": frozen, **({"ledger": {"slots": "W", "attempts": [0]}} if admitted else {})}
        status |= more.pop("status", {})
        count = len(self.api.objects)
        metadata = {"creationTimestamp": timestamp(NOW + count), **more.pop("metadata", {})}
        spec = {"flowRef": {"name": "flow"}, **more}
        obj = self.api.put(FLOWRUNS, "ns", name, {"metadata": metadata, "spec": spec, "status": status})
        self.store.put_run(obj)
        if not admitted:
            self.store.lines.join(("ns", name), ("ns", "flow"))

    def end(self, name: str) -> None:
        obj = self.api.objects["flowruns", "ns", name]
        ended = {**obj, "status": {**obj["status"], "completionTime": timestamp(NOW)}}
        self.store.put_run(self.api.put(FLOWRUNS, "ns", name, ended))

    def pod(self, run: str, phase: str) -> None:
        uid = self.api.objects["flowruns", "ns", run]["metadata"]["uid"]
        labels = {keys.LABEL_RUN_UID: uid, keys.LABEL_FLOW: "flow", keys.LABEL_RUN: run}
        body = {"metadata": {"labels": labels}, "status": {"phase": phase}}
        self.api.put(PODS, "ns", f"pod-of-{run}", body)

    async def ask(self, name: str) -> Standing:
        return await self.limits.contend(self.store.runs["ns", name])

    def active(self) -> list[str]:
        flow = self.api.objects["flows", "ns", "flow"]
        return [row["name"] for row in (flow.get("status") or {}).get("active") or ()]

    def status(self, name: str) -> dict[str, Any]:
        return dict(self.api.objects["flowruns", "ns", name]["status"])

    def asked(self) -> int:
        """Give how often runs were listed since this was asked last."""
        count = self.api.calls.count("list flowruns")
        self.api.calls.clear()
        return count


async def test_one_look_answers_all_who_ask():
    place = Place(policy="Queue")
    for name in ("a", "b", "c"):
        place.run(name)
    assert (await place.ask("b")).message == "place 1 in the queue: a of 1 allowed is live"
    assert sorted(place.woken) == ["a", "c"]
    assert (await place.ask("a")).admitted
    assert (await place.ask("c")).message == "place 2 in the queue: a of 1 allowed is live"
    assert place.asked() == 1
    assert place.active() == ["a"]


async def test_the_first_in_line_looks_again_sooner_than_the_others():
    place = Place(policy="Queue")
    for name in ("a", "b", "c"):
        place.run(name)
    assert ((await place.ask("b")).again, (await place.ask("c")).again) == (LATER, LAST)
    place.asked()
    place.now = LATER - 1
    await place.ask("b")
    assert place.asked() == 0
    place.now = LATER
    await place.ask("b")
    await place.ask("c")
    assert place.asked() == 1


async def test_what_comes_is_looked_at():
    place = Place(policy="Queue")
    place.run("a")
    await place.ask("a")
    place.run("b", priority=1)
    assert (await place.ask("b")).message.startswith("place 1")
    assert place.asked() == 2


async def test_a_place_that_was_remembered_is_taken_only_when_the_flow_still_says_so():
    place = Place(policy="Queue")
    place.run("a")
    place.run("b")
    await place.ask("b")
    flow = place.api.objects["flows", "ns", "flow"]
    place.api.put(FLOWS, "ns", "flow", {**flow, "status": {}})  # and nobody has heard of it yet
    assert (await place.ask("a")).admitted
    assert place.active() == ["a"]


async def test_a_place_is_held_until_no_pod_lives_and_asked_for_ever_more_rarely():
    place = Place(policy="Queue")
    place.run("a")
    await place.ask("a")
    place.end("a")
    place.pod("a", "Running")
    place.run("b")
    waits = []
    for _ in range(7):
        standing = await place.ask("b")
        waits.append(standing.again)
        place.now += standing.again
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert standing.message == "place 1 in the queue: a (ended, its pods are going) of 1 allowed is live"
    place.pod("a", "Succeeded")
    assert (await place.ask("b")).admitted


async def test_runs_that_began_while_there_was_no_limit_hold_places_by_their_key_of_today():
    place = Place(policy="Allow")
    place.run("a", None, admitted=True, params={"region": "eu"})
    place.run("b", None, admitted=True, params={"region": "us"})
    place.run("c", None, admitted=True)
    place.flow("$[[ params.region ]]", policy="Queue")
    place.run("d", "eu")
    place.run("e", "apac")
    assert (await place.ask("d")).message == "place 1 in the queue of key eu: a of 1 allowed is live"
    assert (await place.ask("e")).admitted
    assert sorted(place.active()) == ["a", "b", "c", "e"]
    place.end("a")
    assert (await place.ask("d")).admitted


async def test_a_flow_that_was_replaced_knows_who_lives():
    place = Place(policy="Queue", limit=2)
    place.run("a", admitted=True)
    place.run("b")
    place.run("c")
    assert (await place.ask("b")).admitted
    assert not (await place.ask("c")).admitted
    assert place.active() == ["a", "b"]


@pytest.mark.parametrize("later", [0.0, 0.5, 1.5])
@on_virtual_time
async def test_of_two_operators_that_decide_at_the_same_time_one_has_to_ask_again(later: float):
    """Each request takes a second: the second one has read before the first one writes."""
    one = Place(policy="Queue")
    one.run("first")
    one.run("second")
    other = Limits(one.api, one.store, Graphs(), lambda: 0.0, lambda _: None)
    one.api.latency = 1.0
    asked = asyncio.create_task(one.ask("first"))
    await asyncio.sleep(later)
    with pytest.raises(Conflict):
        await other.contend(one.store.runs["ns", "second"])
    await asked
    assert one.active() == ["first"]


async def test_who_is_being_deleted_before_it_began_gets_no_place():
    place = Place(policy="Queue")
    place.run("a", metadata={"deletionTimestamp": timestamp(NOW)})
    place.run("b")
    assert (await place.ask("b")).admitted


async def test_all_wait_while_there_is_no_flow():
    place = Place(policy="Queue")
    place.run("a")
    place.run("b")
    place.api.remove(FLOWS, "ns", "flow")
    standings = [await place.ask("a"), await place.ask("b")]
    assert {standing.reason for standing in standings} == {"FlowNotFound"}
    assert place.woken == ["b"]
    assert place.api.calls == ["get flows"]


async def test_a_limit_that_cannot_be_read_lets_nobody_in_and_says_so():
    place = Place(policy="Sometimes")
    place.run("a")
    standing = await place.ask("a")
    assert (standing.admitted, standing.refusal, standing.reason) == (False, None, "InvalidSpec")
    assert "spec.concurrency of its Flow cannot be read (policy" in standing.message
    place.flow(policy="Queue")
    assert (await place.ask("a")).admitted


@pytest.mark.parametrize(("limit", "stopped"), [(1, ["a", "b"]), (2, ["a"]), (3, [])])
async def test_replace_stops_as_many_of_the_oldest_as_are_in_the_way(limit: int, stopped: list[str]):
    place = Place(policy="Replace", limit=limit)
    place.run("a", admitted=True)
    place.run("b", admitted=True)
    place.run("c")
    standing = await place.ask("c")
    told = [name for kind, _, name in place.api.objects if kind == "flowruns" and "stop" in place.status(name)]
    assert (told, standing.admitted) == (stopped, not stopped)


async def test_who_is_replaced_and_takes_its_time_is_named_and_not_asked_for_all_the_while():
    place = Place(policy="Replace")
    place.run("a", admitted=True, status={"stop": {"state": "Cancelled"}})
    place.run("b")
    standing = await place.ask("b")
    assert standing.message == "place 1 in the queue: a (stopping) of 1 allowed is live"
    assert standing.again == LATER


async def test_a_child_learns_that_its_ancestor_holds_the_place_also_when_another_has_looked():
    place = Place(policy="Queue")
    place.run("a", admitted=True)
    uid = place.api.objects["flowruns", "ns", "a"]["metadata"]["uid"]
    owner = {"kind": "FlowRun", "name": "a", "uid": uid, "controller": True}
    place.run("child", metadata={"ownerReferences": [owner]})
    place.run("other")
    await place.ask("other")
    refusal = (await place.ask("child")).refusal
    assert refusal is not None
    assert refusal.reason == "HeldByAncestor"


async def test_a_run_that_is_not_there_any_more_gets_nothing():
    place = Place(policy="Queue")
    place.run("a")
    place.api.remove(FLOWRUNS, "ns", "a")
    standing = await place.ask("a")
    assert not standing.admitted
    assert place.active() == []


@pytest.mark.parametrize("is_gone", [False, True], ids=["it is over", "it is gone"])
async def test_a_run_that_began_without_a_limit_counts_until_its_last_pod_has_ended(is_gone: bool):  # noqa: FBT001
    place = Place(policy="Queue", key="$[[ params.region ]]" if not is_gone else "")
    place.run("early", None, admitted=True, params={"region": "west"})
    place.pod("early", "Running")
    place.end("early")
    if is_gone:
        await place.api.delete(FLOWRUNS, "ns", "early")
    place.run("a", "" if is_gone else "west")
    message = (await place.ask("a")).message
    assert message.startswith("place 1 in the queue")
    assert message.endswith(": early (ended, its pods are going) of 1 allowed is live")
    assert place.active() == ["early"]
    pod = place.api.objects["pods", "ns", "pod-of-early"]
    place.api.put(PODS, "ns", "pod-of-early", {**pod, "status": {"phase": "Succeeded"}})
    place.now = LATER
    assert (await place.ask("a")).admitted
    assert place.active() == ["a"]


async def test_pods_are_asked_for_once_for_each_edit_of_a_limit():
    place = Place(policy="Queue")
    for name in ("a", "b", "c"):
        place.run(name)
        await place.ask(name)
    assert place.api.calls.count("list pods") == 1
    place.flow(policy="Queue", limit=2)
    await place.ask("b")
    assert place.api.calls.count("list pods") == 2
