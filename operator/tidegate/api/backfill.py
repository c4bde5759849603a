"""The kind Backfill: runs of a Flow for instants of one of its schedules that have passed."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic.config import JsonDict

from tidegate.api.base import LIST_ATOMIC, JsonValue, Model, Name, ObjectMeta, Text
from tidegate.api.conditions import Condition
from tidegate.api.flowrun import FlowRef, JsonMap, Sentence, Time, Word
from tidegate.api.triggers import StartedRun

MOST_PARALLEL = 100
MAX_BACKFILL_NAME = 63
"""The name of a Backfill is the value of a label of its runs."""

NOT_EARLIER = "from must be earlier than to"


class Reprocess(StrEnum):
    """Which instants get a run although they have one."""

    NONE = "None"
    FAILED = "Failed"
    ALL = "All"


class Order(StrEnum):
    """Which instants come first."""

    OLDEST_FIRST = "OldestFirst"
    NEWEST_FIRST = "NewestFirst"


class BackfillState(StrEnum):
    """What the user wants of a Backfill. There is no way back from the last."""

    RUNNING = "Running"
    PAUSED = "Paused"
    CANCELLED = "Cancelled"


BACKFILL_STRICTNESS = {BackfillState.RUNNING: 0, BackfillState.PAUSED: 0, BackfillState.CANCELLED: 1}
"""Its desired state may change to one that is as strict or stricter."""

_RANGE: JsonDict = {"x-kubernetes-validations": [{"rule": "self.from < self.to", "message": NOT_EARLIER}]}


class BackfillSpec(Model):
    """Which instants get runs, and how many at a time; only `desiredState` and `parallelism` may be changed."""

    model_config = ConfigDict(json_schema_extra=_RANGE)

    flow_ref: FlowRef
    trigger: Name = Field(description="A trigger of the Flow with a schedule: `cron` or `interval`.")
    since: Time = Field(alias="from", description="The first instant may be this one.")
    until: Time = Field(
        alias="to", description="All instants are before this one, which must have passed; at most 10,000 of them."
    )
    reprocess: Reprocess = Field(
        default=Reprocess.NONE,
        strict=False,
        description="None: instants that have a run of any result get none. Failed: those get one whose latest run did"
        " not succeed. All: every instant gets one. What `history` has deleted is not there any more.",
    )
    parallelism: int = Field(
        default=1, ge=1, le=MOST_PARALLEL, description="May be changed: so many of its runs are live at most."
    )
    order: Order = Field(default=Order.OLDEST_FIRST, strict=False, description="In which runs are started.")
    params: Annotated[dict[Annotated[str, StringConstraints(max_length=40)], JsonValue], Field(max_length=100)] = Field(
        default_factory=dict, description="Values for the Flow's params, instead of those that the trigger gives."
    )
    desired_state: BackfillState = Field(
        default=BackfillState.RUNNING,
        strict=False,
        description="May be changed: Paused starts no more runs; Cancelled also cancels those that are live.",
    )

    @field_validator("since", "until")
    @classmethod
    def _is_a_time(cls, text: str) -> str:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or "T" not in text.upper():
            raise ValueError(f'"{text}" is not a time such as 2026-01-31T00:00:00Z')
        return text

    @model_validator(mode="after")
    def _from_before_to(self) -> Self:
        if datetime.fromisoformat(self.since) >= datetime.fromisoformat(self.until):
            raise ValueError(f"{NOT_EARLIER}; found {self.since} and {self.until}")
        return self


class FrozenBackfill(Model):
    """What a Backfill was begun with; edits of the Flow's triggers do not change it any more."""

    flow_uid: Annotated[str, StringConstraints(max_length=64)] = Field(alias="flowUID")
    trigger: JsonMap = Field(description="The trigger as it was.")
    schedule: Text = Field(description="Its schedule, for people.")
    passed_over: Annotated[str, StringConstraints(max_length=4096)] = Field(
        default="",
        description="Which instants, counted from 0 for the oldest, get no run since they have one: intervals of"
        " numbers, or `base64:` and a bit an instant, where that is shorter.",
    )


class BackfillCounts(Model):
    """Instants by what became of them."""

    total: int = 0
    running: int = Field(default=0, description="Those whose run is live, queued ones included.")
    succeeded: int = 0
    failed: int = Field(default=0, description="Those whose run failed, was cancelled or deleted, or had no chance.")
    skipped: int = Field(default=0, description="Those that had a run already, or for which `when` is false.")


class BackfillStatus(Model):
    """Where a Backfill stands."""

    observed_generation: int = Field(default=-1, json_schema_extra={"format": "int64"})
    frozen: FrozenBackfill | None = None
    handled_time: Time | None = Field(
        default=None, description="In its order, every instant up to this one is dealt with."
    )
    live: list[StartedRun] = Field(
        default_factory=list,
        max_length=MOST_PARALLEL,
        description="Its runs that have not ended: only these may begin.",
        json_schema_extra=LIST_ATOMIC,
    )
    counts: BackfillCounts | None = None
    progress: Word = Field(default="", description="Instants that are done, of all, such as 12/40.")
    start_time: Time | None = Field(default=None, description="When it was decided which instants get runs.")
    completion_time: Time | None = None
    last_failure: Sentence = Field(default="", description="What was wrong with the last instant that failed.")
    why: Sentence = Field(default="", description="One sentence: what it does, what it waits for, or how it ended.")
    conditions: list[Condition] = Field(default_factory=list, max_length=16, json_schema_extra=LIST_ATOMIC)


class Backfill(Model):
    """Starts runs of a Flow for instants of one of its schedules that have passed."""

    api_version: Literal["tidegate.dev/v1alpha1"] = "tidegate.dev/v1alpha1"
    kind: Literal["Backfill"] = "Backfill"
    metadata: ObjectMeta
    spec: BackfillSpec
    status: BackfillStatus | None = None
