"""What is heard of goes into the store and the queue."""

import random
from typing import Any

from tidegate.engine.facts import JobFact, JobState
from tidegate.kube.inbox import Inbox
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
    store = Store()
    runs: WorkQueue[RunKey] = WorkQueue(rng=random.Random(0))
    others: list[WorkQueue[RunKey]] = [WorkQueue(rng=random.Random(0)) for _ in range(2)]
    return Inbox(store, runs, *others, forget=lambda _: None, monotonic=lambda: 0.0), store, runs


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
    store = Store()
    runs, flows, approvals = (WorkQueue[RunKey](rng=random.Random(0)) for _ in range(3))
    inbox = Inbox(store, runs, flows, approvals, forget=lambda _: None, monotonic=lambda: 0.0)
    meta = {"name": "flow", "namespace": "ns", "uid": "uid", "resourceVersion": "1", "generation": 2}
    flow = {"metadata": meta, "spec": {}, "status": {"observedGeneration": 1}}
    store.put_flow(flow)
    store.put_run(a_run("waits", 1))
    store.lines.join(KEY, ("ns", "flow"))
    inbox.flow("MODIFIED", flow)
    assert (flows.depth, runs.depth) == (1, 1)
    flows.drop(("ns", "flow"))
    inbox.flow("MODIFIED", {**flow, "status": {"observedGeneration": 2}})
    assert flows.depth == 0
