"""The life of Jobs: pods for what is wanted, counts of what ended, conditions in the order of the real controller.

`SuccessCriteriaMet` comes before `Complete`, `FailureTarget` before `Failed`, each pair as two writes; the second
waits until no pod of the Job lives. Indexed Jobs are not served.
"""

from typing import Any

from tidegate.sandbox import job_status
from tidegate.sandbox.agenda import Agenda
from tidegate.sandbox.birth import suffixed
from tidegate.sandbox.cluster import Cluster
from tidegate.sandbox.job_counts import EXHAUSTED, REACHED, TOO_LATE, TRACKING, Census, Target, census, failures
from tidegate.sandbox.kinds import JOBS, NAMESPACES, PODS, Kind
from tidegate.sandbox.moments import instant, stamp
from tidegate.sandbox.tree import Object, Objects, without

MANAGER = "kubernetes.io/job-controller"
FIRST_DELAY, LONGEST_DELAY = 10.0, 600.0
"""Seconds before a failed pod is replaced: doubled with each failure."""


class JobController:
    """Looks at one Job at a time and does what is missing."""

    def __init__(self, cluster: Cluster, agenda: Agenda) -> None:
        self._cluster = cluster
        self._agenda = agenda
        self._failures: dict[str, tuple[int, float]] = {}
        """Failed pods of a Job, ignored ones as well, and when the last one ended."""

    def watch(self, kind: Kind, change: str, obj: Object, old: Object | None) -> None:
        """Notice what concerns a Job."""
        if kind is JOBS:
            if old is None or change == "DELETED" or _demand(obj) != _demand(old):
                self._agenda.add("jobs", obj["metadata"]["uid"])
        elif kind is PODS and (change == "DELETED" or (old is not None and _news(obj) != _news(old))):
            uid = _controller(obj)
            if uid:
                self._agenda.add("jobs", uid)

    def look(self, uid: str) -> None:
        """Bring one Job a step on."""
        job = self._cluster.store.by_uid(uid)
        if job is None:
            self._failures.pop(uid, None)
            self._release(self._pods(uid))
        elif job["spec"].get("managedBy", MANAGER) == MANAGER:
            self._advance(job)

    def _advance(self, job: Object) -> None:
        uid = job["metadata"]["uid"]
        pods = self._pods(uid)
        if ended := job_status.condition(job["status"], "Complete") or job_status.condition(job["status"], "Failed"):
            self._release(pods)
            self._expire(job, instant(ended["lastTransitionTime"]))
            return
        people = census(job, pods)
        target = job_status.target_of(job["status"])
        counted, fatal = failures(job, people.failed)
        status = job_status.counted(job["status"], people, counted)
        if target is None:
            self._remember(uid, people.failed)
            target = self._verdict(job, status, counted, fatal)
        if target is None:
            self._run(job, status, people)
        else:
            self._end(job, status, people, target)

    def _verdict(self, job: Object, status: Object, counted: int, fatal: str) -> Target | None:
        """Decide whether the Job is to end, and how."""
        spec = job["spec"]
        if fatal:
            return Target("FailureTarget", "Failed", "PodFailurePolicy", fatal)
        if counted and status.get("failed", 0) > spec["backoffLimit"]:
            return EXHAUSTED
        if self._is_late(job):
            return TOO_LATE
        return REACHED if status.get("succeeded", 0) >= job_status.wanted(spec, status) else None

    def _is_late(self, job: Object) -> bool:
        """Tell whether the Job's deadline has passed; it counts from a whole second, as the real one does."""
        seconds, since = job["spec"].get("activeDeadlineSeconds"), job["status"].get("startTime")
        if seconds is None or since is None or job["spec"].get("suspend"):
            return False
        due = instant(since) + seconds
        if due > self._cluster.now:
            self._agenda.add_at(due, "jobs", job["metadata"]["uid"])
        return bool(due <= self._cluster.now)

    def _run(self, job: Object, status: Object, people: Census) -> None:
        """Have as many pods as the Job wants now."""
        uid, now = job["metadata"]["uid"], self._cluster.now
        if job["spec"].get("suspend"):
            status = job_status.suspended(without(status, "startTime"), now)
            self._write(job, {**status, "active": 0, "ready": 0, "terminating": len(people.active + people.ending)})
            self._release([*people.succeeded, *people.failed, *people.active])
            self._delete(people.active)
            return
        if "startTime" not in status:
            status = job_status.resumed({**status, "startTime": stamp(now)}, now)
            if job["spec"].get("activeDeadlineSeconds") is not None:
                self._agenda.add_at(instant(stamp(now)) + job["spec"]["activeDeadlineSeconds"], "jobs", uid)
        missing = self._missing(job, status, people)
        for _ in range(missing):
            self._create_pod(job)
        self._write(job, {**status, "active": len(people.active) + missing})
        self._release([*people.succeeded, *people.failed])
        surplus = len(people.active) - job["spec"]["parallelism"]
        if surplus > 0:
            self._release(people.active[-surplus:])
            self._delete(people.active[-surplus:])

    def _missing(self, job: Object, status: Object, people: Census) -> int:
        """Give the number of pods to create now."""
        spec, metadata = job["spec"], job["metadata"]
        waiting = len(people.ending) if spec.get("podReplacementPolicy") == "Failed" else 0
        open_work = job_status.wanted(spec, status) - status.get("succeeded", 0)
        missing = min(spec["parallelism"], open_work) - len(people.active) - waiting
        space = self._cluster.store.find(NAMESPACES, "", metadata["namespace"])
        if missing <= 0 or "deletionTimestamp" in metadata or space is None or "deletionTimestamp" in space["metadata"]:
            return 0
        return 0 if self._must_wait(metadata["uid"]) else missing

    def _must_wait(self, uid: str) -> bool:
        """Tell whether the back-off after a failure is not over yet."""
        count, last = self._failures.get(uid, (0, 0.0))
        if not count:
            return False
        due = last + min(FIRST_DELAY * 2 ** (count - 1), LONGEST_DELAY)
        if due > self._cluster.now:
            self._agenda.add_at(due, "jobs", uid)
        return bool(due > self._cluster.now)

    def _end(self, job: Object, status: Object, people: Census, target: Target) -> None:
        """Write how the Job will end; once none of its pods lives, that it has."""
        uid, now = job["metadata"]["uid"], self._cluster.now
        status = {**status, "active": 0, "ready": 0, "terminating": len(people.active + people.ending)}
        if job_status.condition(status, target.interim) is None:
            status = job_status.with_condition(status, target.interim, "True", target.reason, target.message, now)
        job = self._write(job, status)
        self._release([*people.succeeded, *people.failed])
        self._delete(people.active)
        if self._alive(uid):
            return
        status = job_status.with_condition(job["status"], target.final, "True", target.reason, target.message, now)
        if target.final == "Complete":
            status["completionTime"] = stamp(now)
        job = self._write(job, {**status, "terminating": 0})
        self._failures.pop(uid, None)
        self._expire(job, instant(stamp(now)))

    def _alive(self, uid: str) -> Objects:
        people = census({"spec": {"podReplacementPolicy": "Failed"}}, self._pods(uid))
        return [*people.active, *people.ending]

    def _expire(self, job: Object, ended: float) -> None:
        """Delete a finished Job when its time is over."""
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None or "deletionTimestamp" in job["metadata"]:
            return
        due = ended + seconds
        if due > self._cluster.now:
            self._agenda.add_at(due, "jobs", job["metadata"]["uid"])
        else:
            self._cluster.delete(JOBS, job, "Foreground", None)

    def _remember(self, uid: str, failed: Objects) -> None:
        if failed:
            count, last = self._failures.get(uid, (0, 0.0))
            ends = [job_status.finished_at(pod, self._cluster.now) for pod in failed]
            self._failures[uid] = (count + len(failed), max(last, *ends))

    def _pods(self, uid: str) -> Objects:
        store = self._cluster.store
        pods = (store.by_uid(dependent) for dependent in store.dependents(uid))
        return [pod for pod in pods if pod is not None and pod["kind"] == "Pod" and _controller(pod) == uid]

    def _create_pod(self, job: Object) -> None:
        cluster, owner, template = self._cluster, job["metadata"], job["spec"]["template"]
        cluster.names += 1
        metadata: dict[str, Any] = {
            **template["metadata"],
            "generateName": f"{owner['name']}-",
            "finalizers": [TRACKING],
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": owner["name"],
                    "uid": owner["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        }
        name = suffixed(f"{owner['name']}-", cluster.names)
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": cluster.new_metadata(PODS, metadata, owner["namespace"], name),
            "spec": template["spec"],
            "status": {"phase": "Pending", "qosClass": "BestEffort"},
        }
        cluster.store.put(PODS, pod, None)

    def _write(self, job: Object, status: Object) -> Object:
        return job if status == job["status"] else self._cluster.change(JOBS, job, status=status)

    def _release(self, pods: Objects) -> None:
        """Let go of pods that are counted, or will never be."""
        for pod in pods:
            finalizers = pod["metadata"].get("finalizers") or ()
            if TRACKING in finalizers:
                self._cluster.change(PODS, pod, finalizers=[name for name in finalizers if name != TRACKING])

    def _delete(self, pods: Objects) -> None:
        for pod in pods:
            current = self._cluster.store.by_uid(pod["metadata"]["uid"])
            if current is not None and "deletionTimestamp" not in current["metadata"]:
                self._cluster.delete(PODS, current, "Background", None)


def _demand(job: Object) -> tuple[Any, ...]:
    """Give what of a Job its controller acts upon."""
    return job["metadata"]["generation"], "deletionTimestamp" in job["metadata"]


def _news(pod: Object) -> tuple[Any, ...]:
    """Give what of a pod its Job's controller acts upon."""
    metadata, status = pod["metadata"], pod["status"]
    ready = next((each["status"] for each in status.get("conditions", ()) if each["type"] == "Ready"), "False")
    return status.get("phase"), ready, "deletionTimestamp" in metadata, metadata.get("ownerReferences")


def _controller(pod: Object) -> str | None:
    owners = pod["metadata"].get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller") and owner["kind"] == "Job"), None)
