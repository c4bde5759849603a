"""Conditions in a status: found and set the way Kubernetes' own controllers do."""

from typing import Any

from tidegate.sandbox.kinds import Object
from tidegate.sandbox.times import rfc3339


def condition(obj: Object, name: str) -> Object | None:
    """Give the condition of that type, None where there is none."""
    for entry in obj.get("status", {}).get("conditions") or ():
        if entry["type"] == name:
            found: Object = entry
            return found
    return None


def is_true(obj: Object, name: str) -> bool:
    """Say whether the condition is there and True."""
    entry = condition(obj, name)
    return entry is not None and entry["status"] == "True"


def with_condition(  # noqa: PLR0913 - a condition has that many fields
    conditions: list[Any],
    name: str,
    status: str,
    now: float,
    reason: str = "",
    message: str = "",
    *,
    probed: bool = True,
) -> list[Any]:
    """Give the list with one condition set; its transition time moves only when its status does.

    `probed` adds lastProbeTime, which Jobs and pods carry and newer conditions do not.
    """
    entry: Object = {"type": name, "status": status, "lastTransitionTime": rfc3339(now)}
    if probed:
        entry["lastProbeTime"] = rfc3339(now)
    if reason:
        entry["reason"] = reason
    if message:
        entry["message"] = message
    for index, old in enumerate(conditions):
        if old["type"] == name:
            if old["status"] == status:
                entry["lastTransitionTime"] = old["lastTransitionTime"]
            return [*conditions[:index], entry, *conditions[index + 1 :]]
    return [*conditions, entry]
