"""How runs, Jobs and pods of the explored cluster look to an operator: as manifests, of which it knows nothing else."""

from functools import lru_cache
from typing import Any

from explorer.library import Library, Object
from explorer.truth import Job, Pod, Try, World
from tidegate.api import keys
from tidegate.engine.facts import Attempt

NAMESPACE, NAME, UID, FLOW = "default", "run", "run-uid", "flow"
NOW, EPOCH = "2026-01-01T00:00:00Z", 1_767_225_600.0
"""The one instant at which everything happens."""
OUTPUT = '{"n": 1}'

_CODES = {"T": 0, "S": 0, "F": 1, "K": 137}
_PHASES = {"P": "Pending", "T": "Running", "S": "Succeeded", "F": "Failed", "K": "Failed"}
_KEPT = ("name", "namespace", "labels", "annotations", "ownerReferences")


class Manifests:
    """Writes manifests into a library and gives their numbers."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.run = lru_cache(maxsize=None)(self._run)
        self.job = lru_cache(maxsize=None)(self._job)
        self.pod = lru_cache(maxsize=None)(self._pod)

    def flow(self, spec: Object) -> int:
        """Give the Flow."""
        return self.library.number(_object("tidegate.dev/v1alpha1", "Flow", FLOW, "flow-uid", 1) | {"spec": spec})

    def body(self, job: Object) -> int:
        """Give what its writer says of a Job."""
        metadata = {key: job["metadata"][key] for key in _KEPT if key in job["metadata"]}
        return self.library.number({"metadata": metadata, "spec": job["spec"]})

    def run_of(self, world: World) -> int:
        """Give the run as it is."""
        return self.run(world.version, world.desired, world.status)

    def _run(self, version: int, desired: str, status: int | None) -> int:
        obj = _object("tidegate.dev/v1alpha1", "FlowRun", NAME, UID, version)
        obj["metadata"]["generation"] = 1  # only told to people, and it would make the same look different
        obj["spec"] = {"flowRef": {"name": FLOW}, "desiredState": desired}
        return self.library.number(obj if status is None else obj | {"status": self.library[status]})

    def _job(self, attempt: Attempt, job: Job) -> int:
        body = self.library[job.body]
        obj = _object("batch/v1", "Job", "", f"job-{attempt[0]}-{attempt[1]}-{job.serial}", job.version)
        obj["metadata"] |= body["metadata"]
        return self.library.number(obj | {"spec": body["spec"], "status": {"conditions": _conditions(job)}})

    def _pod(self, attempt: Attempt, pod: Pod) -> int:
        template = self.library[pod.body]["spec"]["template"]
        slot, number = attempt
        obj = _object(
            "v1", "Pod", f"pod-{slot}-{number}-{pod.serial}", f"pod-{slot}-{number}-{pod.serial}", pod.version
        )
        owner = {"kind": "Job", "controller": True, "uid": f"job-{slot}-{number}-{pod.job}"}
        obj["metadata"] |= {"labels": template["metadata"]["labels"], "ownerReferences": [owner]}
        if pod.is_deleted:
            obj["metadata"]["deletionTimestamp"] = NOW
        return self.library.number(obj | {"spec": template["spec"], "status": _pod_status(pod)})


def attempt_in(labels: Object) -> Attempt:
    """Read which attempt something is of."""
    return int(labels[keys.LABEL_SLOT]), int(labels[keys.LABEL_ATTEMPT])


def is_tombstone(job: Object) -> bool:
    """Whether what is written of a Job only holds its name."""
    return keys.LABEL_TOMBSTONE in job["metadata"]["labels"]


def try_objects(manifests: Manifests, each: Try) -> tuple[int | None, tuple[int, ...]]:
    """Give the Job and the pods of an attempt."""
    job = None if each.job is None else manifests.job(each.attempt, each.job)
    return job, tuple(manifests.pod(each.attempt, pod) for pod in each.pods)


def _object(api: str, kind: str, name: str, uid: str, version: int) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, "uid": uid, "resourceVersion": str(version)}
    return {"apiVersion": api, "kind": kind, "metadata": {**metadata, "creationTimestamp": NOW}}


def _conditions(job: Job) -> list[Object]:
    reason = "PodFailurePolicy" if job.is_disrupted else "BackoffLimitExceeded"
    named = {
        "C": [("Complete", "")],
        "f": [("FailureTarget", reason)],
        "F": [("FailureTarget", reason), ("Failed", reason)],
    }
    said = [("Suspended", "JobSuspended")] if job.is_suspended else named.get(job.letter, [])
    return [{"type": kind, "status": "True", "reason": why, "lastTransitionTime": NOW} for kind, why in said]


def _pod_status(pod: Pod) -> Object:
    status: Object = {"phase": _PHASES[pod.letter]}
    if pod.letter in _CODES:
        code = _CODES[pod.letter]
        end = {"exitCode": code, "startedAt": NOW, "finishedAt": NOW, "reason": "Error" if code else "Completed"}
        end["message"] = "it failed" if code else OUTPUT
        status["containerStatuses"] = [{"name": "main", "state": {"terminated": end}}]
    if pod.is_disrupted:
        taken = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "evicted"}
        status["conditions"] = [taken]
    return status
