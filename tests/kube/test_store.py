"""What the store takes for news, and what it forgets."""

from dataclasses import replace

from tidegate.engine.facts import JobFact, JobState, PodFact
from tidegate.kube.observing import Seen
from tidegate.kube.store import Store

RUN = {
    "metadata": {"name": "run", "namespace": "ns", "uid": "run-uid", "resourceVersion": "5", "managedFields": []},
    "spec": {"flowRef": {"name": "flow"}},
}
JOB = Seen("ns", "job", "job-uid", "run-uid", 10, JobFact("job", "job-uid", (0, 1), JobState.ACTIVE, 0.0))
POD = Seen("ns", "pod", "pod-uid", "run-uid", 11, PodFact("pod", "pod-uid", "job-uid", (0, 1)))


def a_store() -> Store:
    store = Store()
    store.put_run(RUN)
    store.put_child(JOB)
    store.put_child(POD)
    return store


def test_older_versions_are_no_news():
    store = a_store()
    assert not store.put_run(RUN)
    assert store.put_child(replace(JOB, version=9)) is None
    assert store.put_child(replace(JOB, version=12)) == ("ns", "run")


def test_what_was_deleted_does_not_come_back_by_a_late_event():
    store = a_store()
    assert store.drop_child("run-uid", "job-uid") == ("ns", "run")
    assert store.put_child(replace(JOB, version=99)) is None
    assert store.jobs("run-uid") == {}


def test_a_list_takes_away_what_no_watch_told_of_but_nothing_newer_and_nothing_of_another_kind():
    store = a_store()
    assert store.drop_unlisted(JobFact, None, frozenset(), 9) == set()
    assert store.drop_unlisted(JobFact, "elsewhere", frozenset(), 50) == set()
    assert store.drop_unlisted(JobFact, "ns", frozenset(), 50) == {("ns", "run")}
    assert store.jobs("run-uid") == {}
    assert list(store.pods("run-uid")) == [(0, 1)]


def test_a_look_at_an_attempt_takes_away_the_pods_that_are_gone_but_none_that_came_after_it():
    store = a_store()
    store.drop_missing_pods("run-uid", (0, 1), {"pod-uid"}, 50)
    store.drop_missing_pods("run-uid", (0, 1), set(), 10)
    assert list(store.pods("run-uid")) == [(0, 1)]
    store.drop_missing_pods("run-uid", (0, 1), set(), 11)
    assert store.pods("run-uid") == {}


def test_managed_fields_are_not_kept():
    assert "managedFields" not in a_store().runs["ns", "run"]["metadata"]


def test_of_two_jobs_of_one_name_the_newer_counts_also_when_the_older_is_heard_of_last():
    store = a_store()
    tombstone = JobFact("job", "tombstone-uid", (0, 1), JobState.TOMBSTONE, 0.0)
    store.put_child(Seen("ns", "job", "tombstone-uid", "run-uid", 30, tombstone))
    store.put_child(replace(JOB, version=20))
    assert store.jobs("run-uid")[0, 1] == tombstone
    store.drop_child("run-uid", "job-uid")
    assert store.jobs("run-uid")[0, 1] == tombstone
    store.drop_child("run-uid", "tombstone-uid")
    assert store.jobs("run-uid") == {}


def test_what_lost_its_name_to_a_newer_one_does_not_come_back_when_that_goes():
    store = a_store()
    tombstone = JobFact("job", "tombstone-uid", (0, 1), JobState.TOMBSTONE, 0.0)
    store.put_child(Seen("ns", "job", "tombstone-uid", "run-uid", 30, tombstone))
    store.drop_child("run-uid", "tombstone-uid")
    assert store.jobs("run-uid") == {}


def test_of_two_names_that_claim_one_attempt_the_newest_counts_and_the_other_comes_back_when_it_goes():
    store = a_store()
    forged = JobFact("forged", "forged-uid", (0, 1), JobState.COMPLETE, 0.0)
    store.put_child(Seen("ns", "forged", "forged-uid", "run-uid", 30, forged))
    assert store.jobs("run-uid")[0, 1] == forged
    store.drop_child("run-uid", "forged-uid")
    assert store.jobs("run-uid")[0, 1] == JOB.fact


def test_nothing_stays_of_a_run_whose_jobs_and_pods_go_after_it():
    store, empty = a_store(), sizes(Store())
    store.drop_run(RUN)
    store.put_child(replace(POD, version=20))
    store.put_child(replace(JOB, uid="late-job"))
    for uid in ("pod-uid", "job-uid", "late-job"):
        store.drop_child("run-uid", uid)
    store.put_child(replace(POD, version=21))
    assert sizes(store) == empty


def sizes(store: Store) -> dict[str, int]:
    """Give how many rows a store has of each, but for what is bounded: the UIDs of what was deleted."""
    return {name: len(rows) for name, rows in vars(store).items() if isinstance(rows, dict) and name != "_deleted"}


def test_runs_are_counted_by_flow_and_queued_ones_apart():
    store = Store()
    told = {"a": None, "b": "Queued", "c": "Running", "d": "Queued", "e": "Paused"}
    for name, why in told.items():
        conditions = [{"type": "Succeeded", "status": "Unknown", "reason": why}] if why else []
        ended = {"completionTime": "2026-01-01T00:00:00Z"} if name == "d" else {}
        metadata = {**RUN["metadata"], "name": name, "uid": name}
        store.put_run({**RUN, "metadata": metadata, "status": {"conditions": conditions, **ended}})
    assert store.active() == {("ns", "flow"): 4}
    assert store.queued() == {("ns", "flow"): 1}
