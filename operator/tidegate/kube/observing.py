"""From Jobs and pods as the API server gives them to the small facts the engine decides on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.api import keys
from tidegate.api.conditions import find, instant_of, is_true
from tidegate.engine.facts import Attempt, ChildFact, JobFact, JobState, PodFact
from tidegate.engine.intervals import mask_of

_CONDITIONS = (
    ("Complete", JobState.COMPLETE),
    ("Failed", JobState.FAILED),
    ("FailureTarget", JobState.FAILING),
    ("SuccessCriteriaMet", JobState.SUCCEEDING),
)
_STUCK_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_DIGITS = 10
"""No Job has so many indexes; the annotation may have been written by anybody."""
_QUIET = frozenset({"", "ContainerCreating", "PodInitializing"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A child of a run, whichever kind: `fact` is what the engine takes, `version` its resourceVersion."""

    namespace: str
    name: str
    uid: str
    run_uid: str
    version: int
    fact: JobFact | PodFact | ChildFact


def attempt_of(labels: Mapping[str, str]) -> Attempt | None:
    """Read slot and attempt from our labels; None when somebody changed them into something else."""
    try:
        return int(labels[keys.LABEL_SLOT]), int(labels[keys.LABEL_ATTEMPT])
    except (KeyError, ValueError):
        return None


def see_job(obj: Mapping[str, Any]) -> Seen | None:
    """Give what is to be remembered of a Job; None when it is not one of ours."""
    meta = obj["metadata"]
    attempt = attempt_of(meta.get("labels") or {})
    owner = _controller(meta)
    if attempt is None or owner is None or owner.get("kind") != "FlowRun":
        return None
    status = obj.get("status") or {}
    conditions = status.get("conditions") or ()
    decisive = next((c for kind, _ in _CONDITIONS if (c := find(conditions, kind)) and c["status"] == "True"), {})
    state = _job_state(obj, conditions)
    fact = JobFact(
        name=meta["name"],
        uid=meta["uid"],
        attempt=attempt,
        state=state,
        created=instant_of(meta.get("creationTimestamp")) or 0.0,
        finished=_stopped_at(meta) or instant_of(decisive.get("lastTransitionTime")),
        reason=decisive.get("reason") or "",
        message=decisive.get("message") or "",
        resumed=_resumed(conditions),
        completed=_indexes(status.get("completedIndexes")),
        failed=_indexes(status.get("failedIndexes")),
    )
    return Seen(meta["namespace"], meta["name"], meta["uid"], owner["uid"], int(meta["resourceVersion"]), fact)


def _indexes(text: Any) -> str:
    """Take indexes as they are when they can be read; who may write a Job's status could have put anything there."""
    try:
        mask_of(text or "")
    except (ValueError, TypeError, AttributeError):
        return ""
    return text or ""


def _stopped_at(meta: Mapping[str, Any]) -> float | None:
    """Give since when a Job only holds its name; others may have written anything there."""
    try:
        return instant_of((meta.get("annotations") or {}).get(keys.ANNOTATION_STOPPED))
    except ValueError:
        return None


def _resumed(conditions: Sequence[Mapping[str, Any]]) -> float | None:
    """Give when a Job was last let go after it had been suspended."""
    suspended = find(conditions, "Suspended")
    is_over = suspended is not None and suspended.get("status") == "False"
    return instant_of(suspended.get("lastTransitionTime")) if suspended is not None and is_over else None


def _job_state(obj: Mapping[str, Any], conditions: Sequence[Mapping[str, Any]]) -> JobState:
    labels = obj["metadata"].get("labels") or {}
    if obj["spec"].get("managedBy") == keys.JOB_MANAGER_STOPPED:
        return JobState.TOMBSTONE
    state = next((state for kind, state in _CONDITIONS if is_true(conditions, kind)), None)
    # Its last pod may have ended well after it was stopped: then it is complete, and says so.
    if state is not JobState.COMPLETE and keys.LABEL_TOMBSTONE in labels and obj["spec"].get("suspend"):
        return JobState.TOMBSTONE
    if state is not None:
        return state
    # It is let go when the Job controller says so, not when somebody has changed the spec: time counts from then on.
    is_suspended = obj["spec"].get("suspend") or is_true(conditions, "Suspended")
    return JobState.SUSPENDED if is_suspended else JobState.ACTIVE


def see_pod(obj: Mapping[str, Any]) -> Seen | None:
    """Give what is to be remembered of a pod; None when it is not one of ours."""
    meta, status = obj["metadata"], obj.get("status") or {}
    labels = meta.get("labels") or {}
    attempt, owner = attempt_of(labels), _controller(meta)
    if attempt is None or owner is None or keys.LABEL_RUN_UID not in labels:
        return None
    containers = status.get("containerStatuses") or []
    ended = [t for c in containers if (t := (c.get("state") or {}).get("terminated"))]
    told = _told_by(status, containers)
    trouble, trouble_message = _trouble(status, containers)
    fact = PodFact(
        name=meta["name"],
        uid=meta["uid"],
        job_uid=owner["uid"],
        attempt=attempt,
        alive=status.get("phase") not in ("Succeeded", "Failed"),
        running=any("running" in (c.get("state") or {}) for c in containers),
        clean=_is_clean(obj, containers, ended),
        deleting="deletionTimestamp" in meta,
        disruption=_disruption(status),
        started=min((t for c in containers if (t := _started(c)) is not None), default=None),
        finished=max((t for c in ended if (t := instant_of(c.get("finishedAt"))) is not None), default=None),
        exit_code=told.get("exitCode"),
        reason=status.get("reason") or told.get("reason") or "",
        message=_message(status, told),
        output=_output(containers),
        trouble=trouble,
        trouble_message=trouble_message,
        index=_number(meta, keys.ANNOTATION_INDEX),
        disruptions=_number(meta, keys.ANNOTATION_IGNORED) or 0,
        oom=_of_main(containers).get("reason") == "OOMKilled",
    )
    return Seen(
        meta["namespace"], meta["name"], meta["uid"], labels[keys.LABEL_RUN_UID], int(meta["resourceVersion"]), fact
    )


def _controller(meta: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((owner for owner in meta.get("ownerReferences") or () if owner.get("controller")), None)


def _number(meta: Mapping[str, Any], annotation: str) -> int | None:
    """Read what the Job controller noted on a pod of an Indexed Job; None where there is nothing that can be read."""
    text = (meta.get("annotations") or {}).get(annotation, "")
    return int(text) if text.isdecimal() and len(text) < _DIGITS else None


def _is_clean(obj: Mapping[str, Any], containers: list[Any], ended: list[Any]) -> bool:
    """Whether all ordinary containers ended well, and nothing can make this pod run them again or fail."""
    spec = obj["spec"]
    everyone_ended = bool(containers) and len(ended) == len(containers) == len(spec["containers"])
    return (
        everyone_ended
        and all(end.get("exitCode") == 0 for end in ended)
        and "deletionTimestamp" not in obj["metadata"]
        and obj["status"].get("phase") != "Failed"
        and not any(container.get("restartPolicyRules") for container in spec["containers"])
    )


def _started(container: Mapping[str, Any]) -> float | None:
    state = container.get("state") or {}
    return instant_of((state.get("running") or state.get("terminated") or {}).get("startedAt"))


def _told_by(status: Mapping[str, Any], containers: list[Any]) -> Mapping[str, Any]:
    """Give the end that explains the pod: of a container that failed, init ones first, else of `main`."""
    everyone = [*(status.get("initContainerStatuses") or ()), *containers]
    ends = [(c["name"], t) for c in everyone if (t := (c.get("state") or {}).get("terminated"))]
    failed = next((end for _, end in ends if end.get("exitCode")), None)
    main = next((end for name, end in ends if name == "main"), None)
    return failed or main or {}


def _disruption(status: Mapping[str, Any]) -> str | None:
    """Give why the cluster took the pod, None when it did not."""
    condition = find(status.get("conditions"), "DisruptionTarget")
    taken = condition is not None and condition.get("status") == "True"
    return (condition.get("reason") or "Disrupted") if condition is not None and taken else None


def _message(status: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    disruption = find(status.get("conditions"), "DisruptionTarget")
    if disruption is not None and disruption.get("status") == "True":
        return f"{disruption.get('reason', '')}: {disruption.get('message', '')}"
    return status.get("message") or (told.get("message") or "" if told.get("exitCode") else "")


def _output(containers: list[Any]) -> str | None:
    return _of_main(containers).get("message")


def _of_main(containers: list[Any]) -> Mapping[str, Any]:
    """Give how `main` ended, nothing while it has not."""
    main: Mapping[str, Any] = next((c for c in containers if c["name"] == "main"), {})
    return (main.get("state") or {}).get("terminated") or {}


def _trouble(status: Mapping[str, Any], containers: list[Any]) -> tuple[str, str]:
    """Say why a pod does not run yet, in the cluster's own words."""
    scheduled = find(status.get("conditions"), "PodScheduled")
    if scheduled is not None and scheduled.get("status") == "False":
        return scheduled.get("reason") or "Unschedulable", scheduled.get("message") or ""
    for container in [*(status.get("initContainerStatuses") or ()), *containers]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason") or ""
        if reason not in _QUIET:
            kind = "ImagePull" if reason in _STUCK_PULLING else reason
            return kind, f"{container['name']}: {waiting.get('message') or reason}"
    return "", ""
