"""Holding a name: whatever stands there starts no pod any more, and a queue does not let it go again."""

from typing import Any

import pytest

from engine.harness import START, graph_of, pod
from kube.fake_api import FakeApi
from tidegate.api import keys
from tidegate.engine.facts import JobState
from tidegate.engine.inputs import render_inputs
from tidegate.engine.run import Run
from tidegate.errors import AlreadyExists, Unavailable
from tidegate.kube.client import Object
from tidegate.kube.holding import hold_name, is_harmless
from tidegate.kube.observing import see_job
from tidegate.kube.resources import JOBS
from tidegate.resources.job import job, tombstone

RUN = Run("ns", "run", "uid-run", "flow", "rev", START)
TOMBSTONE = tombstone(RUN, (0, 1), "a")
NAME = TOMBSTONE["metadata"]["name"]
NOW = START + 4_000.0


def a_job(**task: Any) -> Object:
    graph = graph_of(pod("a", **task))
    node = graph.nodes[0]
    return job(graph, RUN, node, (0, 1), render_inputs(graph, node, {"params": {}, "run": {}, "tasks": {}}))


def state_of(obj: Object) -> JobState:
    seen = see_job(obj)
    assert seen is not None
    return seen.fact.state  # type: ignore[union-attr]  # it is a Job's


async def held(api: FakeApi) -> Object:
    found = await hold_name(api, TOMBSTONE, lambda: NOW)
    assert found == api.objects["jobs", "ns", NAME]
    assert is_harmless(found)
    return found


async def test_where_there_is_nothing_a_tombstone_is_put():
    assert state_of(await held(FakeApi())) is JobState.TOMBSTONE


async def test_a_job_is_suspended_where_it_stands():
    api = FakeApi()
    uid = api.put(JOBS, "ns", NAME, a_job())["metadata"]["uid"]
    found = await held(api)
    assert (found["metadata"]["uid"], found["spec"]["suspend"]) == (uid, True)
    assert "delete jobs" not in api.calls


async def test_a_job_that_is_stopped_where_it_stands_says_since_when():
    api = FakeApi()
    api.put(JOBS, "ns", NAME, a_job())
    seen = see_job(await held(api))
    assert seen is not None
    assert (seen.fact.state, seen.fact.finished) == (JobState.TOMBSTONE, NOW)  # type: ignore[union-attr]  # a Job's


@pytest.mark.parametrize("told", ["", "yesterday", "2026-13-01T00:00:00Z"])
async def test_what_others_wrote_there_is_no_time(told: str):
    body = a_job()
    annotations = {**body["metadata"].get("annotations", {}), keys.ANNOTATION_STOPPED: told}
    seen = see_job(
        {**body, "metadata": {**body["metadata"], "resourceVersion": "1", "uid": "u", "annotations": annotations}}
    )
    assert seen is not None
    assert seen.fact.finished is None  # type: ignore[union-attr]  # a Job's


@pytest.mark.parametrize("suspend", [False, True], ids=["admitted", "queued"])
async def test_a_job_of_a_queue_gives_its_place_to_a_tombstone_without_the_label(suspend: bool):  # noqa: FBT001
    api = FakeApi()
    body = a_job(queueName="batch")
    api.put(JOBS, "ns", NAME, {**body, "spec": {**body["spec"], "suspend": suspend}})
    found = await held(api)
    assert keys.LABEL_QUEUE not in found["metadata"]["labels"]
    assert found["spec"]["managedBy"] == keys.JOB_MANAGER_STOPPED


async def test_a_job_of_a_queue_that_ended_is_left_alone():
    api = FakeApi()
    failed = {"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    uid = api.put(JOBS, "ns", NAME, {**a_job(queueName="batch"), "status": failed})["metadata"]["uid"]
    assert (await held(api))["metadata"]["uid"] == uid


class Late(FakeApi):
    """A request that was long on its way creates the Job again, `late` times, right after it was deleted."""

    def __init__(self, late: int) -> None:
        super().__init__()
        self.late = late

    async def create(self, resource: Any, namespace: Any, body: Any) -> Object:
        if self.late:
            self.late -= 1
            self.put(resource, namespace, NAME, a_job(queueName="batch"))
            raise AlreadyExists(409, "AlreadyExists", NAME)
        return await super().create(resource, namespace, body)


async def test_a_late_request_cannot_bring_it_back():
    api = Late(1)
    api.put(JOBS, "ns", NAME, a_job(queueName="batch"))
    assert state_of(await held(api)) is JobState.TOMBSTONE


async def test_who_is_always_too_late_tries_again_later():
    api = Late(1000)
    api.put(JOBS, "ns", NAME, a_job(queueName="batch"))
    with pytest.raises(Unavailable, match="could not be held yet"):
        await hold_name(api, TOMBSTONE, lambda: NOW)


class Slow(FakeApi):
    """The answer to every read takes a minute to come."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW

    async def get(self, resource: Any, namespace: Any, name: str) -> Object:
        found = await super().get(resource, namespace, name)
        self.now += 60
        return found


async def test_a_name_is_held_from_when_the_job_was_stopped_not_from_when_that_was_decided():
    api = Slow()
    api.put(JOBS, "ns", NAME, a_job())
    seen = see_job(await hold_name(api, TOMBSTONE, lambda: api.now))
    assert seen is not None
    assert seen.fact.finished == NOW + 60  # type: ignore[union-attr]  # a Job's
