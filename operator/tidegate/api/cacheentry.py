"""The kind CacheEntry: what a task gave, kept for others that would do the same work."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tidegate.api.base import ANY_VALUE, Model, Name, ObjectMeta, ObjectName
from tidegate.api.policies import CacheScope

Time = Annotated[str, StringConstraints(max_length=32), Field(json_schema_extra={"format": "date-time"})]
Outputs = Annotated[dict[str, Any], Field(json_schema_extra=ANY_VALUE)]


class CacheEntrySpec(Model):
    """What was done, by whom, and what it gave."""

    flow: ObjectName = Field(description="Flow of the run that did the work.")
    task: Name = Field(description="Task that did the work.")
    run: ObjectName = Field(description="Run that did the work; it may be gone.")
    run_uid: Annotated[str, StringConstraints(max_length=64)] = Field(alias="runUID")
    scope: CacheScope = Field(strict=False, description="Who shares the result.")
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", max_length=64)] = Field(
        description="SHA-256 over image, command, args, script, files, env and the task's own key, as JSON."
    )
    time: Time = Field(description="When the work was done.")
    expire_time: Time = Field(description="After it the operator deletes the entry.")
    outputs: Outputs = Field(description="What the task gave.")


class CacheEntry(Model):
    """The result of a task, taken by tasks that would do the same work. Delete it, and the work is done again."""

    api_version: Literal["tidegate.dev/v1alpha1"] = "tidegate.dev/v1alpha1"
    kind: Literal["CacheEntry"] = "CacheEntry"
    metadata: ObjectMeta
    spec: CacheEntrySpec
