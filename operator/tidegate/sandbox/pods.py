"""The states of a pod, as the scheduler and the kubelet write them: each function takes a pod and gives the next one.

The phase follows from the containers' states as in the kubelet, for pods that are never restarted.
"""

from typing import Any, NamedTuple

from tidegate.sandbox.conditions import with_condition
from tidegate.sandbox.kinds import Object
from tidegate.sandbox.times import rfc3339

TRACKING = "batch.kubernetes.io/job-tracking"
"""The finalizer that keeps a pod until its Job has counted it."""


class Ending(NamedTuple):
    """How a container ended; `message` is its termination message."""

    exit_code: int
    reason: str
    message: str
    started: float | None
    finished: float


def is_terminal(pod: Object) -> bool:
    """Say whether nothing of the pod runs any more, by its phase."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_terminating(pod: Object) -> bool:
    """Say whether somebody has asked for its deletion."""
    return "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Say whether all its containers run."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return bool(statuses) and all(status["ready"] for status in statuses)


def pending(pod: Object) -> Object:
    """Give a pod as it is right after its creation."""
    return _with_status(pod, {"phase": "Pending", "qosClass": _quality(pod)})


def unschedulable(pod: Object, message: str, now: float) -> Object:
    """Note that no node takes the pod, in the scheduler's words."""
    return _with_status(pod, _conditions(pod, now, PodScheduled=("False", "Unschedulable", message)))


def scheduled(pod: Object, node: str, now: float) -> Object:
    """Bind the pod to a node whose kubelet has taken it: from here its activeDeadlineSeconds counts."""
    status = _conditions(
        pod,
        now,
        PodReadyToStartContainers=("True",),
        Initialized=("False", "ContainersNotInitialized") if _inits(pod) else ("True",),
        Ready=("False", "ContainersNotReady"),
        ContainersReady=("False", "ContainersNotReady"),
        PodScheduled=("True",),
    )
    status |= {"hostIP": "127.0.0.1", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}], "startTime": rfc3339(now)}
    status["containerStatuses"] = [_container_status(container, "ContainerCreating") for container in _mains(pod)]
    if _inits(pod):
        status["initContainerStatuses"] = [_container_status(container, "PodInitializing") for container in _inits(pod)]
    return _with_status({**pod, "spec": {**pod["spec"], "nodeName": node}}, status)


def with_container(pod: Object, name: str | None, state: Object, now: float) -> Object:
    """Set the state of one container (None: of all but the init containers) and what follows from it."""
    status = dict(pod["status"])
    for field in ("initContainerStatuses", "containerStatuses"):
        if field in status and not (name is None and field == "initContainerStatuses"):
            status[field] = [
                _with_state(entry, state) if name in (None, entry["name"]) else entry for entry in status[field]
            ]
    return _with_running({**pod, "status": status}, now)


def waiting(reason: str, message: str) -> Object:
    """Give the state of a container that cannot start yet."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(now: float) -> Object:
    """Give the state of a container that runs."""
    return {"running": {"startedAt": rfc3339(now)}}


def terminated(ending: Ending) -> Object:
    """Give the state of a container that has ended."""
    state: Object = {
        "exitCode": ending.exit_code,
        "reason": ending.reason or ("Error" if ending.exit_code else "Completed"),
        "startedAt": rfc3339(ending.finished if ending.started is None else ending.started),
        "finishedAt": rfc3339(ending.finished),
    }
    if ending.message:
        state["message"] = ending.message
    return {"terminated": state}


def all_ended(pod: Object) -> bool:
    """Say whether every ordinary container has terminated, or an init container has failed."""
    status = pod.get("status", {})
    for entry in status.get("initContainerStatuses") or ():
        if entry["state"].get("terminated", {}).get("exitCode"):
            return True
    entries = status.get("containerStatuses") or ()
    return bool(entries) and all("terminated" in entry["state"] for entry in entries)


def finished(pod: Object, now: float) -> Object:
    """Set the phase that follows from the containers' ends."""
    succeeded = all(entry["state"].get("terminated", {}).get("exitCode", 1) == 0 for entry in statuses(pod))
    ready = ("False", "PodCompleted" if succeeded else "PodFailed")
    status = _conditions(pod, now, Ready=ready, ContainersReady=ready, PodReadyToStartContainers=("False",))
    return _with_status(pod, {**status, "phase": "Succeeded" if succeeded else "Failed"})


def failed(pod: Object, reason: str, message: str, now: float) -> Object:
    """Fail the pod whatever its containers did; those that still count as alive end by SIGKILL."""
    status = {**pod["status"], "phase": "Failed"}
    if reason:
        status["reason"] = reason
    if message:
        status["message"] = message
    killed = terminated(Ending(137, "ContainerStatusUnknown" if reason == "NodeLost" else "Error", "", None, now))
    for field in ("initContainerStatuses", "containerStatuses"):
        if field in status:
            status[field] = [
                entry if "terminated" in entry["state"] else _with_state(entry, killed) for entry in status[field]
            ]
    ready = ("False", "PodFailed")
    return _with_status(
        pod, {**status, **_conditions({**pod, "status": status}, now, Ready=ready, ContainersReady=ready)}
    )


def disrupted(pod: Object, reason: str, message: str, now: float) -> Object:
    """Note that the pod ends because of its surroundings, not because of its program."""
    return _with_status(pod, _conditions(pod, now, DisruptionTarget=("True", reason, message)))


def statuses(pod: Object) -> list[Any]:
    """Give the statuses of all containers, init containers first."""
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _with_running(pod: Object, now: float) -> Object:
    status = pod["status"]
    mains = status.get("containerStatuses", ())
    if any("waiting" in entry["state"] for entry in mains) or not any("running" in entry["state"] for entry in mains):
        return pod
    ready = ("True",) if all(entry["ready"] for entry in mains) else ("False", "ContainersNotReady")
    conditions = _conditions(pod, now, Initialized=("True",), Ready=ready, ContainersReady=ready)
    return _with_status(pod, {**conditions, "phase": "Running"})


def _with_state(entry: Object, state: Object) -> Object:
    alive = "running" in state
    return {**entry, "ready": alive, "started": alive, "state": state}


def _container_status(container: Object, reason: str) -> Object:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "started": False,
        "state": {"waiting": {"reason": reason}},
    }


def _conditions(pod: Object, now: float, **states: tuple[str, ...]) -> Object:
    status = pod.get("status", {})
    conditions = status.get("conditions") or []
    for name, state in states.items():
        conditions = with_condition(conditions, name, state[0], now, *state[1:])
    return {**status, "conditions": conditions}


def _with_status(pod: Object, status: Object) -> Object:
    return {**pod, "metadata": dict(pod["metadata"]), "status": status}


def _mains(pod: Object) -> list[Any]:
    return pod["spec"].get("containers") or []


def _inits(pod: Object) -> list[Any]:
    return pod["spec"].get("initContainers") or []


def _quality(pod: Object) -> str:
    resources = [container.get("resources") or {} for container in (*_mains(pod), *_inits(pod))]
    if not any(entry.get("requests") or entry.get("limits") for entry in resources):
        return "BestEffort"
    guaranteed = all(_is_guaranteed(entry) for entry in resources)
    return "Guaranteed" if guaranteed else "Burstable"


def _is_guaranteed(resources: Object) -> bool:
    limits = resources.get("limits") or {}
    requests = resources.get("requests") or limits
    return {"cpu", "memory"} <= limits.keys() and all(requests.get(name) == limits[name] for name in ("cpu", "memory"))
