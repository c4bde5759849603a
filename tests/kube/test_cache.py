"""The cache in the cluster: found by one GET, kept with its owner, replaced by what is newer, pruned by age."""

from dataclasses import replace
from typing import Any

import pytest

from engine.harness import START, graph_of, pod
from kube.fake_api import FakeApi
from tidegate.api.cacheentry import CacheEntry
from tidegate.api.conditions import timestamp
from tidegate.api.policies import CacheScope
from tidegate.engine import state as states
from tidegate.engine.actions import KeepResult, LookUp
from tidegate.engine.facts import CacheAnswer
from tidegate.engine.run import Run
from tidegate.errors import ApiError, Forbidden, Unavailable
from tidegate.kube.cache import LOOKS, Pruner, keep, look_up
from tidegate.kube.resources import CACHEENTRIES, FLOWS
from tidegate.kube.session import Session
from tidegate.resources.cacheentry import entry_name

KEY = "a" * 64
RUN = Run("ns", "run-1", "uid-run", "flow", "rev", START)


def a_session(run: Run = RUN) -> Session:
    graph = graph_of(pod("a", cache={}))
    return Session(run, graph, states.fresh(graph), {}, 1)


def spec(scope: str = "Flow", **changes: Any) -> dict[str, Any]:
    done = {"time": timestamp(START), "expireTime": timestamp(START + 60), "outputs": {"n": 1, "none": None}}
    return (
        {"flow": "flow", "task": "a", "run": "run-1", "runUID": "uid-run", "scope": scope, "key": KEY} | done | changes
    )


async def kept(api: FakeApi, session: Session | None = None, **changes: Any) -> None:
    await keep(api, session or a_session(), KeepResult((0, 1), spec(**changes)), None)


async def looked_up(api: FakeApi, session: Session, scope: CacheScope = CacheScope.FLOW) -> CacheAnswer:
    assert await look_up(api, session, LookUp((0, 0), KEY, scope), 0.0) == 0.0
    return session.cached[0]


def entries(api: FakeApi) -> list[dict[str, Any]]:
    return [item for (plural, _, _), item in api.objects.items() if plural == "cacheentries"]


async def test_what_was_kept_is_found():
    api = FakeApi()
    api.put(FLOWS, "ns", "flow")
    await kept(api)
    answer = await looked_up(api, a_session(replace(RUN, name="other", uid="uid-other")))
    assert answer == CacheAnswer(spec())


async def test_what_the_run_itself_is_just_keeping_is_found_before_it_is_there():
    session = a_session()
    session.unkept[0, 1] = KeepResult((0, 1), spec())
    assert await looked_up(FakeApi(), session) == CacheAnswer(spec())
    assert await looked_up(FakeApi(), session, CacheScope.NAMESPACE) == CacheAnswer()


async def test_what_was_not_kept_is_not_found():
    assert await looked_up(FakeApi(), a_session()) == CacheAnswer()


@pytest.mark.parametrize(("scope", "owner"), [("Flow", "Flow"), ("Run", "FlowRun"), ("Namespace", None)])
async def test_an_entry_goes_with_those_who_may_take_it(scope: str, owner: str | None):
    api = FakeApi()
    flow = api.put(FLOWS, "ns", "flow")
    await kept(api, scope=scope)
    (entry,) = entries(api)
    owners = entry["metadata"].get("ownerReferences", [])
    assert [o["kind"] for o in owners] == ([owner] if owner else [])
    assert [o["uid"] for o in owners] == {"Flow": [flow["metadata"]["uid"]], "Run": ["uid-run"]}.get(scope, [])
    assert CacheEntry.model_validate(entry).spec.outputs == {"n": 1, "none": None}


async def test_a_result_of_a_flow_that_is_gone_is_not_kept():
    api = FakeApi()
    await kept(api)
    assert entries(api) == []


@pytest.mark.parametrize(("seconds", "run"), [(1, "new"), (0, "run-1"), (-1, "run-1")])
async def test_only_a_newer_result_takes_the_place_of_another(seconds: int, run: str):
    api = FakeApi()
    api.put(FLOWS, "ns", "flow")
    await kept(api)
    await kept(api, time=timestamp(START + seconds), run="new")
    assert [entry["spec"]["run"] for entry in entries(api)] == [run]


@pytest.mark.parametrize("broken", [{}, {"time": "yesterday"}])
async def test_what_somebody_broke_is_replaced(broken: dict[str, Any]):
    api = FakeApi()
    api.put(FLOWS, "ns", "flow")
    api.put(CACHEENTRIES, "ns", entry_name(RUN, CacheScope.FLOW, KEY), {"spec": broken})
    await kept(api)
    assert [entry["spec"] for entry in entries(api)] == [spec()]


async def test_a_look_that_fails_is_tried_again_and_then_the_work_is_done():
    api, session = FakeApi(), a_session()
    api.outage = Unavailable(503, "ServiceUnavailable", "busy")
    for _ in range(LOOKS - 1):
        with pytest.raises(Unavailable):
            await look_up(api, session, LookUp((0, 0), KEY, CacheScope.FLOW), 0.0)
        session.failures[0, 0] = session.failures.get((0, 0), 0) + 1  # as the carrier counts
    answer = await looked_up(api, session)
    assert answer.entry is None
    assert "busy" in answer.problem


async def test_a_look_waits_for_its_time():
    session = a_session()
    session.not_before[0, 0] = 5.0
    assert await look_up(FakeApi(), session, LookUp((0, 0), KEY, CacheScope.FLOW), 3.0) == 2.0
    assert session.cached == {}


@pytest.mark.parametrize("error", [Forbidden(403, "Forbidden", "no rights"), ApiError(405, "MethodNotAllowed", "no")])
async def test_who_may_not_read_the_cache_does_the_work(error: ApiError):
    api = FakeApi()
    api.outage = error
    answer = await looked_up(api, a_session())
    assert "may not be read" in answer.problem


async def test_who_may_not_write_the_cache_goes_on():
    api = FakeApi()
    api.outage = Forbidden(403, "Forbidden", "no rights")
    await kept(api, scope="Run")
    assert entries(api) == []


async def test_pruning_takes_what_has_expired_and_nothing_else():
    api = FakeApi()
    for name, expires in (("old", START - 1), ("new", START + 1)):
        api.put(CACHEENTRIES, "ns", name, {"spec": spec(expireTime=timestamp(expires))})
    api.put(CACHEENTRIES, "ns", "broken", {"spec": {"expireTime": "soon"}})
    api.put(CACHEENTRIES, "other", "elsewhere", {"spec": spec(expireTime=timestamp(START - 1))})
    assert await Pruner(api, ["ns"], lambda: START).prune() == 2
    assert sorted(entry["metadata"]["name"] for entry in entries(api)) == ["elsewhere", "new"]
    assert await Pruner(api, [], lambda: START).prune() == 1
    assert [entry["metadata"]["name"] for entry in entries(api)] == ["new"]


def test_names_say_who_shares_and_differ_with_every_part_of_it():
    others = [RUN, replace(RUN, uid="uid-2", name="run-2"), replace(RUN, flow="flow-2")]
    names = {scope: [entry_name(run, scope, key) for run in others for key in (KEY, "b" * 64)] for scope in CacheScope}
    assert [len(set(found)) for found in names.values()] == [4, 4, 2]
    assert len({name for found in names.values() for name in found}) == 10
    assert all(len(name) <= 253 for found in names.values() for name in found)
    assert names[CacheScope.FLOW][0].startswith("flow-")
    assert names[CacheScope.RUN][0].startswith("run-1-")
    assert names[CacheScope.NAMESPACE][0].startswith("shared-")
