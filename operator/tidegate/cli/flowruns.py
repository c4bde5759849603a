"""FlowRuns as the command line makes and reads them: their name, their manifest, how they ended."""

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tidegate.api import keys
from tidegate.api.conditions import find

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, no look-alikes: as Kubernetes' own random names
_INVALID = ("InvalidSpec", "InvalidParams", "InvalidRerun")


def run_name(flow: str, now: datetime, rng: random.Random) -> str:
    """Give `FLOW-YYYYMMDD-HHMMSS-xxxxx`: sorted by time, and different for two people in the same second."""
    return f"{flow}-{now:%Y%m%d-%H%M%S}-{''.join(rng.choices(_ALPHABET, k=5))}"


def manifest(flow: str, namespace: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Give a FlowRun to create; the label lets a watch be for it alone."""
    return {
        "apiVersion": keys.API_VERSION,
        "kind": "FlowRun",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {keys.LABEL_FLOW: flow, keys.LABEL_RUN: name},
        },
        "spec": {"flowRef": {"name": flow}, **spec},
    }


def outcome(run: Mapping[str, Any]) -> tuple[bool, str, str] | None:
    """Give (succeeded, reason, message) of a run that has ended."""
    condition = find((run.get("status") or {}).get("conditions"), "Succeeded")
    if condition is None or condition["status"] not in ("True", "False"):
        return None
    return condition["status"] == "True", condition["reason"], condition.get("message", "")


def exit_code(run: Mapping[str, Any]) -> int:
    """Give 0 for a run that succeeded, 1 failed, 2 invalid, 3 cancelled; expects one that has ended."""
    ended = outcome(run)
    if ended is None:
        raise ValueError(f"{run['metadata']['name']} has not ended")
    succeeded, reason, _ = ended
    if succeeded:
        return 0
    return 2 if reason in _INVALID else 3 if reason == "Cancelled" else 1
