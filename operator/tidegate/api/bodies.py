"""Bodies of a task that cost no pod: they wait, ask, fail, or call another Flow."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from tidegate.api.base import DAY, LIST_MAP_BY_NAME, JsonValue, Model, Name, ObjectName, Text
from tidegate.api.param import Param

GroupName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)]
PluralName = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=253)]


class Fail(Model):
    """Ends the task as failed."""

    message: Text = Field(default="", description="Shown as the task's message; may hold $[[ ]].")


class WaitFor(Model):
    """An object of the run's namespace, and what must be true of it."""

    group: GroupName = Field(default="", description="API group of the resource; empty for the core group.")
    resource: PluralName = Field(description="Plural name of the resource, such as deployments; never secrets.")
    name: Text = Field(description="Name of the object; may hold $[[ ]].")
    condition: Word | None = Field(default=None, description="A type of its status.conditions that must be True.")
    when: Text | None = Field(default=None, description="CEL over `object` that must be true.")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if (self.condition is None) == (self.when is None):
            raise ValueError("wait.for has exactly one of condition and when")
        if not self.group and self.resource == "secrets":
            raise ValueError("wait.for never reads Secrets: wait for an object that says what you need to know")
        return self


class Wait(Model):
    """Lets time pass, or waits for an object, without a pod."""

    seconds: int | None = Field(default=None, ge=0, le=365 * DAY, description="How long to wait.")
    time: Text | None = Field(
        default=None, description="RFC 3339 time to wait for; may hold $[[ ]]. One that has passed does not wait."
    )
    for_: WaitFor | None = Field(default=None, alias="for", description="Waits until an object is as it should be.")
    timeout_seconds: int | None = Field(
        default=None, ge=1, le=365 * DAY, description="Fails the task with TimedOut when it waited this long."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.seconds, self.time, self.for_)) != 1:
            raise ValueError("wait has exactly one of seconds, time and for")
        return self


class OnTimeout(StrEnum):
    """What becomes of an approval that nobody decides in time."""

    FAIL = "Fail"
    APPROVE = "Approve"
    SKIP = "Skip"


class Approval(Model):
    """Waits until somebody who may creates a FlowApproval."""

    message: Text = Field(default="", description="What is asked; may hold $[[ ]].")
    params: list[Param] = Field(
        default_factory=list,
        max_length=32,
        description="What the decision may carry; it becomes the task's outputs.",
        json_schema_extra=LIST_MAP_BY_NAME,
    )
    timeout_seconds: int | None = Field(default=None, ge=1, le=365 * DAY, description="How long it is waited.")
    on_timeout: OnTimeout = Field(default=OnTimeout.FAIL, strict=False, description="What happens then.")


class FlowCall(Model):
    """Runs another Flow of the namespace as a child run."""

    name: ObjectName
    params: Annotated[dict[Annotated[str, StringConstraints(max_length=40)], JsonValue], Field(max_length=100)] = Field(
        default_factory=dict, description="Values for the Flow's params; may hold $[[ ]]."
    )
    wait: bool = Field(default=True, description="false: the task succeeds as soon as the child run exists.")


__all__ = ["Approval", "Fail", "FlowCall", "Name", "OnTimeout", "Wait", "WaitFor"]
