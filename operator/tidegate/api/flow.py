"""The kind Flow: a workflow as people write it."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tidegate.api.base import DAY, LIST_ATOMIC, LIST_MAP_BY_NAME, LabelMap, Model, ObjectMeta, Text
from tidegate.api.conditions import Condition
from tidegate.api.keys import DEFAULT_RESERVED_PREFIXES
from tidegate.api.param import Param
from tidegate.api.task import RunOutput, Task, TaskDefaults
from tidegate.api.triggers import MAX_TRIGGERS, Trigger, TriggerStatus

Word = Annotated[str, StringConstraints(max_length=64)]

MAX_TASKS = 2500
MAX_FINALLY = 50
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


class ConcurrencyPolicy(StrEnum):
    """What a run does while others of its Flow (and key) are live."""

    ALLOW = "Allow"
    QUEUE = "Queue"
    FORBID = "Forbid"
    REPLACE = "Replace"


class Concurrency(Model):
    """How many runs of the Flow are live at a time."""

    policy: ConcurrencyPolicy = Field(default=ConcurrencyPolicy.ALLOW, strict=False)
    limit: int = Field(default=1, ge=1, le=1000, description="Live runs a key; Allow has no limit.")
    key: Text = Field(default="", description="Runs of different keys do not hinder each other; may hold $[[ ]].")
    queue_limit: int = Field(default=100, ge=0, le=10_000, description="Runs that may wait a key.")


class RetryMode(StrEnum):
    """What a retried run does again."""

    FAILED = "Failed"
    ALL = "All"


class RunRetry(Model):
    """Retries of a whole run."""

    limit: int = Field(default=0, ge=0, le=100, description="Further attempts of the run after it failed.")
    mode: RetryMode = Field(default=RetryMode.FAILED, strict=False, description="Failed tasks again, or all of them.")
    delay_seconds: int = Field(default=10, ge=0, le=DAY, description="Wait before the run starts again.")


class History(Model):
    """Finished runs that are kept, of those that the Flow owns; runs that people created are never deleted."""

    succeeded: int = Field(default=10, ge=0, le=1000)
    failed: int = Field(default=10, ge=0, le=1000)


class FlowSpec(Model):
    """What a Flow does."""

    description: Text = ""
    suspend: bool = Field(default=False, description="Triggers start no run; runs that are live go on.")
    params: list[Param] = Field(default_factory=list, max_length=100, json_schema_extra=LIST_MAP_BY_NAME)
    concurrency: Concurrency = Field(default_factory=Concurrency)
    parallelism: int = Field(default=50, ge=1, le=10_000, description="Live task pods of one run.")
    fail_fast: bool = Field(default=False, description="After a failure nothing new starts but `finally`.")
    deadline_seconds: int | None = Field(
        default=None, ge=1, le=365 * DAY, description="For the whole run, from its admission; without `finally`."
    )
    retry: RunRetry | None = Field(default=None, description="Starts a failed run again, under the same name.")
    history: History = Field(default_factory=History)
    task_defaults: TaskDefaults = Field(default_factory=TaskDefaults)
    run_template: RunTemplate = Field(default_factory=RunTemplate)
    job_retention: JobRetention = Field(default_factory=JobRetention)
    triggers: list[Trigger] = Field(
        default_factory=list,
        max_length=MAX_TRIGGERS,
        description="What starts runs by itself; concurrency decides what happens while a run is live.",
        json_schema_extra=LIST_MAP_BY_NAME,
    )
    tasks: list[Task] = Field(min_length=1, max_length=MAX_TASKS, json_schema_extra=LIST_MAP_BY_NAME)
    finally_: list[Task] = Field(
        default_factory=list,
        alias="finally",
        max_length=MAX_FINALLY,
        description="Tasks that run when all others have ended, whatever happened, also after a cancel.",
        json_schema_extra=LIST_MAP_BY_NAME,
    )
    outputs: list[RunOutput] = Field(default_factory=list, max_length=64, json_schema_extra=LIST_MAP_BY_NAME)


class ActiveRun(Model):
    """A run that holds a place within the Flow's concurrency."""

    uid: Annotated[str, StringConstraints(max_length=64)]
    name: Annotated[str, StringConstraints(max_length=253)]
    key: Text = ""


class FlowStatus(Model):
    """What the operator says of a Flow."""

    observed_generation: int = Field(default=-1, json_schema_extra={"format": "int64"})
    revision: Annotated[str, StringConstraints(max_length=253)] = Field(
        default="", description="Content hash of the spec that new runs would take."
    )
    tasks: int = Field(default=0, description="Number of tasks.")
    active: list[ActiveRun] = Field(
        default_factory=list,
        max_length=10_000,
        description="Runs that hold a place, where the Flow has a limit; until they and their pods are gone.",
        json_schema_extra=LIST_ATOMIC,
    )
    next_time: Word = Field(default="", description="The next instant of all triggers.")
    triggers: list[TriggerStatus] = Field(
        default_factory=list,
        max_length=MAX_TRIGGERS,
        description="Where each trigger stands.",
        json_schema_extra=LIST_ATOMIC,
    )
    conditions: list[Condition] = Field(default_factory=list, max_length=16, json_schema_extra=LIST_ATOMIC)


class Flow(Model):
    """A workflow: tasks with needs, and what every run of it shares."""

    api_version: Literal["tidegate.dev/v1alpha1"] = "tidegate.dev/v1alpha1"
    kind: Literal["Flow"] = "Flow"
    metadata: ObjectMeta
    spec: FlowSpec
    status: FlowStatus | None = None
