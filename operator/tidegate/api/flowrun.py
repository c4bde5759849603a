"""The kind FlowRun: one execution of a Flow; its status is the write-ahead log of the operator."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tidegate.api.base import (
    ANY_VALUE,
    LIST_ATOMIC,
    LIST_SET,
    JsonValue,
    Model,
    Name,
    ObjectMeta,
    ObjectName,
    Text,
)
from tidegate.api.conditions import Condition
from tidegate.api.triggers import TriggerKind, Zone

Word = Annotated[str, StringConstraints(max_length=253)]
Sentence = Annotated[str, StringConstraints(max_length=4096)]
Interval = Annotated[str, StringConstraints(max_length=2048)]
Time = Annotated[str, StringConstraints(max_length=32), Field(json_schema_extra={"format": "date-time"})]
JsonMap = Annotated[dict[str, Any], Field(json_schema_extra=ANY_VALUE)]


class DesiredState(StrEnum):
    """What the user wants of a run. There is no way back from the last two."""

    RUNNING = "Running"
    PAUSED = "Paused"
    CANCELLED = "Cancelled"
    TERMINATED = "Terminated"


STRICTNESS = {DesiredState.RUNNING: 0, DesiredState.PAUSED: 0, DesiredState.CANCELLED: 1, DesiredState.TERMINATED: 2}
"""A run's desired state may change to one that is as strict or stricter."""


class FlowRef(Model):
    """Which Flow, in the run's own namespace, is run."""

    name: ObjectName


class RerunMode(StrEnum):
    """What a rerun does again."""

    FAILED = "Failed"
    FROM = "From"
    ALL = "All"


class Rerun(Model):
    """A new run of what an ended one did: same revision, same params."""

    of: ObjectName = Field(description="The run that is done again.")
    mode: RerunMode = Field(
        default=RerunMode.FAILED,
        strict=False,
        description="Failed: what did not succeed. From: `tasks` and all that depends on them. All: everything.",
    )
    tasks: list[Name] = Field(
        default_factory=list, max_length=2500, description="Where From begins.", json_schema_extra=LIST_SET
    )


class RunTrigger(Model):
    """What started a run, and for which instant or event."""

    name: Name = Field(description="The Flow's trigger.")
    kind: TriggerKind = Field(strict=False, description="Its source.")
    time: Time | None = Field(default=None, description="The instant that was due: run.scheduledTime.")
    interval_start: Time | None = Field(
        default=None, description="The instant before it in the schedule: run.interval.start."
    )
    time_zone: Zone = Field(default="UTC", description="Of run.date and run.time.")
    id: Word = Field(default="", description="The event's id, where it has one; of a Backfill its UID.")
    chain: int = Field(default=0, ge=0, le=1000, description="How many runs before it started each other by their end.")
    backfill: Word = Field(default="", description="The name of the Backfill, where one started the run.")


class FlowRunSpec(Model):
    """What a run takes and what is wanted of it."""

    flow_ref: FlowRef
    params: Annotated[dict[Annotated[str, StringConstraints(max_length=40)], JsonValue], Field(max_length=100)] = Field(
        default_factory=dict, description="Values for the Flow's params."
    )
    desired_state: DesiredState = Field(
        default=DesiredState.RUNNING,
        strict=False,
        description="May be changed: Paused starts nothing new; Cancelled stops and runs `finally`; Terminated stops.",
    )
    priority: int = Field(
        default=0, ge=-1_000_000, le=1_000_000, description="May be changed: among queued runs of the Flow."
    )
    ttl_seconds_after_finished: int | None = Field(
        default=None, ge=0, le=3650 * 86_400, description="May be changed: the run is deleted so long after its end."
    )
    rerun: Rerun | None = Field(default=None, description="Does again what an ended run did.")
    trigger: RunTrigger | None = Field(
        default=None, description="What started the run; written by the operator. By hand: the instant it is meant for."
    )


class Frozen(Model):
    """The inputs of a run, fixed by the first write; the engine reads nothing else of them."""

    revision: Word
    params: JsonMap
    key: Text | None = Field(default=None, description="The concurrency key, where the Flow has a limit.")
    time: Time
    depth: int | None = Field(default=None, description="How many runs are above one that a task started.")
    root: Word | None = Field(
        default=None, description="What idempotency keys are made from, where it is not the run's UID."
    )
    scheduled_time: Time | None = Field(default=None, description="run.scheduledTime, where it is not the creation.")
    trigger: RunTrigger | None = Field(default=None, description="What started the run.")
    reuse: Word | None = Field(default=None, description="The ConfigMap in which a rerun finds where it begins.")


class Block(Model):
    """The slots of a fan-out: a slot a chunk of items, or an item."""

    task: Word
    first: int = Field(description="The first slot.")
    count: int = Field(description="How many slots.")
    total: int = Field(default=0, description="How many items.")
    size: int = Field(default=1, description="Items a slot; the last slot may have fewer.")
    items: list[Word] = Field(
        default_factory=list,
        max_length=10_000,
        description="ConfigMaps with the items.",
        json_schema_extra=LIST_ATOMIC,
    )
    results: list[Word] = Field(
        default_factory=list,
        max_length=10_000,
        description="ConfigMaps with the items' outputs.",
        json_schema_extra=LIST_ATOMIC,
    )
    failed: Annotated[str, StringConstraints(max_length=65_536)] = Field(
        default="",
        description="Items that failed, of chunks that ended: intervals of their numbers, or `base64:` and a bit an"
        " item, the least first, where that is shorter.",
    )


class Ledger(Model):
    """The complete and authoritative record of a run: a letter and an attempt number a slot."""

    slots: Annotated[str, StringConstraints(max_length=20_000)] = Field(
        description="A letter a task, in the Flow's order, `finally` last; then a letter a chunk or item of fan-outs."
    )
    attempts: list[int] = Field(max_length=20_000, json_schema_extra=LIST_ATOMIC)
    extra: list[Annotated[list[int], Field(max_length=8, json_schema_extra=LIST_ATOMIC)]] = Field(
        default_factory=list,
        max_length=20_000,
        description="Sparse rows [slot, failures, disruptions, ooms, due, repeats, pods]: budgets used, the second"
        " something is due, runs of a repeated task, and places that a chunk takes. Zeros at the end are left out.",
        json_schema_extra=LIST_ATOMIC,
    )
    unseen: list[Annotated[list[int], Field(max_length=2501, json_schema_extra=LIST_ATOMIC)]] = Field(
        default_factory=list,
        max_length=2500,
        description="Rows [slot, slot, ...]: which tasks had not ended when one began whose expressions name them.",
        json_schema_extra=LIST_ATOMIC,
    )
    decided: list[Annotated[list[int], Field(max_length=128, json_schema_extra=LIST_ATOMIC)]] = Field(
        default_factory=list,
        max_length=20_000,
        description="Rows [slot, digest, ...]: which FlowApprovals were taken up, by a digest of the UID.",
        json_schema_extra=LIST_ATOMIC,
    )
    blocks: list[Block] = Field(default_factory=list, max_length=2500, json_schema_extra=LIST_ATOMIC)


class Items(Model):
    """The items of a fan-out, as intervals of their numbers."""

    total: int = 0
    succeeded: Interval = ""
    failed: Interval = ""
    running: int = 0


class Stop(Model):
    """The operator's own wish to stop the run; the stricter of it and spec.desiredState holds."""

    state: DesiredState = Field(strict=False)
    reason: Word
    message: Sentence = ""


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
    items: Items | None = None
    child: Word = Field(default="", description="The child run of a flow task.")


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
    admitted_time: Time | None = Field(default=None, description="When the run was given its place within the limit.")
    attempt: int = Field(default=0, description="Attempt of the whole run, from one, where the Flow retries runs.")
    next_attempt_time: Time | None = Field(default=None, description="When the whole run is tried again.")
    stop: Stop | None = None
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
