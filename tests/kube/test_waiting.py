"""Answers to decisions as a run gives them: that one does not count says only who knows the run as it is now."""

import pytest

from engine.harness import START, graph_of
from kube.fake_api import FakeApi
from tidegate.api.conditions import find
from tidegate.api.flowapproval import COUNTED
from tidegate.engine import state as states
from tidegate.engine.actions import Answer
from tidegate.engine.run import Run
from tidegate.errors import Conflict
from tidegate.kube.resources import FLOWAPPROVALS, FLOWRUNS
from tidegate.kube.session import Session
from tidegate.kube.store import Store, version_of
from tidegate.kube.waiting import Waiting


class Stage:
    """A run with a task that asks, and one decision on it."""

    def __init__(self) -> None:
        self.api = FakeApi()
        run = self.api.put(FLOWRUNS, "ns", "run", {"spec": {"flowRef": {"name": "f"}}})
        graph = graph_of({"name": "ask", "approval": {}})
        known = Run("ns", "run", run["metadata"]["uid"], "f", "rev", START)
        self.session = Session(known, graph, states.fresh(graph), {}, version_of(run))
        spec = {"run": "run", "runUID": known.uid, "task": "ask", "decision": "Approved", "by": "ann"}
        self.decision = self.api.put(FLOWAPPROVALS, "ns", "d", {"spec": spec})
        self.waiting = Waiting(self.api, Store(), lambda: 0.0)

    async def answer(self, *, counted: bool) -> str:
        """Answer the decision; give what it was told."""
        uid = self.decision["metadata"]["uid"]
        await self.waiting.carry_out(self.session, Answer("d", uid, counted, "Because", "of that", START))
        condition = find(self.api.objects["flowapprovals", "ns", "d"]["status"]["conditions"], COUNTED)
        return condition["status"] if condition else ""


@pytest.mark.parametrize("counted", [True, False])
async def test_a_decision_is_told_whether_it_counted(*, counted: bool):
    assert await Stage().answer(counted=counted) == str(counted)


async def test_who_knows_an_older_run_refuses_nothing():
    stage = Stage()
    stage.api.put(FLOWRUNS, "ns", "run", {"spec": {"flowRef": {"name": "f"}}})
    with pytest.raises(Conflict):
        await stage.answer(counted=False)
    assert "status" not in stage.api.objects["flowapprovals", "ns", "d"]


async def test_that_it_counted_is_in_status_and_may_be_told_by_anybody():
    stage = Stage()
    stage.api.put(FLOWRUNS, "ns", "run", {"spec": {"flowRef": {"name": "f"}}})
    assert await stage.answer(counted=True) == "True"
