"""The Indexed Job of a chunk: a pod for each item, repeated by Kubernetes itself within the task's budgets."""

from collections.abc import Mapping
from typing import Any

from tidegate.api.policies import Retry
from tidegate.engine.actions import Share

_DISRUPTED = [{"type": "DisruptionTarget", "status": "True"}]


def indexed_spec(share: Share, retry: Retry, template: Mapping[str, Any]) -> dict[str, Any]:
    """Give the spec of a chunk's Job. What the cluster takes is not counted; how often, the operator limits."""
    return {
        "completionMode": "Indexed",
        "completions": share.count,
        "parallelism": share.parallelism,
        "backoffLimitPerIndex": retry.limit,
        "maxFailedIndexes": share.max_failed,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": _rules(retry)},
        "template": template,
    }


def _rules(retry: Retry) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        {"action": "Ignore" if retry.max_disruptions else "FailIndex", "onPodConditions": _DISRUPTED}
    ]
    if retry.except_exit_codes:
        codes = {"containerName": "main", "operator": "In", "values": sorted(retry.except_exit_codes)}
        rules.append({"action": "FailIndex", "onExitCodes": codes})
    return rules
