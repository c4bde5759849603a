"""The life of Jobs: pods for what is wanted, counts of what ended, conditions in the order of the real controller.

`SuccessCriteriaMet` comes before `Complete`, `FailureTarget` before `Failed`, each pair as two writes; the second
waits until no pod of the Job lives. A look costs what has changed since the last one, however many pods a Job has.
"""

from typing import Any

from tidegate.sandbox import job_status
from tidegate.sandbox.agenda import Agenda
from tidegate.sandbox.cluster import Cluster
from tidegate.sandbox.job_pods import Drafts
from tidegate.sandbox.job_surplus import surplus
from tidegate.sandbox.job_verdicts import REACHED, Target, is_complete, verdict, wanted
from tidegate.sandbox.job_work import Ends, Work
from tidegate.sandbox.kinds import JOBS, PODS, Kind
from tidegate.sandbox.moments import instant, stamp
from tidegate.sandbox.pod_control import PodControl, controller_of
from tidegate.sandbox.pod_refusals import RETRY_SECONDS, PodRefusals
from tidegate.sandbox.roster import is_tracked
from tidegate.sandbox.tree import Object

MANAGER = "kubernetes.io/job-controller"


class JobController:
    """Looks at one Job at a time and does what is missing."""

    def __init__(self, cluster: Cluster, agenda: Agenda) -> None:
        self._cluster = cluster
        self._agenda = agenda
        self._pods = PodControl(cluster)
        self.refusals = PodRefusals(cluster)
        self._works: dict[str, Work] = {}
        """What is remembered of Jobs, by uid."""

    def watch(self, kind: Kind, change: str, obj: Object, old: Object | None) -> None:
        """Notice what concerns a Job."""
        if kind is JOBS:
            if old is None or change == "DELETED" or _demand(obj) != _demand(old):
                self._agenda.add("jobs", obj["metadata"]["uid"])
        elif kind is PODS:
            uid, before = controller_of(obj), controller_of(old)
            if before and before != uid:
                self._note(before, obj, is_gone=True)
            if uid:
                self._note(uid, obj, is_gone=change == "DELETED")

    def recover(self) -> None:
        """Forget everything: the objects are those of an earlier life."""
        self._works.clear()

    def look(self, uid: str) -> None:
        """Bring one Job a step on."""
        job = self._cluster.store.by_uid(uid)
        if job is None:
            self._clean_up(uid)
        elif job["spec"].get("managedBy", MANAGER) == MANAGER:
            self._advance(job)

    def look_at_orphan(self, uid: str) -> None:
        """Let go of a pod whose Job is gone."""
        pod = self._cluster.store.by_uid(uid)
        if pod is not None:
            self._pods.release([pod])

    def _note(self, uid: str, pod: Object, *, is_gone: bool) -> None:
        """Take in what has become of a pod, and look at its Job if that is news."""
        work = self._works.get(uid)
        if work is not None:
            if work.roster.forget(pod) if is_gone else work.roster.note(pod):
                self._agenda.add("jobs", uid)
        elif self._cluster.store.by_uid(uid) is not None:
            self._agenda.add("jobs", uid)
        elif not is_gone and is_tracked(pod):
            self._agenda.add("orphans", pod["metadata"]["uid"])

    def _work(self, job: Object) -> Work:
        uid = job["metadata"]["uid"]
        if uid not in self._works:
            self._works[uid] = Work(job, self._pods.of_job(uid))
        return self._works[uid]

    def _clean_up(self, uid: str) -> None:
        """Let go of the pods of a Job that is gone."""
        work = self._works.pop(uid, None)
        self._pods.release(self._pods.of_job(uid) if work is None else work.roster.tracked.values())

    def _advance(self, job: Object) -> None:
        work = self._work(job)
        if ended := job_status.condition(job["status"], "Complete") or job_status.condition(job["status"], "Failed"):
            self._pods.release(work.roster.tracked.values())
            self._expire(job, instant(ended["lastTransitionTime"]))
            return
        ends = work.judge()
        status = job_status.counted(job["status"], work, ends)
        if not job["spec"].get("suspend"):
            status = {"startTime": stamp(self._cluster.now), **status}
        target = job_status.target_of(status)
        if target is None:
            target = verdict(job, status, work, fatal=ends.fatal, late=self._is_late(job, status))
        if target is None:
            self._manage(job, status, work, ends)
        else:
            self._end(job, status, work, ends, target)

    def _is_late(self, job: Object, status: Object) -> bool:
        """Tell whether the Job's deadline has passed; it counts from a whole second, as the real one does."""
        seconds = job["spec"].get("activeDeadlineSeconds")
        if seconds is None or job["spec"].get("suspend"):
            return False
        due = instant(status["startTime"]) + seconds
        self._wake_at(due, job)
        return bool(due <= self._cluster.now)

    def _manage(self, job: Object, status: Object, work: Work, ends: Ends) -> None:
        """Have as many pods as the Job wants now; it is complete when it has all its successes."""
        is_ending, suspend = "deletionTimestamp" in job["metadata"], job["spec"].get("suspend")
        if suspend and not is_ending:
            self._pods.remove(work.roster.active.values())
        elif not is_ending:
            self._adjust(job, status, work)
        if is_complete(job, status, work):
            self._end(job, status, work, ends, REACHED)
        elif is_ending:
            self._write(job, job_status.with_pods(status, work, work.kept_back()))
            self._pods.release(work.roster.tracked.values())
        else:
            change = job_status.suspended if suspend else job_status.resumed
            self._write(job, job_status.with_pods(change(status, self._cluster.now), work))
            self._pods.release(ends.released)

    def _adjust(self, job: Object, status: Object, work: Work) -> None:
        """End pods that are too many, or make those that are missing."""
        want, active = wanted(job, status, work), work.roster.active
        if len(active) > want:
            self._pods.remove(surplus(active.values(), len(active) - want))
            return
        missing = want - len(active) - work.roster.blocking
        for due in work.line_up():
            self._wake_at(due, job)
        if missing <= 0 or not self._pods.may_be_created(job) or self._wake_at(work.backoff.due, job):
            return
        if self.refusals.refuses(job):
            self._wake_at(self._cluster.now + RETRY_SECONDS, job)
        else:
            self._create(job, work, missing)

    def _create(self, job: Object, work: Work, missing: int) -> None:
        drafts, indexes = Drafts(job), work.indexes
        if indexes is None:
            for _ in range(missing):
                self._pods.create(job, drafts.plain())
            return
        for index, failures in indexes.take(missing, self._cluster.now):
            self._pods.create(job, drafts.indexed(index, failures))
            indexes.hand_over(index)

    def _end(self, job: Object, status: Object, work: Work, ends: Ends, target: Target) -> None:
        """Write how the Job will end; once none of its pods lives, that it has."""
        roster, now = work.roster, self._cluster.now
        self._pods.delete(roster.active.values())
        if job_status.condition(status, target.interim) is None:
            status = job_status.with_condition(status, target.interim, "True", target.reason, target.message, now)
        lost = work.abandoned(ends.released) if target.is_failure else 0
        job = self._write(job, job_status.with_pods(status, work, lost))
        self._pods.release(roster.tracked.values())
        if roster.active or roster.ending:
            return
        status = job_status.with_condition(job["status"], target.final, "True", target.reason, target.message, now)
        if not target.is_failure:
            status["completionTime"] = stamp(now)
        job = self._write(job, job_status.with_pods(status, work))
        self._expire(job, instant(stamp(now)))

    def _expire(self, job: Object, ended: float) -> None:
        """Delete a finished Job when its time is over."""
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None or "deletionTimestamp" in job["metadata"]:
            return
        if not self._wake_at(ended + seconds, job):
            self._cluster.delete(JOBS, job, "Foreground", None)

    def _wake_at(self, due: float, job: Object) -> bool:
        """Look at a Job again at an instant; tells whether that is still to come."""
        if due > self._cluster.now:
            self._agenda.add_at(due, "jobs", job["metadata"]["uid"])
        return due > self._cluster.now

    def _write(self, job: Object, status: Object) -> Object:
        return job if status == job["status"] else self._cluster.change(JOBS, job, status=status)


def _demand(job: Object) -> tuple[Any, ...]:
    """Give what of a Job its controller acts upon."""
    return job["metadata"]["generation"], "deletionTimestamp" in job["metadata"]
