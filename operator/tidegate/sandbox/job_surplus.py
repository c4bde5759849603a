"""Which pods a Job gives up first when it has too many: those that have got the least far, as in the real one."""

from collections.abc import Iterable

from tidegate.sandbox.moments import instant
from tidegate.sandbox.pod_states import is_ready
from tidegate.sandbox.tree import Object, Objects

_PHASES = ("Pending", "Unknown", "Running")


def surplus(pods: Iterable[Object], count: int) -> Objects:
    """Give the `count` pods to end; of equals the youngest."""
    ranked = sorted(enumerate(pods), key=lambda each: (_progress(each[1]), -each[0]))
    return [pod for _, pod in ranked[:count]]


def _progress(pod: Object) -> tuple[int, bool, float, int, float]:
    status = pod["status"]
    restarts = max((each.get("restartCount", 0) for each in status.get("containerStatuses", ())), default=0)
    return (
        _PHASES.index(status.get("phase", "Pending")),
        is_ready(pod),
        -_ready_since(pod),
        -restarts,
        -instant(pod["metadata"]["creationTimestamp"]),
    )


def _ready_since(pod: Object) -> float:
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return instant(condition["lastTransitionTime"])
    return 0.0
