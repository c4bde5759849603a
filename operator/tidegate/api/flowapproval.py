"""The kind FlowApproval: one person's decision on one task of one run. Who may create one may approve."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tidegate.api.base import LIST_ATOMIC, JsonValue, Model, Name, ObjectMeta, ObjectName, ShortText
from tidegate.api.conditions import Condition

COUNTED = "Counted"
"""The condition that answers a decision."""


class Decision(StrEnum):
    """What is decided."""

    APPROVED = "Approved"
    REJECTED = "Rejected"


class FlowApprovalSpec(Model):
    """A decision; it can never be changed."""

    run: ObjectName = Field(description="The FlowRun, in the same namespace.")
    run_uid: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        alias="runUID", description="Its metadata.uid, so that a decision never counts for a later run of that name."
    )
    task: Name = Field(description="The task that waits for the decision.")
    index: int = Field(default=0, ge=0, le=10_000, description="Leave it out: approvals have no items.")
    decision: Decision = Field(strict=False)
    by: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        description="Who decides: the name of the user who creates this object; see `kubectl auth whoami`."
    )
    comment: ShortText = Field(default="", description="Why; it becomes an output of the task.")
    params: Annotated[dict[Annotated[str, StringConstraints(max_length=40)], JsonValue], Field(max_length=32)] = Field(
        default_factory=dict, description="Values for the approval's params; they become outputs of the task."
    )


class FlowApprovalStatus(Model):
    """What became of a decision."""

    observed_generation: int = Field(default=-1, json_schema_extra={"format": "int64"})
    conditions: list[Condition] = Field(default_factory=list, max_length=16, json_schema_extra=LIST_ATOMIC)


class FlowApproval(Model):
    """One decision on one task of one run: Approved or Rejected."""

    api_version: Literal["tidegate.dev/v1alpha1"] = "tidegate.dev/v1alpha1"
    kind: Literal["FlowApproval"] = "FlowApproval"
    metadata: ObjectMeta
    spec: FlowApprovalSpec
    status: FlowApprovalStatus | None = None
