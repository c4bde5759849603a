"""The metrics: names, labels, and nothing that grows without bound."""

import pytest
from prometheus_client import CollectorRegistry

from tidegate.metrics import Metrics

LABELS = {"kind", "namespace", "flow", "result", "reason", "verb", "resource", "code", "name"}


@pytest.fixture
def registry():
    return CollectorRegistry()


def test_a_run_that_ended_is_counted_and_timed(registry):
    metrics = Metrics(registry)
    metrics.run_ended("team-a", "etl", "Failed", "TaskFailed", 12.0)
    labels = {"namespace": "team-a", "flow": "etl", "result": "Failed"}
    assert registry.get_sample_value("tidegate_flowruns_total", {**labels, "reason": "TaskFailed"}) == 1
    assert registry.get_sample_value("tidegate_flowrun_duration_seconds_sum", labels) == 12.0


def test_flows_need_not_be_told_apart(registry):
    metrics = Metrics(registry, flow_label=False)
    for flow in ("a", "b"):
        metrics.task_ended("team-a", flow, "Succeeded", "")
    labels = {"namespace": "team-a", "flow": "", "result": "Succeeded", "reason": ""}
    assert registry.get_sample_value("tidegate_tasks_total", labels) == 2


def test_requests_are_counted_by_verb_resource_and_code(registry):
    Metrics(registry).request_ended("replace", "flowruns/status", 409, 0.004)
    labels = {"verb": "replace", "resource": "flowruns/status"}
    assert registry.get_sample_value("tidegate_api_requests_total", {**labels, "code": "409"}) == 1
    assert registry.get_sample_value("tidegate_api_request_duration_seconds_count", labels) == 1


def test_names_and_labels_are_those_that_dashboards_expect(registry):
    metrics = Metrics(registry)
    names = {family.name for family in registry.collect()}
    ours = {name for name in names if not name.startswith("process_")}
    foreign = {"workqueue_depth", "workqueue_adds", "workqueue_queue_duration_seconds", "leader_election_master_status"}
    assert foreign <= ours
    assert all(name.startswith("tidegate_") for name in ours - foreign)
    used = {label for metric in vars(metrics).values() for label in getattr(metric, "_labelnames", ())}
    assert used == LABELS


def test_runs_are_counted_anew_each_time(registry):
    metrics = Metrics(registry)
    metrics.count_runs({("ns", "etl"): 3, ("ns", "gone"): 1}, {("ns", "etl"): 2})
    metrics.count_runs({("ns", "etl"): 2}, {})
    labels = {"namespace": "ns", "flow": "etl"}
    assert registry.get_sample_value("tidegate_flowruns_active", labels) == 2
    assert registry.get_sample_value("tidegate_flowruns_active", {**labels, "flow": "gone"}) is None
    assert registry.get_sample_value("tidegate_flowruns_queued", labels) is None


def test_flows_that_are_not_told_apart_are_summed_up(registry):
    metrics = Metrics(registry, flow_label=False)
    metrics.count_runs({}, {("ns", "a"): 1, ("ns", "b"): 2})
    assert registry.get_sample_value("tidegate_flowruns_queued", {"namespace": "ns", "flow": ""}) == 3


def test_every_metric_is_described(registry):
    told = {name: (kind, labels) for name, kind, labels, text in Metrics(registry).describe() if text}
    assert told["tidegate_flowruns_queued"] == ("gauge", ("namespace", "flow"))
    assert told["tidegate_flowruns_total"] == ("counter", ("namespace", "flow", "result", "reason"))
    ours = {family.name for family in registry.collect() if not family.name.startswith("process_")}
    assert {name.removesuffix("_total") for name in told} == ours
