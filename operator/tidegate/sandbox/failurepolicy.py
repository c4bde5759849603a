"""podFailurePolicy: what a failed pod means for its Job, by exit codes and conditions; the first rule that fits."""

from collections.abc import Iterator
from typing import NamedTuple

from tidegate.sandbox import pods
from tidegate.sandbox.kinds import Object


class Verdict(NamedTuple):
    """`FailJob`, `Ignore` or `Count`, and the sentence that goes into the Job's condition."""

    action: str
    message: str = ""


def judge(policy: Object, pod: Object) -> Verdict:
    """Apply the rules to a failed pod; without a fitting one it counts as usual."""
    if pod["status"]["phase"] != "Failed":
        return Verdict("Count")
    for index, rule in enumerate(policy.get("rules") or ()):
        found = next(_matches(rule, pod), None)
        if found is not None:
            return Verdict(rule["action"], f"{found} matching {rule['action']} rule at index {index}")
    return Verdict("Count")


def _matches(rule: Object, pod: Object) -> Iterator[str]:
    named = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    if "onExitCodes" in rule:
        for entry in pods.statuses(pod):
            code = entry["state"].get("terminated", {}).get("exitCode", 0)
            if code and _fits(rule["onExitCodes"], entry["name"], code):
                yield f"Container {entry['name']} for pod {named} failed with exit code {code}"
    for pattern in rule.get("onPodConditions") or ():
        for entry in pod["status"].get("conditions") or ():
            if entry["type"] == pattern["type"] and entry["status"] == pattern.get("status", "True"):
                yield f"Pod {named} has condition {entry['type']}"


def _fits(requirement: Object, container: str, code: int) -> bool:
    if requirement.get("containerName") not in (None, container):
        return False
    return (code in requirement["values"]) is (requirement["operator"] == "In")
