"""A Job's podFailurePolicy: what the failure of a pod means for its Job."""

from typing import NamedTuple

from tidegate.sandbox.tree import Object


class Ruling(NamedTuple):
    """`action` is FailJob, FailIndex, Ignore or Count; `message` says which rule it was, for FailJob."""

    action: str
    message: str = ""


COUNT = Ruling("Count")


def ruling(policy: Object | None, pod: Object) -> Ruling:
    """Apply the first rule that matches; without one the failure is counted."""
    for index, rule in enumerate((policy or {}).get("rules", ())):
        cause = _exit_codes(rule.get("onExitCodes"), pod) or _conditions(rule.get("onPodConditions"), pod)
        if cause:
            return Ruling(rule["action"], f"{cause} matching {rule['action']} rule at index {index}")
    return COUNT


def _exit_codes(demand: Object | None, pod: Object) -> str:
    if demand is None:
        return ""
    metadata = pod["metadata"]
    for field in ("containerStatuses", "initContainerStatuses"):
        for status in pod["status"].get(field, ()):
            code = status["state"].get("terminated", {}).get("exitCode", 0)
            if code == 0 or demand.get("containerName", status["name"]) != status["name"]:
                continue
            if (code in demand["values"]) == (demand["operator"] == "In"):
                place = f"{metadata['namespace']}/{metadata['name']}"
                return f"Container {status['name']} for pod {place} failed with exit code {code}"
    return ""


def _conditions(demands: list[Object] | None, pod: Object) -> str:
    metadata = pod["metadata"]
    for condition in pod["status"].get("conditions", ()):
        for demand in demands or ():
            if (condition["type"], condition["status"]) == (demand["type"], demand.get("status", "True")):
                return f"Pod {metadata['namespace']}/{metadata['name']} has condition {condition['type']}"
    return ""
