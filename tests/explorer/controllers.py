"""What happens in the explored cluster by itself: the Job controller, the kubelet, and third parties who meddle.

It knows no operator. A step that costs a fault names it; the others go on for ever, until nothing is left to do.
"""

from collections.abc import Iterator
from typing import NamedTuple

from explorer.apiserver import ApiServer, News, Outcome
from explorer.manifests import Manifests
from explorer.truth import ALIVE, Job, Pod, Try, World


class Step(NamedTuple):
    """Something that can happen; `fault` is what it costs."""

    told: str
    outcome: Outcome
    fault: str = ""


class Controllers:
    """Gives all that can happen next. `settles`: a pod's phase follows its containers as a step of its own."""

    def __init__(self, manifests: Manifests, server: ApiServer, *, settles: bool) -> None:
        self._manifests, self._server, self._settles = manifests, server, settles

    def steps(self, world: World) -> Iterator[Step]:
        """Give everything that can happen in a world."""
        if world.desired == "Running":
            yield Step("somebody cancels the run", self._server.want(world, "Cancelled"), "cancel")
        for each in world.tries:
            yield from self._job_steps(world, each)
            for pod in each.pods:
                yield from self._pod_steps(world, each, pod)

    # The Job controller

    def _job_steps(self, world: World, each: Try) -> Iterator[Step]:
        job = each.job
        if job is None:
            yield from self._collect(world, each)
            return
        yield Step(f"somebody deletes the Job of {each.attempt}", self._deleted(world, each, job), "delete")
        own = [pod for pod in each.pods if pod.job == job.serial]
        if job.is_suspended:
            for pod in own:
                if pod.letter in ALIVE and not pod.is_deleted:
                    doomed = self._pod_put(world, each, pod._replace(is_deleted=True))
                    yield Step(f"the pod of {each.attempt} is told to end: its Job is suspended", doomed)
        elif job.letter == "A" and not job.has_pod:
            yield Step(f"the Job of {each.attempt} gets its pod", self._pod_made(world, each, job))
        elif (verdict := _verdict(job, own)) != job:
            yield Step(f"the Job of {each.attempt} is {verdict.letter}", self._judged(world, each, verdict))

    def _collect(self, world: World, each: Try) -> Iterator[Step]:
        for pod in each.pods:
            if not pod.is_deleted:
                doomed = self._pod_put(world, each, pod._replace(is_deleted=True))
                yield Step(f"the pod of {each.attempt} is told to end: its Job is gone", doomed)

    def _deleted(self, world: World, each: Try, job: Job) -> Outcome:
        return self._server.job_written(world, each._replace(is_meddled=True), job, "DELETED")

    def _judged(self, world: World, each: Try, job: Job) -> Outcome:
        complete = each.is_complete or job.letter == "C"
        return self._server.job_written(world, each._replace(is_complete=complete), job)

    def _pod_made(self, world: World, each: Try, job: Job) -> Outcome:
        marked = each._replace(job=job._replace(has_pod=True), pods_made=each.pods_made + 1)
        return self._pod_put(world, marked, Pod(marked.pods_made, job.serial, job.body, 0), "ADDED")

    # The kubelet

    def _pod_steps(self, world: World, each: Try, pod: Pod) -> Iterator[Step]:
        name = f"the pod of {each.attempt}"
        if pod.letter == "P":
            ended = pod._replace(letter="T" if self._settles else "S")
            clean = each._replace(is_clean=True)
            yield Step(f"{name} ends well", self._pod_put(world, clean, ended))
            yield Step(f"{name} fails", self._pod_put(world, each, pod._replace(letter="F")), "fail")
            if pod.is_deleted:
                yield Step(f"{name} is killed", self._pod_put(world, each, pod._replace(letter="K")))
        if pod.letter == "T":
            yield Step(f"{name} has its phase", self._pod_put(world, each, pod._replace(letter="S")))
        if pod.letter in ALIVE and not pod.is_deleted:
            taken = pod._replace(is_deleted=True, is_disrupted=True)
            yield Step(f"{name} is evicted", self._pod_put(world, each._replace(is_disrupted=True), taken), "evict")
        if pod.is_deleted and pod.letter not in ALIVE and _is_counted(each, pod):
            yield Step(f"{name} is gone", self._pod_put(world, each._replace(is_lost=True), pod, "DELETED"))

    def _pod_put(self, world: World, each: Try, pod: Pod, change: str = "MODIFIED") -> Outcome:
        new = pod._replace(version=each.pod_writes + 1)
        others = tuple(other for other in each.pods if other.serial != pod.serial)
        pods = others if change == "DELETED" else tuple(sorted((*others, new)))
        told = News("pod", change, self._manifests.pod(each.attempt, new))
        return Outcome(world.put(each._replace(pods=pods, pod_writes=new.version)), news=(told,))


def _verdict(job: Job, pods: list[Pod]) -> Job:
    """Give the Job as its pod makes it; what the controller has decided it goes through with."""
    if job.letter == "f":
        return job._replace(letter="F")
    ended = next((pod for pod in pods if pod.letter not in ALIVE), None)
    if job.letter != "A" or ended is None:
        return job
    if ended.letter == "S":
        return job._replace(letter="C")
    return job._replace(letter="f", is_disrupted=ended.is_disrupted)


def _is_counted(each: Try, pod: Pod) -> bool:
    """Whether the Job controller lets a pod go: it has counted it, or never will."""
    job = each.job
    return job is None or job.serial != pod.job or job.is_suspended or job.letter != "A"
