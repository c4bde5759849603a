"""Names of objects: what an API server, or a Flow's children, would refuse."""

import re
from typing import Any

from tidegate.api.flow import MAX_FLOW_NAME

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def name_problem(name: Any, *, is_flow: bool) -> str:
    """Say what is wrong with an object's name; empty when it is right."""
    limit, pattern = (MAX_FLOW_NAME, _LABEL) if is_flow else (253, _SUBDOMAIN)
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
