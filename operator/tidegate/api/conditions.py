"""Conditions and times as Kubernetes writes them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from tidegate.api.base import Model


class ConditionStatus(StrEnum):
    """What is known of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """A `metav1.Condition`."""

    type: Annotated[str, StringConstraints(max_length=316)]
    status: ConditionStatus = Field(strict=False)
    reason: Annotated[str, StringConstraints(max_length=1024)]
    message: Annotated[str, StringConstraints(max_length=32768)] = ""
    last_transition_time: Annotated[
        str, StringConstraints(max_length=32), Field(json_schema_extra={"format": "date-time"})
    ]
    observed_generation: int = Field(default=0, json_schema_extra={"format": "int64"})


def timestamp(instant: float) -> str:
    """Write seconds since the epoch as Kubernetes does: RFC 3339, UTC, whole seconds."""
    return _timestamp(int(instant))


@lru_cache(maxsize=1024)
def _timestamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(instant: float) -> str:
    """Write seconds since the epoch as a `metav1.MicroTime`."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_of(text: str | None) -> float | None:
    """Read a Kubernetes time as seconds since the epoch; None for an absent one."""
    return datetime.fromisoformat(text).timestamp() if text else None


def find(conditions: Iterable[Mapping[str, Any]] | None, kind: str) -> Mapping[str, Any] | None:
    """Give the condition of a type, if it is there."""
    for condition in conditions or ():
        if condition.get("type") == kind:
            return condition
    return None


def is_true(conditions: Iterable[Mapping[str, Any]] | None, kind: str) -> bool:
    """Whether a condition is there and True."""
    condition = find(conditions, kind)
    return condition is not None and condition.get("status") == "True"


def carry(
    old: Sequence[Mapping[str, Any]] | None, wanted: Sequence[dict[str, Any]], *, generation: int, now: float
) -> list[dict[str, Any]]:
    """Complete wanted conditions (type, status, reason, message); a time moves only when its status does."""
    result = []
    for condition in wanted:
        before = find(old, condition["type"])
        same = before is not None and before.get("status") == condition["status"]
        moved = before["lastTransitionTime"] if before is not None and same else timestamp(now)
        result.append({"message": "", **condition, "observedGeneration": generation, "lastTransitionTime": moved})
    return result
