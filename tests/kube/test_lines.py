"""Who waits before a Flow, and what counts as a change that may decide who is next."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tidegate.kube.lines import holds_place
from tidegate.kube.store import Store

FLOW = ("ns", "flow")


def a_run(name: str, version: int = 1, *, key: str | None = "", created: int = 0, **spec: Any) -> dict[str, Any]:
    time = f"2026-11-25T00:00:{created:02}Z"
    metadata = {"name": name, "namespace": "ns", "uid": f"u-{name}", "resourceVersion": str(version)}
    frozen: dict[str, Any] = {} if key is None else {"frozen": {"key": key}}
    spec = {"flowRef": {"name": "flow"}, **spec}
    return {"metadata": {**metadata, "creationTimestamp": time}, "spec": spec, "status": frozen}


def a_flow(version: int = 1, **concurrency: Any) -> dict[str, Any]:
    metadata = {"name": "flow", "namespace": "ns", "uid": "u-flow", "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"concurrency": concurrency}, "status": {}}


def lines_of(*runs: dict[str, Any]) -> Store:
    store = Store()
    for run in runs:
        store.put_run(run)
        store.lines.join(("ns", run["metadata"]["name"]), FLOW)
    return store


def names(keys: list[tuple[str, str]]) -> list[str]:
    return sorted(name for _, name in keys)


def test_first_is_the_highest_priority_then_the_oldest_for_each_key():
    store = lines_of(
        a_run("old", created=1),
        a_run("older", created=0),
        a_run("urgent", created=9, priority=5),
        a_run("other", key="x", created=9),
        a_run("new", key=None),
    )
    assert names(store.lines.heads(FLOW)) == ["other", "urgent"]
    assert names(store.lines.queued(FLOW)) == ["old", "older", "other", "urgent"]
    assert names(store.lines.newcomers(FLOW)) == ["new"]


@pytest.mark.parametrize("mark", ["ledger", "completionTime"])
def test_who_goes_on_waits_no_more(mark: str):
    store = lines_of(a_run("a"), a_run("b"))
    gone = a_run("a", 2)
    store.put_run({**gone, "status": {**gone["status"], mark: "x"}})
    assert names(store.lines.queued(FLOW)) == ["b"]
    store.drop_run(a_run("b", 3))
    assert store.lines.queued(FLOW) == store.lines.heads(FLOW) == []


def changed(**status: Any) -> dict[str, Any]:
    run = a_run("run", 2)
    return {**run, "status": {**run["status"], **status}}


CHANGES: dict[str, tuple[Callable[[Store], object], bool]] = {
    "a new run": (lambda store: store.put_run(a_run("other", 2)), True),
    "a run that is gone": (lambda store: store.drop_run(a_run("run", 2)), True),
    "a run's end": (lambda store: store.put_run(changed(completionTime="now")), True),
    "a run's admission": (lambda store: store.put_run(changed(ledger={})), True),
    "a run that is told to stop": (lambda store: store.put_run(changed(stop={})), True),
    "a run's priority": (lambda store: store.put_run(a_run("run", 2, priority=1)), True),
    "a run's pause": (lambda store: store.put_run(a_run("run", 2, desiredState="Paused")), True),
    "what a run says": (lambda store: store.put_run(changed(conditions=[{}], why="it waits")), False),
    "a run's ttl": (lambda store: store.put_run(a_run("run", 2, ttlSecondsAfterFinished=5)), False),
    "an old version": (lambda store: store.put_run(a_run("run", 0, priority=7)), False),
    "a run of another Flow": (lambda store: store.put_run(a_run("else", 2, flowRef={"name": "x"})), False),
    "the Flow's limit": (lambda store: store.put_flow(a_flow(2, policy="Queue")), True),
    "the Flow's live runs": (lambda store: store.put_flow({**a_flow(2), "status": {"active": [{}]}}), True),
    "the Flow's conditions": (lambda store: store.put_flow({**a_flow(2), "status": {"conditions": [{}]}}), False),
    "a Flow that is gone": (lambda store: store.drop_flow(a_flow(2)), True),
}


@pytest.mark.parametrize("what", CHANGES)
def test_only_what_may_decide_who_is_next_counts_as_a_change(what: str):
    change, counts = CHANGES[what]
    store = lines_of(a_run("run"))
    store.put_flow(a_flow())
    before = store.lines.changes(FLOW)
    change(store)
    assert (store.lines.changes(FLOW) > before) is counts


def test_what_is_seen_again_is_no_change():
    store = lines_of(a_run("run"))
    before = store.lines.changes(FLOW)
    store.put_run(copy.deepcopy(a_run("run", 2)))
    assert store.lines.changes(FLOW) == before


def test_a_place_is_held_by_who_the_flow_names():
    assert holds_place({"status": {"active": [{"uid": "a"}]}}, "a")
    assert not holds_place({"status": {"active": [{"uid": "a"}]}}, "b")
    assert not holds_place({}, "a")
    assert not holds_place(None, "a")
