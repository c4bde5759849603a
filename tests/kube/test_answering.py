"""Decisions that no living run answers: for one that has ended, that is gone, that is another by now."""

import asyncio
import random
from typing import Any

import pytest

from kube.fake_api import FakeApi
from tidegate.api.conditions import find
from tidegate.api.flowapproval import COUNTED
from tidegate.engine import approval as rules
from tidegate.engine.actions import Answer
from tidegate.kube.answering import ApprovalReconciler, answer
from tidegate.kube.approvals import answer_in
from tidegate.kube.client import Object
from tidegate.kube.queue import WorkQueue
from tidegate.kube.resources import FLOWAPPROVALS, FLOWRUNS
from tidegate.kube.store import RunKey, Store

KEY = ("ns", "d")
SPEC = {"run": "run", "runUID": "uid-run", "task": "ask", "decision": "Approved", "by": "ann"}


class Stage:
    """One decision, and the run it is on as the cluster and the store have it."""

    def __init__(self, **spec: Any) -> None:
        self.api, self.store = FakeApi(), Store()
        self.approval = self.api.put(FLOWAPPROVALS, "ns", "d", {"spec": {**SPEC, **spec}})
        self.store.put_approval(self.approval)
        self.queue: WorkQueue[RunKey] = WorkQueue(rng=random.Random(0))
        self.reconciler = ApprovalReconciler(self.api, self.store, self.queue, lambda: 1000.0)

    def run(self, uid: str = "uid-run", *, is_known: bool = True, **status: Any) -> None:
        obj = self.api.put(FLOWRUNS, "ns", "run", {"spec": {"flowRef": {"name": "f"}}, "status": status})
        obj["metadata"]["uid"] = uid
        self.api.objects["flowruns", "ns", "run"]["metadata"]["uid"] = uid
        if is_known:
            self.store.put_run(obj)

    def reconcile(self) -> tuple[str, str] | None:
        asyncio.run(self.reconciler.reconcile(KEY))
        return self.told()

    def told(self) -> tuple[str, str] | None:
        condition = find(self.stored.get("status", {}).get("conditions"), COUNTED)
        return (condition["status"], condition["reason"]) if condition else None

    @property
    def stored(self) -> Object:
        return self.api.objects["flowapprovals", "ns", "d"]

    def counted(self) -> dict[str, Any]:
        """Give the ledger of a run that took this decision up."""
        digest = rules.digest_of(self.approval["metadata"]["uid"])
        return {"slots": "S", "attempts": [0], "decided": [[0, digest]]}


def test_a_decision_on_a_run_that_goes_on_is_left_to_the_run():
    stage = Stage()
    stage.run(progress="0/1")
    assert stage.reconcile() is None
    assert stage.queue.depth == 0, "it is looked at again later, not at once"


def test_a_run_that_nobody_knows_yet_is_read_before_anything_is_said():
    stage = Stage()
    stage.run(is_known=False, progress="0/1")
    assert stage.reconcile() is None


def test_a_decision_on_no_run_is_told_so():
    stage = Stage()
    assert stage.reconcile() == ("False", "RunNotFound")
    (counted, stalled) = stage.stored["status"]["conditions"]
    assert counted["message"] == "there is no FlowRun run in namespace ns"
    assert (stalled["type"], stalled["status"], stalled["reason"]) == ("Stalled", "True", "RunNotFound")
    assert stage.stored["status"]["observedGeneration"] == 1


def test_a_decision_on_an_earlier_run_of_the_name_is_told_so():
    stage = Stage()
    stage.run("uid-other")
    assert stage.reconcile() == ("False", "OtherRun")


def test_a_decision_after_the_end_is_told_so():
    stage = Stage()
    stage.run(completionTime="2026-01-01T00:00:00Z", ledger={"slots": "F", "attempts": [0]})
    assert stage.reconcile() == ("False", "RunEnded")


def test_a_decision_on_a_run_that_never_started_is_told_so():
    stage = Stage()
    stage.run(completionTime="2026-01-01T00:00:00Z")
    assert stage.reconcile() == ("False", "RunEnded")


@pytest.mark.parametrize("decision", ["Approved", "Rejected"])
def test_a_decision_that_counted_is_told_so_though_the_run_ended_before(decision: str):
    stage = Stage(decision=decision)
    stage.run(completionTime="2026-01-01T00:00:00Z", ledger=stage.counted())
    assert stage.reconcile() == ("True", decision)
    assert [condition["type"] for condition in stage.stored["status"]["conditions"]] == [COUNTED]


def test_what_was_told_stays_but_that_it_counted_is_always_told():
    stage = Stage()
    asyncio.run(answer(stage.api, stage.store, "ns", _answer(stage, counted=False)))
    assert stage.told() == ("False", "No")
    asyncio.run(answer(stage.api, stage.store, "ns", _answer(stage, counted=False, reason="Other")))
    assert stage.told() == ("False", "No")
    stage.run(completionTime="2026-01-01T00:00:00Z", ledger=stage.counted())
    assert stage.reconcile() == ("True", "Approved")
    asyncio.run(answer(stage.api, stage.store, "ns", _answer(stage, counted=False)))
    assert stage.told() == ("True", "Approved")


def test_an_answer_is_given_on_the_newest_version():
    stage = Stage()
    stage.api.put(FLOWAPPROVALS, "ns", "d", {**stage.approval, "metadata": {"labels": {"a": "b"}}})
    asyncio.run(answer(stage.api, stage.store, "ns", _answer(stage, counted=True)))
    assert (stage.told(), stage.stored["metadata"]["labels"]) == (("True", "No"), {"a": "b"})
    assert answer_in(stage.store.approvals.known[KEY]) is True


def test_another_decision_of_the_same_name_is_not_answered():
    stage = Stage()
    asyncio.run(answer(stage.api, stage.store, "ns", _answer(stage, counted=True, uid="uid-before")))
    assert stage.told() is None


def test_a_decision_that_is_gone_is_forgotten():
    stage = Stage()
    stage.api.remove(FLOWAPPROVALS, "ns", "d")
    asyncio.run(answer(stage.api, stage.store, "ns", _answer(stage, counted=True)))
    assert KEY not in stage.store.approvals.known
    assert stage.store.approvals.open(("ns", "run"), "uid-run") == {}


def _answer(stage: Stage, *, counted: bool, reason: str = "No", uid: str = "") -> Answer:
    return Answer("d", uid or stage.approval["metadata"]["uid"], counted, reason, "because", 1000.0)


# What the store hands to a run


def test_a_run_is_handed_the_unanswered_decisions_on_it_by_task():
    stage = Stage()
    (fact,) = stage.store.approvals.open(("ns", "run"), "uid-run")["ask"]
    assert (fact.name, fact.approved, fact.by, fact.edited) == ("d", True, "ann", False)
    for other in ((("ns", "run"), "uid-other"), (("other", "run"), "uid-run"), (("ns", "other"), "uid-run")):
        assert stage.store.approvals.open(*other) == {}
    asyncio.run(answer(stage.api, stage.store, "ns", _answer(stage, counted=False)))
    assert stage.store.approvals.open(("ns", "run"), "uid-run") == {}


def test_a_decision_that_is_deleted_is_not_handed_out():
    stage = Stage()
    stage.store.drop_approval(stage.approval)
    assert stage.store.approvals.open(("ns", "run"), "uid-run") == {}
    assert not stage.store.put_approval(stage.approval), "an old event does not bring it back"


def test_a_decision_that_was_edited_says_so():
    stage = Stage()
    changed = {**stage.approval, "metadata": {**stage.approval["metadata"], "generation": 2, "resourceVersion": "999"}}
    stage.store.put_approval(changed)
    (fact,) = stage.store.approvals.open(("ns", "run"), "uid-run")["ask"]
    assert fact.edited
