"""The conditions of a run, in the words that kstatus and Argo CD understand."""

from typing import Any

from tidegate.engine.conclusion import Outcome


def running(reason: str = "Running", message: str = "") -> list[dict[str, Any]]:
    """Give the conditions of a run that has not ended."""
    return [
        {"type": "Succeeded", "status": "Unknown", "reason": reason, "message": message},
        {"type": "Reconciling", "status": "True", "reason": reason, "message": message},
    ]


def ended(outcome: Outcome) -> list[dict[str, Any]]:
    """Give the conditions of a run that has ended."""
    succeeded = {
        "type": "Succeeded",
        "status": "True" if outcome.succeeded else "False",
        "reason": outcome.reason,
        "message": outcome.message,
    }
    if outcome.succeeded:
        return [succeeded]
    return [succeeded, {"type": "Stalled", "status": "True", "reason": outcome.reason, "message": outcome.message}]
