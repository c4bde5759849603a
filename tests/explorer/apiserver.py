"""The API server of the explored cluster: what a request does, what it is answered, and what watchers are told."""

from typing import NamedTuple

from explorer.manifests import Manifests, is_tombstone, try_objects
from explorer.requests import Answer, Request
from explorer.truth import Job, Try, World


class News(NamedTuple):
    """What a watch tells of a kind: `run`, `job` or `pod`."""

    kind: str
    change: str
    object: int


class Outcome(NamedTuple):
    """What a step makes of the world; `news` in the order of the writes."""

    world: World
    answer: Answer = Answer()
    news: tuple[News, ...] = ()


class ApiServer:
    """Carries out requests, each at one moment."""

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests

    def carry_out(self, world: World, request: Request) -> Outcome:
        """Do what is asked."""
        if request.attempt is None:
            return self._of_run(world, request)
        each = world.of(request.attempt)
        if request.verb == "LIST":
            return Outcome(world, Answer("", try_objects(self._manifests, each)[1], each.pod_writes))
        if request.verb == "POST":
            return _failed(world, "AlreadyExists") if each.job else self._post(world, each, request)
        if each.job is None:
            return _failed(world, "NotFound")
        if request.verb == "GET":
            return Outcome(world, Answer("", (self._manifests.job(each.attempt, each.job),)))
        return self._put(world, each, each.job, request)

    def _of_run(self, world: World, request: Request) -> Outcome:
        if request.verb == "GET":
            return Outcome(world, Answer("", (self._manifests.run_of(world),)))
        if request.version != world.version:
            return _failed(world, "Conflict")
        if request.content == world.status:
            return Outcome(world, Answer("", (self._manifests.run_of(world),)))
        return self._run_written(world._replace(status=request.content))

    def want(self, world: World, desired: str) -> Outcome:
        """Let somebody wish that the run were in another state."""
        return self._run_written(world._replace(desired=desired))

    def _run_written(self, world: World) -> Outcome:
        new = world._replace(version=world.version + 1)
        run = self._manifests.run_of(new)
        return Outcome(new, Answer("", (run,)), (News("run", "MODIFIED", run),))

    def _post(self, world: World, each: Try, request: Request) -> Outcome:
        body = self._manifests.library[request.content]
        holds, number = is_tombstone(body), each.jobs + 1
        job = Job(number, request.content, 0, is_suspended=body["spec"].get("suspend", False), is_tombstone=holds)
        return self.job_written(world, each._replace(jobs=number, real_jobs=each.real_jobs + (not holds)), job, "ADDED")

    def _put(self, world: World, each: Try, job: Job, request: Request) -> Outcome:
        if request.version != job.version:
            return _failed(world, "Conflict")
        body = self._manifests.library[request.content]
        is_suspended = body["spec"].get("suspend", False)
        new = job._replace(body=request.content, is_suspended=is_suspended, is_tombstone=is_tombstone(body))
        return Outcome(world, self._said(each, job)) if new == job else self.job_written(world, each, new)

    def _said(self, each: Try, job: Job) -> Answer:
        return Answer("", (self._manifests.job(each.attempt, job),))

    def job_written(self, world: World, each: Try, job: Job, change: str = "MODIFIED") -> Outcome:
        """Store a Job; `DELETED` takes it away."""
        new = job._replace(version=each.job_writes + 1)
        kept = each._replace(job=None if change == "DELETED" else new, job_writes=new.version)
        answer = self._said(each, new)
        return Outcome(world.put(kept), answer, (News("job", change, answer.objects[0]),))


def _failed(world: World, error: str) -> Outcome:
    return Outcome(world, Answer(error))
