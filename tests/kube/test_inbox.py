"""What is heard of goes into the store and the queue."""

import random
from typing import Any

import pytest

from tidegate.engine.facts import JobFact, JobState, PodFact
from tidegate.kube.inbox import Inbox, Queues
from tidegate.kube.observing import Seen
from tidegate.kube.queue import WorkQueue
from tidegate.kube.store import RunKey, Store

KEY = ("ns", "run")


def a_run(uid: str, version: int) -> dict[str, Any]:
    return {
        "metadata": {"name": "run", "namespace": "ns", "uid": uid, "resourceVersion": str(version)},
        "spec": {"flowRef": {"name": "flow"}},
    }


def an_inbox() -> tuple[Inbox, Store, WorkQueue[RunKey]]:
    inbox, store, queues = with_queues()
    return inbox, store, queues.runs


def with_queues() -> tuple[Inbox, Store, Queues]:
    store, queues = Store(), Queues(*(WorkQueue(rng=random.Random(0)) for _ in range(4)))
    return Inbox(store, queues, forget=lambda _: None, monotonic=lambda: 0.0), store, queues


async def test_a_run_that_is_deleted_is_worked_on_no_more():
    inbox, store, runs = an_inbox()
    inbox.run("ADDED", a_run("old", 1))
    inbox.run("DELETED", a_run("old", 2))
    assert (store.runs, runs.depth) == ({}, 0)


async def test_late_news_that_a_run_is_gone_takes_nothing_from_a_new_one_of_its_name():
    inbox, store, runs = an_inbox()
    inbox.run("ADDED", a_run("old", 1))
    inbox.run("ADDED", a_run("new", 3))
    inbox.run("DELETED", a_run("old", 2))
    assert (store.runs[KEY]["metadata"]["uid"], runs.depth) == ("new", 1)


async def test_what_a_complete_list_does_not_have_is_gone():
    inbox, store, runs = an_inbox()
    inbox.run("ADDED", a_run("uid", 1))
    for uid, version in (("listed", 2), ("ended", 3), ("newer", 9)):
        fact = JobFact(uid, uid, (0, version), JobState.ACTIVE, 0.0)
        inbox.child("ADDED", Seen("ns", uid, uid, "uid", version, fact))
    runs.drop(KEY)
    inbox.listed(JobFact, None, {"listed"}, 5)
    assert {job.name for job in store.jobs("uid").values()} == {"listed", "newer"}
    assert runs.depth == 1


async def test_a_flow_that_somebody_read_before_it_was_heard_of_is_judged_all_the_same():
    inbox, store, queues = with_queues()
    meta = {"name": "flow", "namespace": "ns", "uid": "uid", "resourceVersion": "1", "generation": 2}
    flow = {"metadata": meta, "spec": {}, "status": {"observedGeneration": 1}}
    store.put_flow(flow)
    store.put_run(a_run("waits", 1))
    store.lines.join(KEY, ("ns", "flow"))
    inbox.flow("MODIFIED", flow)
    assert (queues.flows.depth, queues.runs.depth) == (1, 1)
    queues.flows.drop(("ns", "flow"))
    inbox.flow("MODIFIED", {**flow, "status": {"observedGeneration": 2}})
    assert queues.flows.depth == 0


def a_backfill(version: int, **status: Any) -> dict[str, Any]:
    return a_run("again", version) | {"status": status}


def over(version: int) -> dict[str, Any]:
    return a_run("uid", version) | {"status": {"completionTime": "x"}}


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    ("what", "kind", "obj"),
    [
        ("flow", "MODIFIED", {"metadata": {**a_run("f", 5)["metadata"], "name": "flow"}, "spec": {}}),
        ("run", "MODIFIED", over(5)),
        ("run", "DELETED", a_run("uid", 5)),
        ("backfill", "MODIFIED", a_backfill(5, completionTime="x") | {"metadata": over(5)["metadata"] | {"name": "b"}}),
    ],
)
async def test_a_backfill_is_looked_at_when_something_may_let_it_go_on(what, kind, obj, known):
    inbox, store, queues = with_queues()
    inbox.backfill("ADDED", a_backfill(1))
    queues.backfills.drop(KEY)
    if known and kind != "DELETED":  # it is what we have written ourselves
        {"flow": store.put_flow, "run": store.put_run, "backfill": store.put_backfill}[what](obj)
    getattr(inbox, what)(kind, obj)
    assert queues.backfills.depth >= 1


async def test_a_pod_that_ends_last_may_let_a_backfill_go_on():
    inbox, store, queues = with_queues()
    inbox.backfill("ADDED", a_backfill(1))
    store.put_run(over(2))
    active = [{"uid": "uid", "name": "run", "key": ""}]
    store.put_flow(
        {"metadata": {**a_run("f", 3)["metadata"], "name": "flow"}, "spec": {}, "status": {"active": active}}
    )
    queues.backfills.drop(KEY)
    fact = PodFact("pod", "pod-uid", "job", (0, 1), alive=False)
    inbox.child("MODIFIED", Seen("ns", "pod", "pod-uid", "uid", 4, fact))
    assert queues.backfills.depth == 1


async def test_runs_that_wait_to_be_named_are_looked_at_when_their_backfill_changes_or_goes():
    inbox, store, queues = with_queues()
    inbox.run("ADDED", a_run("uid", 1))
    store.lines.join(KEY, ("ns", "flow"))
    for kind, version in (("ADDED", 2), ("MODIFIED", 3), ("DELETED", 4)):
        queues.runs.drop(KEY)
        inbox.backfill(kind, a_backfill(version))
        assert queues.runs.depth == 1
    assert (queues.backfills.depth, store.backfills.known, store.backfills.unfinished(("ns", "flow"))) == (0, {}, [])
