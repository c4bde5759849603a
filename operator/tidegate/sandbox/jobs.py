"""The Job controller, for Jobs that want one pod to succeed: pods made and counted, failure policies, the end.

Imitates the order of events of the real one: pods keep a finalizer until they are counted; FailureTarget
comes before Failed, SuccessCriteriaMet before Complete, and the second of each only when no pod is alive.
A Job whose `managedBy` names somebody else is left alone entirely.
"""

from typing import TYPE_CHECKING, NamedTuple

from tidegate.sandbox import failurepolicy, pods
from tidegate.sandbox.conditions import condition, is_true, with_condition
from tidegate.sandbox.documents import copy_json, with_metadata
from tidegate.sandbox.kinds import JOBS, PODS, Object
from tidegate.sandbox.times import rfc3339, seconds

if TYPE_CHECKING:
    from tidegate.sandbox.world import World

CONTROLLER = "kubernetes.io/job-controller"
LONGEST_BACKOFF = 600.0


class Ending(NamedTuple):
    """Why a Job ends: the condition announced first, and what it says."""

    announced: str
    reason: str
    message: str

    @property
    def final(self) -> str:
        """The terminal condition that follows."""
        return "Failed" if self.announced == "FailureTarget" else "Complete"


class Tally(NamedTuple):
    """A Job's pods, sorted by what they mean for it; `new_...` have not been counted in its status yet."""

    active: list[Object]
    terminating: list[Object]
    new_succeeded: list[Object]
    new_failed: list[Object]

    @property
    def alive(self) -> int:
        """How many pods may still run something."""
        return len(self.active) + len(self.terminating)


def is_finished(job: Object) -> bool:
    """Say whether the Job has its terminal condition."""
    return is_true(job, "Complete") or is_true(job, "Failed")


def is_managed(job: Object) -> bool:
    """Say whether this controller is the one to act."""
    return job["spec"].get("managedBy", CONTROLLER) == CONTROLLER


def look(world: "World", uid: str) -> None:
    """Take the Job one step towards its end."""
    job = world.store.find(uid)
    if job is None:
        _release(world, _pods_of(world, uid))
    elif is_managed(job):
        if is_finished(job):
            _release(world, _pods_of(world, uid))
            _expire(world, job)
        elif "deletionTimestamp" not in job["metadata"]:
            _advance(world, job)


def _pods_of(world: "World", uid: str) -> list[Object]:
    refs = [ref for ref in world.store.children.get(uid, ()) if ref[0] == PODS]
    found = [world.store.at(ref) for ref in refs]
    return [pod for pod in found if pod]


def _advance(world: "World", job: Object) -> None:
    tally = _count(job, _pods_of(world, job["metadata"]["uid"]))
    ending = _announced(job) or _failure(world, job, tally) or _success(job, tally)
    if ending and ending.announced == "FailureTarget":
        tally = _stop(world, tally, counted=True)
    elif not ending:
        tally = _manage(world, job, tally)
    _write(world, job, _next_status(world, job, tally, ending))
    _release(world, [*tally.new_succeeded, *tally.new_failed])


def _count(job: Object, found: list[Object]) -> Tally:
    tally = Tally([], [], [], [])
    wait_for_the_end = job["spec"].get("podReplacementPolicy") == "Failed" or "podFailurePolicy" in job["spec"]
    for pod in found:
        counted = pods.TRACKING not in pod["metadata"].get("finalizers", ())
        if not pods.is_terminal(pod):
            (tally.terminating if pods.is_terminating(pod) else tally.active).append(pod)
        if counted:
            continue
        if pod["status"]["phase"] == "Succeeded":
            tally.new_succeeded.append(pod)
        elif pod["status"]["phase"] == "Failed" or (pods.is_terminating(pod) and not wait_for_the_end):
            tally.new_failed.append(pod)
    return tally


def _announced(job: Object) -> Ending | None:
    for name in ("FailureTarget", "SuccessCriteriaMet"):
        entry = condition(job, name)
        if entry:
            return Ending(name, entry["reason"], entry.get("message", ""))
    return None


def _failure(world: "World", job: Object, tally: Tally) -> Ending | None:
    policy = job["spec"].get("podFailurePolicy")
    for pod in tally.new_failed if policy else ():
        verdict = failurepolicy.judge(policy, pod)
        if verdict.action == "FailJob":
            return Ending("FailureTarget", "PodFailurePolicy", verdict.message)
    if _failures(job, tally) > job["spec"]["backoffLimit"]:
        return Ending("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    return _overdue(world, job)


def _overdue(world: "World", job: Object) -> Ending | None:
    limit, started = job["spec"].get("activeDeadlineSeconds"), job["status"].get("startTime")
    if limit is None or started is None or job["spec"].get("suspend"):
        return None
    due = seconds(started) + limit
    if world.now >= due:
        return Ending("FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline")
    world.queue.add_at(due, ("job", job["metadata"]["uid"]))
    return None


def _success(job: Object, tally: Tally) -> Ending | None:
    if tally.active or _successes(job, tally) < (job["spec"].get("completions") or 1):
        return None
    return Ending("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods")


def _failures(job: Object, tally: Tally) -> int:
    """Count failures, old and new, but those that the policy ignores."""
    policy = job["spec"].get("podFailurePolicy")
    new = [pod for pod in tally.new_failed if not policy or failurepolicy.judge(policy, pod).action != "Ignore"]
    return job["status"].get("failed", 0) + len(new)


def _successes(job: Object, tally: Tally) -> int:
    return int(job["status"].get("succeeded", 0)) + len(tally.new_succeeded)


def _stop(world: "World", tally: Tally, *, counted: bool) -> Tally:
    """Delete the active pods; without `counted` their ends will not count as failures (suspension)."""
    for pod in tally.active:
        if not counted:
            world.settle(PODS, _released(pod))
        metadata = pod["metadata"]
        world.delete(PODS, metadata["namespace"], metadata["name"], uid=metadata["uid"])
    remaining = [world.store.find(pod["metadata"]["uid"]) for pod in tally.active]
    stopping = [pod for pod in remaining if pod and not pods.is_terminal(pod)]
    return tally._replace(active=[], terminating=[*tally.terminating, *stopping])


def _manage(world: "World", job: Object, tally: Tally) -> Tally:
    spec = job["spec"]
    if spec.get("suspend"):
        return _stop(world, tally, counted=False)
    wanted = min(spec["parallelism"], (spec.get("completions") or 1) - _successes(job, tally))
    there = len(tally.active) + (len(tally.terminating) if spec["podReplacementPolicy"] == "Failed" else 0)
    if wanted <= there or _must_wait(world, job, tally):
        return tally
    made = [_create_pod(world, job) for _ in range(wanted - there)]
    return tally._replace(active=[*tally.active, *made])


def _must_wait(world: "World", job: Object, tally: Tally) -> bool:
    """Back off after failures: ten seconds, doubled with each, at most ten minutes."""
    uid = job["metadata"]["uid"]
    failures, last = world.job_failures.get(uid, (0, 0.0))
    if tally.new_failed:
        failures, last = failures + len(tally.new_failed), world.now
        world.job_failures[uid] = (failures, last)
    if not failures:
        return False
    due = last + min(world.timing.job_backoff * 2 ** (failures - 1), LONGEST_BACKOFF)
    if world.now >= due:
        return False
    world.queue.add_at(due, ("job", uid))
    return True


def _create_pod(world: "World", job: Object) -> Object:
    metadata, template = job["metadata"], job["spec"]["template"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
    outline: Object = {
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "labels": template["metadata"]["labels"],
            "finalizers": [pods.TRACKING],
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        },
        "spec": template["spec"],
    }
    if template["metadata"].get("annotations"):
        outline["metadata"]["annotations"] = template["metadata"]["annotations"]
    pod = world.create_pod(metadata["namespace"], outline)
    world.record(JOBS, job, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
    return pod


def _released(pod: Object) -> Object:
    left = [name for name in pod["metadata"].get("finalizers", ()) if name != pods.TRACKING]
    return with_metadata(pod, finalizers=left or None)


def _release(world: "World", counted: list[Object]) -> None:
    for pod in counted:
        current = world.store.find(pod["metadata"]["uid"])
        if current and pods.TRACKING in current["metadata"].get("finalizers", ()):
            world.settle(PODS, _released(current))


def _next_status(world: "World", job: Object, tally: Tally, ending: Ending | None) -> Object:
    old, spec = job["status"], job["spec"]
    status = {**old, "uncountedTerminatedPods": {}, "terminating": len(tally.terminating)}
    status["ready"] = sum(1 for pod in tally.active if pods.is_ready(pod))
    _set_count(status, "active", len(tally.active))
    _set_count(status, "succeeded", _successes(job, tally))
    _set_count(status, "failed", _failures(job, tally))
    if "startTime" not in old and not spec.get("suspend"):
        status["startTime"] = rfc3339(world.now)
    conditions = copy_json(old.get("conditions") or [])
    if ending:
        conditions = _conditions(world, job, tally, ending)
        if conditions[-1]["type"] == "Complete":
            status["completionTime"] = rfc3339(world.now)
    elif bool(spec.get("suspend")) is not is_true(job, "Suspended"):
        conditions = _suspension(world, job, status)
    if conditions:
        status["conditions"] = conditions
    return status


def _write(world: "World", job: Object, status: Object) -> None:
    if status != job["status"]:
        world.put(JOBS, {**job, "metadata": dict(job["metadata"]), "status": status})


def _set_count(status: Object, name: str, count: int) -> None:
    if count:
        status[name] = count
    else:
        status.pop(name, None)


def _conditions(world: "World", job: Object, tally: Tally, ending: Ending) -> list[Object]:
    conditions = job["status"].get("conditions") or []
    if not condition(job, ending.announced):
        world.queue.add(("job", job["metadata"]["uid"]))
        return with_condition(conditions, ending.announced, "True", world.now, ending.reason, ending.message)
    if tally.alive:
        return conditions
    kind = "Normal" if ending.final == "Complete" else "Warning"
    reason = "Completed" if ending.final == "Complete" else ending.reason
    world.record(JOBS, job, kind, reason, "Job completed" if ending.final == "Complete" else ending.message)
    world.job_failures.pop(job["metadata"]["uid"], None)
    return with_condition(conditions, ending.final, "True", world.now, ending.reason, ending.message)


def _suspension(world: "World", job: Object, status: Object) -> list[Object]:
    conditions = job["status"].get("conditions") or []
    if job["spec"].get("suspend"):
        status.pop("startTime", None)
        world.record(JOBS, job, "Normal", "Suspended", "Job suspended")
        return with_condition(conditions, "Suspended", "True", world.now, "JobSuspended", "Job suspended")
    status["startTime"] = rfc3339(world.now)
    world.record(JOBS, job, "Normal", "Resumed", "Job resumed")
    return with_condition(conditions, "Suspended", "False", world.now, "JobResumed", "Job resumed")


def _expire(world: "World", job: Object) -> None:
    limit = job["spec"].get("ttlSecondsAfterFinished")
    if limit is None:
        return
    ended = condition(job, "Complete") or condition(job, "Failed")
    due = seconds(ended["lastTransitionTime"]) + limit if ended else world.now
    if world.now >= due:
        metadata = job["metadata"]
        world.delete(JOBS, metadata["namespace"], metadata["name"], uid=metadata["uid"], propagation="Foreground")
    else:
        world.queue.add_at(due, ("job", job["metadata"]["uid"]))
