"""Child runs as the operator handles them: a stop is told once, the stricter one stays, and pods are waited for."""

from typing import Any

import pytest

from engine.harness import START, graph_of
from kube.fake_api import FakeApi
from tidegate.api import keys
from tidegate.engine import state as states
from tidegate.engine.actions import StopChild
from tidegate.engine.calling import PARENT_STOPPED
from tidegate.engine.facts import Confirmed
from tidegate.engine.run import Run
from tidegate.engine.wishes import Stop
from tidegate.kube.calling import Calling
from tidegate.kube.claims import Claims
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

    async def stop(self, state: str) -> float | None:
        """Carry out a stop; give the seconds after which to look again."""
        action = StopChild(ATTEMPT, "call", "inner", Stop(state, PARENT_STOPPED, ""))
        return await self.calling.carry_out(self.session, action, 0.0)

    @property
    def is_over(self) -> bool:
        return Confirmed.STOPPED in self.session.confirmed.get(ATTEMPT, ())


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
