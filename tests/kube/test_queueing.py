"""Kueue's words: read once in a while for all Jobs of a run that wait, and never needed."""

from typing import Any

import pytest

from engine.harness import START, graph_of, pod
from kube.fake_api import FakeApi
from tidegate.engine import state as states
from tidegate.engine.facts import Attempt, JobFact, JobState
from tidegate.engine.run import Run
from tidegate.errors import ApiError, Forbidden, NotFound, Unavailable
from tidegate.kube.client import Page
from tidegate.kube.queueing import ASK_SECONDS, JOB_UID, WORKLOADS, ask
from tidegate.kube.resources import Resource
from tidegate.kube.session import Session

RUN = Run("ns", "run-1", "uid-run", "flow", "rev", START)
PENDING = {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": "insufficient quota for cpu"}


class Kueue(FakeApi):
    """Answers the selector of several Jobs, and serves Workloads in one version only."""

    def __init__(self, version: str = "v1beta2") -> None:
        super().__init__()
        self.served = version
        self.selectors: list[str] = []

    async def list(self, resource: Resource, namespace: str | None, *, labels: str = "", **options: Any) -> Page:
        if resource.version != self.served:
            raise NotFound(404, "NotFound", "the server could not find the requested resource")
        self.selectors.append(labels)
        wanted = labels.partition("(")[2].rstrip(")").split(",")
        page = await super().list(resource, namespace, **options)
        return Page(
            [item for item in page.items if item["metadata"]["labels"][JOB_UID] in wanted], page.resource_version
        )

    def workload(self, job: str, *conditions: dict[str, str]) -> None:
        body = {"metadata": {"labels": {JOB_UID: job}}, "status": {"conditions": list(conditions)}}
        self.put(WORKLOADS[0], "ns", f"job-{job}", body)


def a_session(queue: str | None = "batch") -> Session:
    graph = graph_of(*(pod(name, **({"queueName": queue} if queue else {})) for name in ("a", "b")))
    return Session(RUN, graph, states.fresh(graph), {}, 1)


def jobs(*states_: JobState) -> dict[Attempt, JobFact]:
    return {(slot, 1): JobFact(f"j{slot}", f"u{slot}", (slot, 1), state, START) for slot, state in enumerate(states_)}


WAITING = jobs(JobState.SUSPENDED, JobState.SUSPENDED)


@pytest.mark.parametrize("version", ["v1beta2", "v1beta1"])
async def test_the_words_of_all_jobs_that_wait_are_read_at_once(version: str):
    api, session = Kueue(version), a_session()
    api.workload("u0", PENDING)
    api.workload(
        "u1", {**PENDING, "status": "True"}, {"type": "Admitted", "status": "False", "message": "a check is left"}
    )
    assert await ask(api, session, WAITING, 0.0) == 0.0
    assert session.queue_words == {(0, 1): "insufficient quota for cpu", (1, 1): "a check is left"}
    assert session.unsettled == {0, 1}
    assert api.selectors == ["kueue.x-k8s.io/job-uid in (u0,u1)"]


async def test_they_are_read_again_after_a_while_only():
    api, session = Kueue(), a_session()
    api.workload("u0", PENDING)
    await ask(api, session, WAITING, 0.0)
    assert await ask(api, session, WAITING, 5.0) == ASK_SECONDS - 5
    assert len(api.selectors) == 1
    assert await ask(api, session, WAITING, ASK_SECONDS) == ASK_SECONDS
    api.workload("u0", {**PENDING, "message": "other words"})
    assert await ask(api, session, WAITING, 2 * ASK_SECONDS) == 0.0
    assert session.queue_words[0, 1] == "other words"


@pytest.mark.parametrize(
    ("queue", "jobs_"),
    [(None, WAITING), ("batch", jobs(JobState.ACTIVE, JobState.COMPLETE)), ("batch", {})],
    ids=["no queue", "none waits", "no Job"],
)
async def test_nobody_is_asked_for_nothing(queue: str | None, jobs_: dict[Attempt, JobFact]):
    api = Kueue()
    assert await ask(api, a_session(queue), jobs_, 0.0) is None
    assert api.selectors == []


@pytest.mark.parametrize("error", [Forbidden(403, "Forbidden", "no"), Unavailable(503, "", "busy"), None])
async def test_without_kueue_or_its_rights_nothing_is_missing_but_the_words(error: ApiError | None):
    api, session = Kueue("v9" if error is None else "v1beta2"), a_session()
    api.outage = error
    assert await ask(api, session, WAITING, 0.0) == ASK_SECONDS
    assert session.queue_words == {}
