"""The conditions of a run, in the words that kstatus and Argo CD understand."""

from typing import Any

from tidegate.engine.conclusion import Outcome

MAX_MESSAGE = 8192
"""Characters of a condition's message: enough for dozens of mistakes, and far from what the API server refuses."""


def running(reason: str = "Running", message: str = "") -> list[dict[str, Any]]:
    """Give the conditions of a run that has not ended."""
    message = message[:MAX_MESSAGE]
    return [
        {"type": "Succeeded", "status": "Unknown", "reason": reason, "message": message},
        {"type": "Reconciling", "status": "True", "reason": reason, "message": message},
    ]


def ended(outcome: Outcome) -> list[dict[str, Any]]:
    """Give the conditions of a run that has ended."""
    message = outcome.message[:MAX_MESSAGE]
    succeeded = {
        "type": "Succeeded",
        "status": "True" if outcome.succeeded else "False",
        "reason": outcome.reason,
        "message": message,
    }
    if outcome.succeeded:
        return [succeeded]
    return [succeeded, {"type": "Stalled", "status": "True", "reason": outcome.reason, "message": message}]
