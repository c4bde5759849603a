"""From what the API server says of Jobs and pods to the facts that are decided on."""

from typing import Any

from tidegate.engine.facts import JobFact, JobState, PodFact
from tidegate.kube.observing import see_job, see_pod

LABELS = {"tidegate.dev/run-uid": "run", "tidegate.dev/slot": "0", "tidegate.dev/attempt": "1"}


def meta(name: str, kind: str) -> dict[str, Any]:
    owner = {"apiVersion": "v1", "kind": kind, "name": "owner", "uid": "owner-uid", "controller": True}
    return {
        "name": name,
        "namespace": "ns",
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "labels": LABELS,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "ownerReferences": [owner],
    }


def job_fact(*conditions: dict[str, Any], **spec: Any) -> JobFact:
    seen = see_job({"metadata": meta("job", "FlowRun"), "spec": spec, "status": {"conditions": list(conditions)}})
    assert seen is not None
    assert isinstance(seen.fact, JobFact)
    return seen.fact


def pod_fact(*containers: dict[str, Any], **status: Any) -> PodFact:
    spec = {"containers": [{"name": c["name"]} for c in containers]}
    obj = {"metadata": meta("pod", "Job"), "spec": spec, "status": {"containerStatuses": list(containers), **status}}
    seen = see_pod(obj)
    assert seen is not None
    assert isinstance(seen.fact, PodFact)
    return seen.fact


def ended(name: str, exit_code: int, reason: str = "Error") -> dict[str, Any]:
    return {"name": name, "state": {"terminated": {"exitCode": exit_code, "reason": reason}}}


def test_a_job_that_a_queue_let_go_says_when():
    resumed = {"type": "Suspended", "status": "False", "lastTransitionTime": "2026-01-01T00:10:00Z"}
    fact = job_fact(resumed, suspend=False)
    assert fact.resumed is not None
    assert (fact.state, fact.resumed - fact.created) == (JobState.ACTIVE, 600)
    assert job_fact({**resumed, "status": "True"}, suspend=True).resumed is None
    assert job_fact().resumed is None


def test_out_of_memory_is_told_only_of_main():
    assert pod_fact(ended("main", 137, "OOMKilled")).oom
    assert not pod_fact(ended("main", 137, "Error")).oom
    assert not pod_fact({"name": "main", "state": {"running": {}}}).oom
    fact = pod_fact(ended("main", 0, "Completed"), ended("proxy", 137, "OOMKilled"))
    assert (fact.oom, fact.reason, fact.exit_code) == (False, "OOMKilled", 137)


def test_a_pod_has_ended_well_when_all_its_containers_have_and_nobody_deletes_it():
    containers = [ended("main", 0, "Completed"), ended("proxy", 0, "Completed")]
    assert pod_fact(*containers).clean
    assert not pod_fact(ended("main", 1), containers[1]).clean
    assert not pod_fact(containers[0], {"name": "proxy", "state": {"running": {}}}).clean
    obj = {
        "metadata": {**meta("pod", "Job"), "deletionTimestamp": "2026-01-01T00:00:30Z"},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"containerStatuses": containers[:1]},
    }
    seen = see_pod(obj)
    assert seen is not None
    assert isinstance(seen.fact, PodFact)
    assert not seen.fact.clean


def test_a_job_is_suspended_until_the_job_controller_lets_it_go():
    still = {"type": "Suspended", "status": "True", "lastTransitionTime": "2026-01-01T00:10:00Z"}
    assert job_fact(still, suspend=False).state is JobState.SUSPENDED
    assert job_fact({**still, "status": "False"}, suspend=False).state is JobState.ACTIVE
    assert job_fact(suspend=True).state is JobState.SUSPENDED
