"""Child runs as the operator handles them: brought back only after a live look, told to stop once, waited for."""

from typing import Any

import pytest

from engine.harness import START, graph_of
from kube.fake_api import FakeApi
from tidegate.api import keys
from tidegate.engine import state as states
from tidegate.engine.actions import StartChild, StopChild
from tidegate.engine.calling import PARENT_STOPPED
from tidegate.engine.facts import Confirmed
from tidegate.engine.inputs import Call
from tidegate.engine.run import Run
from tidegate.engine.wishes import Stop
from tidegate.errors import Conflict
from tidegate.kube.calling import Calling
from tidegate.kube.claims import FRESH_SECONDS, Claims
from tidegate.kube.resources import FLOWRUNS, PODS
from tidegate.kube.session import Session
from tidegate.kube.store import Store
from tidegate.resources.flowrun import child_name

ATTEMPT = (0, 1)
RUN = Run("ns", "run-1", "uid-run", "outer", "rev", START)
CHILD = child_name(RUN, ATTEMPT, "call")
ENDED = {"completionTime": "2026-01-01T00:00:00Z"}


class Stage:
    """A run that calls a Flow, and its child run as the cluster has it."""

    def __init__(self, **status: Any) -> None:
        self.api = FakeApi()
        graph = graph_of({"name": "call", "flow": {"name": "inner"}})
        self.session = Session(RUN, graph, states.fresh(graph), {}, 1)
        store = Store()
        self.calling = Calling(self.api, store, Claims(self.api, store, lambda: 0.0))
        body = {
            "metadata": {
                "labels": {keys.LABEL_PARENT_UID: RUN.uid, keys.LABEL_SLOT: "0", keys.LABEL_ATTEMPT: "1"},
                "ownerReferences": [{"kind": "FlowRun", "name": RUN.name, "uid": RUN.uid, "controller": True}],
            },
            "spec": {"flowRef": {"name": "inner"}},
            "status": status,
        }
        self.api.put(FLOWRUNS, "ns", CHILD, body)

    async def start(self, slots: str, attempt: int, *, fresh: bool = False, decided: float = 0.0) -> None:
        """See that the child run exists, while the parent, read live, says so of its only task."""
        status = {"ledger": {"slots": slots, "attempts": [attempt]}}
        self.api.put(FLOWRUNS, "ns", RUN.name, {"spec": {"flowRef": {"name": "outer"}}, "status": status})
        self.api.objects["flowruns", "ns", RUN.name]["metadata"]["uid"] = RUN.uid
        call = Call("inner", {}, detached=False, depth=1, root="root")
        await self.calling.carry_out(self.session, StartChild(ATTEMPT, "call", call, fresh), decided)

    async def stop(self, state: str) -> float | None:
        """Carry out a stop; give the seconds after which to look again."""
        action = StopChild(ATTEMPT, "call", "inner", Stop(state, PARENT_STOPPED, ""))
        return await self.calling.carry_out(self.session, action, 0.0)

    @property
    def is_over(self) -> bool:
        return Confirmed.STOPPED in self.session.confirmed.get(ATTEMPT, ())


@pytest.mark.parametrize(("slots", "attempt"), [("X", 1), ("F", 1), ("Z", 1), ("I", 2)])
@pytest.mark.parametrize("late", [{"fresh": False}, {"fresh": True, "decided": -FRESH_SECONDS}])
async def test_a_child_that_was_decided_on_earlier_comes_only_while_its_parent_names_it(
    slots: str, attempt: int, late: dict[str, Any]
):
    stage = Stage()
    stage.api.remove(FLOWRUNS, "ns", CHILD)
    with pytest.raises(Conflict):
        await stage.start(slots, attempt, **late)
    assert ("flowruns", "ns", CHILD) not in stage.api.objects


@pytest.mark.parametrize("is_left", [True, False])
async def test_a_child_that_was_lost_comes_back_but_not_while_pods_of_it_are_left(*, is_left: bool):
    stage = Stage()
    stage.api.remove(FLOWRUNS, "ns", CHILD)
    phase = "Running" if is_left else "Failed"
    stage.api.put(PODS, "ns", "pod", {"metadata": {"labels": {keys.LABEL_RUN: CHILD}}, "status": {"phase": phase}})
    await stage.start("I", 1)
    assert (("flowruns", "ns", CHILD) in stage.api.objects) is not is_left


@pytest.mark.parametrize(
    ("known", "wanted", "told"),
    [
        (None, "Cancelled", "Cancelled"),
        ("Cancelled", "Terminated", "Terminated"),
        ("Terminated", "Cancelled", "Terminated"),
        ("Cancelled", "Cancelled", "Cancelled"),
    ],
)
async def test_of_two_stops_the_stricter_one_holds(known: str | None, wanted: str, told: str):
    stage = Stage(**({"stop": {"state": known, "reason": "DeadlineExceeded"}} if known else {}))
    await stage.stop(wanted)
    stop = stage.api.objects["flowruns", "ns", CHILD]["status"]["stop"]
    assert stop["state"] == told
    assert stop["reason"] == ("DeadlineExceeded" if told == known else PARENT_STOPPED)
    assert not stage.is_over


@pytest.mark.parametrize(("phase", "is_over"), [("Running", False), ("Pending", False), ("Succeeded", True)])
async def test_a_child_that_ended_is_over_when_no_pod_of_its_name_lives(phase: str, *, is_over: bool):
    """One that somebody deleted ends as the run that holds its name, while its pods are still being stopped."""
    stage = Stage(**ENDED)
    stage.api.put(PODS, "ns", "pod", {"metadata": {"labels": {keys.LABEL_RUN: CHILD}}, "status": {"phase": phase}})
    again = await stage.stop("Cancelled")
    assert (stage.is_over, again == 0.0) == (is_over, is_over)


@pytest.mark.parametrize("whose", ["nobody's", "another run's", "another attempt's"])
async def test_a_run_that_has_the_name_and_is_not_the_attempts_own_is_left_alone(whose: str):
    stage = Stage()
    labels = stage.api.objects["flowruns", "ns", CHILD]["metadata"]["labels"]
    owner = stage.api.objects["flowruns", "ns", CHILD]["metadata"]["ownerReferences"][0]
    if whose == "nobody's":
        labels.clear()
    elif whose == "another run's":
        labels[keys.LABEL_PARENT_UID] = owner["uid"] = "uid-other"
    else:
        labels[keys.LABEL_ATTEMPT] = "2"
    await stage.stop("Cancelled")
    assert "stop" not in stage.api.objects["flowruns", "ns", CHILD]["status"]
    assert stage.is_over
    await stage.start("I", 1, fresh=True)
    assert stage.session.rejections[ATTEMPT].reason == "NameCollision"
