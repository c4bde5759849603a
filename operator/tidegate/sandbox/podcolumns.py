"""The one word in which `kubectl get pods` sums up a pod, and the counts beside it."""

from typing import Any

from tidegate.sandbox.tree import Object


def pod_ready(pod: Object, _now: float) -> str:
    """Give ready containers of all containers, `1/2`."""
    states = pod.get("status", {}).get("containerStatuses") or ()
    return f"{sum(bool(entry.get('ready')) for entry in states)}/{len(pod['spec'].get('containers', ()))}"


def pod_restarts(pod: Object, _now: float) -> str:
    """Give how often containers were started again."""
    return str(sum(entry.get("restartCount", 0) for entry in pod.get("status", {}).get("containerStatuses") or ()))


def pod_status(pod: Object, _now: float) -> str:
    """Give the reason that best tells where the pod stands: Running, Init:0/1, Error, Completed, ImagePullBackOff..."""
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"] and status.get("phase") not in ("Succeeded", "Failed"):
        return "Terminating"
    said = str(status.get("reason") or status.get("phase", "Unknown"))
    return _init_word(pod) or _container_word(status) or said


def _init_word(pod: Object) -> str:
    """Give `Init:...` while, or because, an init container has not succeeded."""
    states = {entry["name"]: entry.get("state", {}) for entry in pod["status"].get("initContainerStatuses") or ()}
    inits = pod["spec"].get("initContainers") or ()
    for index, container in enumerate(inits):
        state = states.get(container["name"], {})
        ended = state.get("terminated")
        if ended and ended.get("exitCode") == 0:
            continue
        word = _word(state)
        return f"Init:{word}" if word not in ("", "PodInitializing") else f"Init:{index}/{len(inits)}"
    return ""


def _container_word(status: Object) -> str:
    if status.get("reason"):
        return ""
    words = [_word(entry.get("state", {})) for entry in status.get("containerStatuses") or ()]
    return next((word for word in words if word), "")


def _word(state: dict[str, Any]) -> str:
    """Give the reason for which a container waits or has ended; empty while it runs."""
    if "waiting" in state:
        return str(state["waiting"].get("reason", ""))
    ended = state.get("terminated")
    if not ended:
        return ""
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"
