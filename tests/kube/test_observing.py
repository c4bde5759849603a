"""What is remembered of Jobs and pods, taken from objects as a cluster has them."""

import pytest

from sandbox.worlds import START, a_job, a_world, end
from tidegate.api import keys
from tidegate.kube.observing import see_job, see_pod
from tidegate.sandbox.kinds import FLOWRUNS, JOBS, PODS

LABELS = {keys.LABEL_RUN_UID: "uid-run", keys.LABEL_SLOT: "3", keys.LABEL_ATTEMPT: "2"}


def a_world_with(**spec):
    """Give a world with a Job of a run, whose pods run."""
    world = a_world()
    uid = world.create(FLOWRUNS, {"metadata": {"name": "run"}})["metadata"]["uid"]
    owner = {"apiVersion": keys.API_VERSION, "kind": "FlowRun", "name": "run", "uid": uid, "controller": True}
    world.create(JOBS, a_job(labels=LABELS, owners=[owner], **spec))
    world.step(START)
    for pod in world.pods_to_start():
        world.claim(pod["metadata"]["uid"])
        world.pod_started(pod["metadata"]["uid"])
    return world


def job_fact(world):
    return see_job(world.get(JOBS, "default", "job")).fact


def test_the_indexes_of_a_job_are_those_of_its_status():
    limits = {"backoffLimit": 9, "backoffLimitPerIndex": 0}
    world = a_world_with(completionMode="Indexed", completions=5, parallelism=5, **limits)
    assert (job_fact(world).completed, job_fact(world).failed) == ("", "")
    pods = {see_pod(pod).fact.index: pod["metadata"]["uid"] for pod in world.list(PODS)}
    assert sorted(pods) == [0, 1, 2, 3, 4]
    for index, code in ((0, 0), (2, 1), (1, 0), (4, 1)):
        end(world, pods[index], code)
    assert (job_fact(world).completed, job_fact(world).failed) == ("0,1", "2,4")


def test_a_job_without_indexes_has_none():
    world = a_world_with()
    assert (job_fact(world).completed, job_fact(world).failed) == ("", "")
    assert [see_pod(pod).fact.index for pod in world.list(PODS)] == [None]


@pytest.mark.parametrize(
    ("text", "index"),
    [("0", 0), ("499", 499), ("", None), ("-1", None), ("1.5", None), ("x", None), ("9" * 5000, None)],
)
def test_an_index_that_cannot_be_read_is_none(text, index):
    (pod,) = a_world_with().list(PODS)
    metadata = {**pod["metadata"], "annotations": {keys.ANNOTATION_INDEX: text}}
    assert see_pod({**pod, "metadata": metadata}).fact.index == index


def test_a_job_that_was_let_go_says_when():
    world = a_world_with(suspend=True)
    assert job_fact(world).resumed is None
    job = world.get(JOBS, "default", "job")
    world.now = START + 60
    world.replace(JOBS, {**job, "spec": {**job["spec"], "suspend": False}})
    world.step(START + 60)
    assert job_fact(world).resumed == START + 60


@pytest.mark.parametrize("text", ["0-99999999999", "5-1", "x", "-", ["0"], 7])
def test_indexes_that_cannot_be_read_are_none(text):
    job = a_world_with().get(JOBS, "default", "job")
    status = {**job["status"], "completedIndexes": text, "failedIndexes": "1-3,5"}
    fact = see_job({**job, "status": status}).fact
    assert (fact.completed, fact.failed) == ("", "1-3,5")


def test_how_often_the_cluster_took_pods_of_an_index_is_read():
    (pod,) = a_world_with().list(PODS)
    metadata = {**pod["metadata"], "annotations": {keys.ANNOTATION_IGNORED: "3"}}
    assert see_pod(pod).fact.disruptions == 0
    assert see_pod({**pod, "metadata": metadata}).fact.disruptions == 3
