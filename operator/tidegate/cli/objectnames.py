"""Names of objects: what an API server, or a Flow's children, would refuse."""

import re
from typing import Any

from tidegate.api.backfill import MAX_BACKFILL_NAME
from tidegate.api.crd import MAX_RUN_NAME
from tidegate.api.flow import MAX_FLOW_NAME

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


_LIMITS = {"Backfill": MAX_BACKFILL_NAME, "Flow": MAX_FLOW_NAME, "FlowRun": MAX_RUN_NAME}


def name_problem(name: Any, kind: str) -> str:
    """Say what is wrong with the name of an object of some kind; empty when it is right."""
    is_flow, limit = kind == "Flow", _LIMITS.get(kind, 253)
    pattern = _LABEL if is_flow else _SUBDOMAIN
    if not isinstance(name, str):
        return f"Invalid value: {name}: must be a string; write it in quotes"
    if len(name) > limit:
        return f'Invalid value: "{name}": must have at most {limit} characters, has {len(name)}'
    if not pattern.fullmatch(name):
        dots = "" if is_flow else " and dots"
        return (
            f'Invalid value: "{name}": must be of lower-case letters, digits, hyphens{dots}, '
            "and begin and end with a letter or digit"
        )
    return ""
