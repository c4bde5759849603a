"""Jobs of attempts, created, looked for and reaped: before anything is brought back, the cluster is looked at live."""

from typing import Any

import pytest

from engine.harness import START, graph_of, pod
from kube.fake_api import FakeApi
from tidegate.api import keys
from tidegate.engine import state as states
from tidegate.engine.actions import Reap, StartJob, StopJob
from tidegate.engine.facts import Attempt, Confirmed, JobFact, JobState
from tidegate.engine.inputs import Inputs
from tidegate.engine.run import Run
from tidegate.errors import Conflict, Unavailable
from tidegate.kube.claims import FRESH_SECONDS, Claims
from tidegate.kube.client import Object
from tidegate.kube.jobs import Jobs
from tidegate.kube.observing import see_job
from tidegate.kube.resources import FLOWRUNS, JOBS, PODS
from tidegate.kube.session import Session
from tidegate.kube.store import Store
from tidegate.resources.job import job
from tidegate.resources.names import job_name

GRAPH = graph_of(pod("a"), pod("b"))
INPUTS = Inputs("busybox", None, (), None)
ATTEMPT = (0, 1)


class Stage:
    """A run of which an operator knows that it names the first attempt of `a`, and what has become of it meanwhile."""

    def __init__(self, slots: str = "IP", attempts: tuple[int, int] = (1, 0)) -> None:
        self.api, self.store, self.now = FakeApi(), Store(), 1_000.0
        status = {"ledger": {"slots": slots, "attempts": list(attempts)}}
        obj = self.api.put(FLOWRUNS, "ns", "run", {"spec": {"flowRef": {"name": "flow"}}, "status": status})
        self.run = Run("ns", "run", obj["metadata"]["uid"], "flow", "rev", START)
        self.session = Session(self.run, GRAPH, states.fresh(GRAPH), {}, 1)
        self.jobs = Jobs(self.api, self.store, Claims(self.api, self.store, lambda: self.now), lambda: START)
        self.name = job_name("run", "a", self.run.uid, *ATTEMPT)

    def job(self, run: Run | None = None, attempt: Attempt = ATTEMPT) -> Object:
        """Put a Job where that of the attempt belongs."""
        body = job(GRAPH, run or self.run, GRAPH.nodes[0], attempt, INPUTS)
        return self.api.put(JOBS, "ns", self.name, body)

    def pod(self, phase: str) -> None:
        labels = {keys.LABEL_RUN_UID: self.run.uid, keys.LABEL_SLOT: "0", keys.LABEL_ATTEMPT: "1"}
        owner = {"kind": "Job", "name": self.name, "uid": "uid-job", "controller": True}
        metadata = {"labels": labels, "ownerReferences": [owner]}
        self.api.put(PODS, "ns", "pod", {"metadata": metadata, "spec": {}, "status": {"phase": phase}})

    async def start(self, *, fresh: bool = False, ago: float = 0.0) -> float | None:
        """See that the Job exists; decided so long ago."""
        action = StartJob(ATTEMPT, "a", INPUTS, fresh)
        return await self.jobs.carry_out(self.session, action, self.now - ago)

    async def stop(self) -> bool:
        """Stop the attempt; say whether it is over."""
        await self.jobs.carry_out(self.session, StopJob(ATTEMPT, "a"), self.now)
        return Confirmed.STOPPED in self.session.confirmed.get(ATTEMPT, ())

    async def reap(self) -> None:
        uid = self.api.objects["jobs", "ns", self.name]["metadata"]["uid"]
        await self.jobs.carry_out(self.session, Reap(self.name, uid, ATTEMPT), self.now)

    def found(self) -> JobState | None:
        """Give the state of what has the Job's name."""
        obj = self.api.objects.get(("jobs", "ns", self.name))
        seen = see_job(obj) if obj is not None else None
        return getattr(seen.fact, "state", None) if seen is not None else None


async def test_what_was_just_decided_is_created_without_a_look():
    stage = Stage()
    await stage.start(fresh=True)
    assert stage.found() is JobState.ACTIVE
    assert stage.api.calls == ["create jobs"]


@pytest.mark.parametrize("late", [{"fresh": True, "ago": FRESH_SECONDS}, {"fresh": False}])
@pytest.mark.parametrize(
    ("slots", "attempts"),
    [
        ("XP", (1, 0)),  # it is being stopped
        ("SP", (1, 0)),
        ("FP", (1, 0)),
        ("ZZ", (1, 0)),
        ("RP", (1, 0)),
        ("IP", (2, 0)),  # another operator tried again
        ("PI", (0, 1)),
    ],
)
async def test_what_was_decided_earlier_is_created_only_while_the_run_read_live_names_it(
    late: dict[str, Any], slots: str, attempts: tuple[int, int]
):
    stage = Stage(slots, attempts)
    with pytest.raises(Conflict):
        await stage.start(**late)
    assert stage.found() is None


@pytest.mark.parametrize("slots", ["IP", "OP"])
async def test_a_job_that_is_named_and_was_lost_is_created_again(slots: str):
    stage = Stage(slots)
    await stage.start()
    assert stage.found() is JobState.ACTIVE


async def test_nothing_is_created_for_a_run_that_is_gone_or_another_of_its_name():
    gone, other = Stage(), Stage()
    gone.api.remove(FLOWRUNS, "ns", "run")
    other.api.objects["flowruns", "ns", "run"]["metadata"]["uid"] = "uid-of-a-later-one"
    for stage in (gone, other):
        with pytest.raises(Conflict):
            await stage.start()
        assert stage.found() is None


@pytest.mark.parametrize("phase", ["Running", "Pending", "Failed"])
async def test_a_job_of_which_a_pod_is_left_was_deleted_and_does_not_come_back(phase: str):
    stage = Stage()
    stage.pod(phase)
    await stage.start()
    assert stage.found() is None


async def test_a_job_that_is_there_after_all_is_seen():
    stage = Stage()
    stage.job()
    await stage.start()
    assert stage.store.jobs(stage.run.uid)[ATTEMPT].state is JobState.ACTIVE
    assert "create jobs" not in stage.api.calls


async def test_a_job_that_came_between_look_and_creation_is_taken_when_it_is_the_attempts_own():
    stage = Stage()
    stage.job()
    assert await stage.start(fresh=True) == 0.0
    assert stage.store.jobs(stage.run.uid)[ATTEMPT].state is JobState.ACTIVE
    assert stage.session.rejections == {}


@pytest.mark.parametrize("whose", ["another run's", "another attempt's", "somebody's"])
async def test_a_job_that_is_not_the_attempts_own_is_left_to_whom_it_belongs(whose: str):
    stage = Stage()
    if whose == "another run's":
        stage.job(Run("ns", "run", "uid-other", "flow", "rev", START))
    elif whose == "another attempt's":
        stage.job(attempt=(0, 2))
    else:
        stage.api.put(JOBS, "ns", stage.name, {"spec": {}})
    await stage.start(fresh=True)
    assert stage.session.rejections[ATTEMPT].reason == "NameCollision"
    assert stage.session.rejections[ATTEMPT].final
    assert ATTEMPT not in stage.store.jobs(stage.run.uid)


async def test_a_creation_of_which_nobody_knows_whether_it_was_done_is_no_refusal():
    stage = Stage()
    stage.api.outage = Unavailable(0, "Timeout", "no answer")
    with pytest.raises(Unavailable):
        await stage.start(fresh=True)
    assert stage.session.rejections == {}


@pytest.mark.parametrize(
    ("slots", "attempts", "state"),
    [
        ("IP", (1, 0), JobState.ACTIVE),  # it was named since
        ("OP", (1, 0), JobState.ACTIVE),
        ("FP", (1, 0), JobState.TOMBSTONE),
        ("IP", (2, 0), JobState.TOMBSTONE),
        ("PP", (0, 0), JobState.TOMBSTONE),
    ],
)
async def test_a_job_that_nobody_seems_to_name_is_stopped_when_the_run_read_live_says_so(
    slots: str, attempts: tuple[int, int], state: JobState
):
    stage = Stage(slots, attempts)
    stage.job()
    await stage.reap()
    assert stage.found() is state


def ended_well(stage: Stage, *, finalizers: tuple[str, ...]) -> None:
    """Let the pod of the stage's Job end well, counted by its Job or not."""
    labels = {keys.LABEL_RUN_UID: stage.run.uid, keys.LABEL_SLOT: "0", keys.LABEL_ATTEMPT: "1"}
    uid = stage.api.objects["jobs", "ns", stage.name]["metadata"]["uid"]
    owner = {"kind": "Job", "name": stage.name, "uid": uid, "controller": True}
    metadata = {"labels": labels, "ownerReferences": [owner], "finalizers": list(finalizers)}
    stage.api.put(PODS, "ns", "pod", {"metadata": metadata, "spec": {}, "status": {"phase": "Succeeded"}})


def job_says(stage: Stage, **status: Any) -> None:
    stage.api.put(JOBS, "ns", stage.name, {**stage.api.objects["jobs", "ns", stage.name], "status": status})


async def test_a_stopped_job_has_its_say_about_a_pod_that_ended_well_in_its_last_moments():
    stage = Stage("YP")
    stage.job()
    ended_well(stage, finalizers=("batch.kubernetes.io/job-tracking",))
    assert not await stage.stop()
    ended_well(stage, finalizers=())
    job_says(stage, uncountedTerminatedPods={"succeeded": ["uid"]})
    assert not await stage.stop()
    job_says(stage, uncountedTerminatedPods={}, conditions=[{"type": "Complete", "status": "True"}])
    assert await stage.stop()
    (fact,) = stage.store.jobs(stage.run.uid).values()
    assert isinstance(fact, JobFact)
    assert fact.state is JobState.COMPLETE


async def test_a_stopped_job_that_counts_no_success_is_over_at_once():
    stage = Stage("YP")
    stage.job()
    ended_well(stage, finalizers=())
    assert await stage.stop()
    assert stage.found() is JobState.TOMBSTONE
