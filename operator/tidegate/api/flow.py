"""The kind Flow: a workflow as people write it."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tidegate.api.base import LIST_ATOMIC, LIST_MAP_BY_NAME, LabelMap, Model, ObjectMeta, Text
from tidegate.api.conditions import Condition
from tidegate.api.keys import DEFAULT_RESERVED_PREFIXES
from tidegate.api.param import Param
from tidegate.api.task import DAY, RunOutput, Task, TaskDefaults

MAX_TASKS = 2500
MAX_FLOW_NAME = 40


class RunTemplateMetadata(Model):
    """Labels and annotations that go onto runs, Jobs and pods: the only ones that propagate."""

    labels: LabelMap = Field(default_factory=dict)
    annotations: LabelMap = Field(default_factory=dict)

    @model_validator(mode="after")
    def _no_reserved_keys(self) -> Self:
        for key in (*self.labels, *self.annotations):
            if key.startswith(DEFAULT_RESERVED_PREFIXES):
                raise ValueError(
                    f'"{key}" is reserved: GitOps tools and Kubernetes would mistake a child for its parent'
                )
        return self


class RunTemplate(Model):
    """What every run of the Flow carries."""

    metadata: RunTemplateMetadata = Field(default_factory=RunTemplateMetadata)


class JobRetention(Model):
    """How long finished Jobs stay, and with them pods and logs; never below 300 seconds."""

    succeeded_seconds: int = Field(default=600, ge=300, le=365 * DAY)
    failed_seconds: int = Field(default=86_400, ge=300, le=365 * DAY)


class FlowSpec(Model):
    """What a Flow does."""

    description: Text = ""
    params: list[Param] = Field(default_factory=list, max_length=100, json_schema_extra=LIST_MAP_BY_NAME)
    parallelism: int = Field(default=50, ge=1, le=10_000, description="Live task pods of one run.")
    task_defaults: TaskDefaults = Field(default_factory=TaskDefaults)
    run_template: RunTemplate = Field(default_factory=RunTemplate)
    job_retention: JobRetention = Field(default_factory=JobRetention)
    tasks: list[Task] = Field(min_length=1, max_length=MAX_TASKS, json_schema_extra=LIST_MAP_BY_NAME)
    outputs: list[RunOutput] = Field(default_factory=list, max_length=64, json_schema_extra=LIST_MAP_BY_NAME)


class FlowStatus(Model):
    """What the operator says of a Flow."""

    observed_generation: int = Field(default=-1, json_schema_extra={"format": "int64"})
    revision: Annotated[str, StringConstraints(max_length=253)] = Field(
        default="", description="Content hash of the spec that new runs would take."
    )
    tasks: int = Field(default=0, description="Number of tasks.")
    conditions: list[Condition] = Field(default_factory=list, max_length=16, json_schema_extra=LIST_ATOMIC)


class Flow(Model):
    """A workflow: tasks with needs, and what every run of it shares."""

    api_version: Literal["tidegate.dev/v1alpha1"] = "tidegate.dev/v1alpha1"
    kind: Literal["Flow"] = "Flow"
    metadata: ObjectMeta
    spec: FlowSpec
    status: FlowStatus | None = None
