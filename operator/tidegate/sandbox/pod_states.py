"""How a pod's status follows from its containers: states in, phase and conditions out."""

from typing import Any, NamedTuple

from tidegate.sandbox.moments import stamp
from tidegate.sandbox.tree import Object

TERMINAL = ("Succeeded", "Failed")
DISRUPTION = "DisruptionTarget"
KILLED = 137
"""Exit code of what was ended by SIGKILL."""

_ADDRESS = "127.0.0.1"
_FIELDS = ("containerStatuses", "initContainerStatuses")
_OWN = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


class End(NamedTuple):
    """How a container ended: exit code, reason (empty: as the code says), termination message."""

    code: int
    reason: str = ""
    message: str = ""


def is_terminal(pod: Object) -> bool:
    """Tell whether nothing of the pod will ever run again."""
    return pod["status"].get("phase") in TERMINAL


def is_ready(pod: Object) -> bool:
    """Tell whether all containers of the pod run."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def bound(pod: Object, now: float) -> Object:
    """Give the status of a pod that has a node now."""
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": stamp(now)}
    return {**pod["status"], "conditions": [scheduled]}


def accepted(pod: Object, now: float) -> Object:
    """Give the status of a pod that its node prepares to run."""
    status = {
        **pod["status"],
        "hostIP": _ADDRESS,
        "hostIPs": [{"ip": _ADDRESS}],
        "podIP": _ADDRESS,
        "podIPs": [{"ip": _ADDRESS}],
        "startTime": stamp(now),
        "containerStatuses": [_fresh(container, pod) for container in pod["spec"]["containers"]],
    }
    if pod["spec"].get("initContainers"):
        status["initContainerStatuses"] = [_fresh(container, pod) for container in pod["spec"]["initContainers"]]
    return settled(pod["spec"], status, now)


def started(pod: Object, name: str, now: float) -> Object:
    """Give the status once a container runs (again)."""
    status, old = _container(pod, name)
    new = {**old, "state": {"running": {"startedAt": stamp(now)}}, "ready": True, "started": True}
    if "terminated" in old["state"]:
        new |= {"lastState": old["state"], "restartCount": old["restartCount"] + 1}
    return settled(pod["spec"], _with_container(status, new), now)


def waiting(pod: Object, name: str, reason: str, message: str, now: float) -> Object:
    """Give the status while a container cannot start."""
    status, old = _container(pod, name)
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    new = {**old, "state": state, "ready": False, "started": False}
    return settled(pod["spec"], _with_container(status, new), now)


def terminated(pod: Object, name: str, end: End, now: float, *, init: bool) -> Object:
    """Give the status once a container has ended; the phase is not looked at, see `settled`."""
    status, old = _container(pod, name, ("initContainerStatuses",) if init else _FIELDS)
    return _with_container(status, _ended(old, end, now))


def lost(pod: Object, now: float) -> Object:
    """Give the status of a pod that was killed: what had not ended has, by force, and the pod has failed."""
    status = dict(pod["status"])
    for field in _FIELDS:
        if field in status:
            status[field] = [
                each if "terminated" in each["state"] else _ended(each, End(KILLED), now) for each in status[field]
            ]
    return failed(status, now)


def failed(status: Object, now: float, reason: str = "", message: str = "") -> Object:
    """Give the status of a pod that failed as a whole."""
    status = {**status, "phase": "Failed"}
    if reason:
        status |= {"reason": reason, "message": message}
    return {**status, "conditions": _conditions(status, "Failed", initialized=True, ready=False, now=now)}


def settled(spec: Object, status: Object, now: float) -> Object:
    """Let phase and conditions follow from the containers."""
    initialized = _is_initialized(spec, status)
    phase = _phase(spec, status, initialized=initialized)
    ready = phase == "Running" and all(each["ready"] for each in status["containerStatuses"])
    conditions = _conditions(status, phase, initialized=initialized, ready=ready, now=now)
    return {**status, "phase": phase, "conditions": conditions}


def disrupted(pod: Object, reason: str, message: str, now: float) -> Object:
    """Give the status of a pod that is about to end through no fault of its own."""
    others = [each for each in pod["status"].get("conditions", ()) if each["type"] != DISRUPTION]
    target = {"type": DISRUPTION, "status": "True", "reason": reason, "message": message}
    return {**pod["status"], "conditions": [*others, {**target, "lastTransitionTime": stamp(now)}]}


def _fresh(container: Object, pod: Object) -> Object:
    reason = "PodInitializing" if pod["spec"].get("initContainers") else "ContainerCreating"
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason}},
        "lastState": {},
    }


def _container(pod: Object, name: str, fields: tuple[str, ...] = _FIELDS) -> tuple[Object, Object]:
    status = pod["status"]
    for field in fields:
        for each in status.get(field, ()):
            if each["name"] == name:
                return status, each
    metadata = pod["metadata"]
    known = [each["name"] for field in fields for each in status.get(field, ())]
    raise ValueError(
        f"pod {metadata['namespace']}/{metadata['name']}: found a report about container {name!r}, expected one of "
        f"those that its node has accepted: {known}; claim the pod before you report about it"
    )


def _with_container(status: Object, new: Object) -> Object:
    result = dict(status)
    for field in _FIELDS:
        if field in status:
            result[field] = [new if each["name"] == new["name"] else each for each in status[field]]
    return result


def _ended(old: Object, end: End, now: float) -> Object:
    since = old["state"].get("running", {}).get("startedAt") or stamp(now)
    state: dict[str, Any] = {
        "exitCode": end.code,
        "reason": end.reason or ("Completed" if end.code == 0 else "Error"),
        "startedAt": since,
        "finishedAt": stamp(now),
    }
    if end.message:
        state["message"] = end.message
    return {**old, "state": {"terminated": state}, "ready": False, "started": False}


def _is_initialized(spec: Object, status: Object) -> bool:
    sidecars = {each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    return all(
        each["name"] in sidecars or each["state"].get("terminated", {}).get("exitCode") == 0
        for each in status.get("initContainerStatuses", ())
    )


def _phase(spec: Object, status: Object, *, initialized: bool) -> str:
    restarts = spec.get("restartPolicy", "Always")
    if not initialized:
        ended = (each["state"].get("terminated") for each in status["initContainerStatuses"])
        broken = any(end is not None and end["exitCode"] != 0 for end in ended)
        return "Failed" if broken and restarts == "Never" else "Pending"
    states = [each["state"] for each in status["containerStatuses"]]
    if any("waiting" in state for state in states):
        return "Pending"
    if restarts == "Always" or any("running" in state for state in states):
        return "Running"
    if all(state["terminated"]["exitCode"] == 0 for state in states):
        return "Succeeded"
    return "Failed" if restarts == "Never" else "Running"


def _conditions(status: Object, phase: str, *, initialized: bool, ready: bool, now: float) -> list[Object]:
    done = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "")
    unready = "" if ready else done or "ContainersNotReady"
    wanted = (
        ("PodReadyToStartContainers", not done, ""),
        ("Initialized", initialized, "" if initialized else "ContainersNotInitialized"),
        ("Ready", ready, unready),
        ("ContainersReady", ready, unready),
        ("PodScheduled", True, ""),
    )
    before = {each["type"]: each for each in status.get("conditions", ())}
    own = [_condition(before.get(name), name, value, reason, now) for name, value, reason in wanted]
    return own + [each for name, each in before.items() if name not in _OWN]


def _condition(before: Object | None, name: str, value: bool, reason: str, now: float) -> Object:  # noqa: FBT001 - a row of the table above
    text = "True" if value else "False"
    if before is not None and before["status"] == text and before.get("reason", "") == reason:
        return before
    since = before["lastTransitionTime"] if before is not None and before["status"] == text else stamp(now)
    new = {"type": name, "status": text, "lastProbeTime": None, "lastTransitionTime": since}
    return {**new, "reason": reason} if reason else new
