"""The kind FlowRun: one execution of a Flow; its status is the write-ahead log of the operator."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tidegate.api.base import ANY_VALUE, LIST_ATOMIC, JsonValue, Model, ObjectMeta, ObjectName
from tidegate.api.conditions import Condition

Word = Annotated[str, StringConstraints(max_length=253)]
Sentence = Annotated[str, StringConstraints(max_length=4096)]
Time = Annotated[str, StringConstraints(max_length=32), Field(json_schema_extra={"format": "date-time"})]
JsonMap = Annotated[dict[str, Any], Field(json_schema_extra=ANY_VALUE)]


class DesiredState(StrEnum):
    """What the user wants of a run. There is no way back from the last two."""

    RUNNING = "Running"
    CANCELLED = "Cancelled"
    TERMINATED = "Terminated"


class FlowRef(Model):
    """Which Flow, in the run's own namespace, is run."""

    name: ObjectName


class FlowRunSpec(Model):
    """What a run takes and what is wanted of it."""

    flow_ref: FlowRef
    params: Annotated[dict[Annotated[str, StringConstraints(max_length=40)], JsonValue], Field(max_length=100)] = Field(
        default_factory=dict, description="Values for the Flow's params."
    )
    desired_state: DesiredState = Field(default=DesiredState.RUNNING, strict=False)


class Frozen(Model):
    """The inputs of a run, fixed by the first write; the engine reads nothing else of them."""

    revision: Word
    params: JsonMap
    time: Time


class Ledger(Model):
    """The complete and authoritative record of a run: a letter and an attempt number a slot."""

    slots: Annotated[str, StringConstraints(max_length=10_000)] = Field(
        description="A letter a task, in the Flow's order."
    )
    attempts: list[int] = Field(max_length=10_000, json_schema_extra=LIST_ATOMIC)
    extra: list[Annotated[list[int], Field(max_length=8, json_schema_extra=LIST_ATOMIC)]] = Field(
        default_factory=list,
        max_length=10_000,
        description="Sparse rows [slot, failures, disruptions, due]: budgets used, and the second something is due.",
        json_schema_extra=LIST_ATOMIC,
    )


class TaskRow(Model):
    """One task as people see it."""

    name: Word
    state: Word
    reason: Word = ""
    message: Sentence = ""
    attempt: int = 0
    job: Word = ""
    start_time: Time | None = None
    completion_time: Time | None = None
    next_attempt_time: Time | None = None


class Counts(Model):
    """Tasks by state."""

    total: int = 0
    pending: int = 0
    running: int = 0
    waiting: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0


class FlowRunStatus(Model):
    """What the operator knows of a run."""

    observed_generation: int = Field(default=-1, json_schema_extra={"format": "int64"})
    frozen: Frozen | None = None
    start_time: Time | None = None
    completion_time: Time | None = None
    progress: Word = Field(default="", description="Final tasks of all tasks, such as 3/5.")
    counts: Counts | None = None
    conditions: list[Condition] = Field(default_factory=list, max_length=16, json_schema_extra=LIST_ATOMIC)
    ledger: Ledger | None = None
    tasks: list[TaskRow] = Field(
        default_factory=list,
        max_length=64,
        description="Live and failed tasks first; all of them in a run of up to 64.",
        json_schema_extra=LIST_ATOMIC,
    )
    outputs: JsonMap | None = Field(default=None, description="What tasks wrote, by task.")
    output_refs: list[Word] = Field(
        default_factory=list,
        max_length=256,
        description="ConfigMaps with further outputs.",
        json_schema_extra=LIST_ATOMIC,
    )
    run_outputs: JsonMap | None = Field(default=None, description="The Flow's outputs, at the end of the run.")
    why: Sentence = Field(default="", description="One sentence: what the run waits for, or how it ended.")


class FlowRun(Model):
    """One execution of a Flow."""

    api_version: Literal["tidegate.dev/v1alpha1"] = "tidegate.dev/v1alpha1"
    kind: Literal["FlowRun"] = "FlowRun"
    metadata: ObjectMeta
    spec: FlowRunSpec
    status: FlowRunStatus | None = None
