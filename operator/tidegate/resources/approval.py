"""A FlowApproval as it is created for one who decides."""

import re
from collections.abc import Mapping
from typing import Any

from tidegate.api import keys
from tidegate.api.flowapproval import Decision

_MAX_PREFIX = 57


def approval(
    run: Mapping[str, Any], task: str, decision: Decision, by: str, comment: str = "", params: Any = None
) -> dict[str, Any]:
    """Give the manifest; it goes with its run, which owns it without controlling it, and gets a name by the server."""
    meta = run["metadata"]
    prefix = re.sub(r"[^a-z0-9]+", "-", f"{meta['name']}-{task}".lower())[:_MAX_PREFIX]
    owner = {"apiVersion": keys.API_VERSION, "kind": "FlowRun", "name": meta["name"], "uid": meta["uid"]}
    spec: dict[str, Any] = {"run": meta["name"], "runUID": meta["uid"], "task": task, "decision": decision.value}
    spec |= {"by": by, **({"comment": comment} if comment else {}), **({"params": dict(params)} if params else {})}
    return {
        "apiVersion": keys.API_VERSION,
        "kind": "FlowApproval",
        "metadata": {
            "generateName": f"{prefix}-",
            "namespace": meta["namespace"],
            "labels": {keys.LABEL_RUN: meta["name"]},
            "ownerReferences": [owner],
        },
        "spec": spec,
    }
