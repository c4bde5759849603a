"""Triggers of a Flow: what starts runs by itself. Exactly one source each; what a source means is the engine's."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from tidegate.api.base import DAY, LIST_ATOMIC, LIST_SET, JsonValue, LabelMap, Model, Name, ObjectName, Text
from tidegate.api.keys import DEFAULT_RESERVED_PREFIXES
from tidegate.api.webhook import Webhook

MAX_TRIGGERS = 32
MAX_STARTED = 128
"""Runs of one trigger that were started and have not begun; no more are started until some have."""
MAX_UPSTREAM = 16
MAX_HANDLED = 256
"""Ended runs of the last minutes that a trigger remembers to have dealt with; more wait until these are older."""

Time = Annotated[str, StringConstraints(max_length=32), Field(json_schema_extra={"format": "date-time"})]
Zone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][-+_/A-Za-z0-9]*$", max_length=64)]
CronText = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class TriggerKind(StrEnum):
    """Which source a trigger has; in FlowRun.spec.trigger."""

    CRON = "Cron"
    INTERVAL = "Interval"
    WEBHOOK = "Webhook"
    FLOW = "Flow"
    BACKFILL = "Backfill"
    """No source: a Backfill started the run, for an instant of the trigger."""


SCHEDULES = (TriggerKind.CRON, TriggerKind.INTERVAL)
"""Those that are due at instants; the others have no timing."""


class CatchUp(StrEnum):
    """What becomes of instants that passed while nothing was there to start their runs."""

    NONE = "None"
    LATEST = "Latest"
    ALL = "All"


class Timing(Model):
    """What every schedule says of being late."""

    time_zone: Zone = Field(
        default="UTC", description="Name in the tz database, such as Europe/Berlin; local times are meant in it."
    )
    starting_deadline_seconds: int | None = Field(
        default=None, ge=1, le=366 * DAY, description="An instant that is later than this is missed, never run."
    )
    catch_up: CatchUp = Field(
        default=CatchUp.LATEST,
        strict=False,
        description="Of several instants that are due at once, as after an outage: Latest runs the latest one, All all"
        " of them, oldest first; None runs the latest one if it is at most 60 s late, or as late as"
        " startingDeadlineSeconds says. The others are missed.",
    )
    catch_up_limit: int = Field(
        default=10, ge=1, le=100, description="With All: this many at most, the latest ones; the others are missed."
    )
    jitter_seconds: int = Field(
        default=0,
        ge=0,
        le=DAY,
        description="Runs start up to so much later, always by the same time, which differs from trigger to trigger;"
        " run.scheduledTime does not change.",
    )


class Cron(Timing):
    """Starts runs at times of the calendar."""

    schedules: list[CronText] = Field(
        min_length=1,
        max_length=16,
        description="Five fields: minute, hour, day of month, month, day of week; or @daily and its like. L is the last"
        " day of the month, 5L its last Friday, MON#1 its first Monday. What comes from several counts once.",
        json_schema_extra=LIST_SET,
    )


class Interval(Timing):
    """Starts runs in equal steps of time."""

    every_seconds: int = Field(
        ge=1,
        le=366 * DAY,
        description="Length of a step. Below 24 h steps are equally long; from 24 h on they keep the local hour.",
    )
    anchor: Time | None = Field(
        default=None,
        description="A moment that the steps meet; they go on from it in both directions. By default the beginning of"
        " 1970, in the time zone.",
    )


class RunResult(StrEnum):
    """How a run of another Flow ended: Cancelled is one that somebody stopped, or that was turned away."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


class AfterFlows(Model):
    """Starts runs after runs of other Flows of the namespace have ended."""

    flows: list[ObjectName] = Field(min_length=1, max_length=MAX_UPSTREAM, json_schema_extra=LIST_SET)
    results: list[Annotated[RunResult, Field(strict=False)]] = Field(
        default_factory=lambda: [RunResult.SUCCEEDED],
        min_length=1,
        max_length=3,
        description="Only runs that ended so count.",
        json_schema_extra=LIST_SET,
    )
    all: bool = Field(
        default=False,
        description="false: each run of any of them starts one; true: a run of each of them together start one.",
    )
    within_seconds: int | None = Field(
        default=None,
        ge=1,
        le=7 * DAY,
        description="With all: their ends lie at most so far apart; by default a day.",
    )

    @property
    def window(self) -> int:
        """How far the ends of a set may lie apart, in seconds."""
        return DAY if self.within_seconds is None else self.within_seconds


SOURCES = ("cron", "interval", "webhook", "flow")

_ONE_SOURCE: JsonDict = {
    "x-kubernetes-validations": [
        {
            "rule": " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in SOURCES) + " == 1",
            "message": f"a trigger has exactly one source, of {', '.join(SOURCES)}",
        }
    ]
}


class Trigger(Model):
    """Starts runs of the Flow by itself; exactly one source, such as `cron`."""

    model_config = ConfigDict(json_schema_extra=_ONE_SOURCE)

    name: Name
    suspend: bool = Field(default=False, description="It starts no run; what is due meanwhile is passed over.")
    cron: Cron | None = None
    interval: Interval | None = None
    webhook: Webhook | None = None
    flow: AfterFlows | None = None
    when: Text | None = Field(
        default=None,
        description="CEL over `run`, without a schedule also `event`; where it is false no run is started.",
    )
    params: Annotated[dict[Annotated[str, StringConstraints(max_length=40)], JsonValue], Field(max_length=100)] = Field(
        default_factory=dict, description="Values for the Flow's params; may hold $[[ ]] over the same."
    )
    labels: LabelMap = Field(
        default_factory=dict, description="Labels of the run, beside those of runTemplate; may hold $[[ ]] likewise."
    )

    @property
    def kind(self) -> TriggerKind:
        """Which source it has."""
        source = next(name for name in SOURCES if getattr(self, name) is not None)
        return TriggerKind(source.capitalize())

    @property
    def is_scheduled(self) -> bool:
        """Whether it is due at instants; what is not has no `timing`, and the clock never starts its runs."""
        return self.kind in SCHEDULES

    @property
    def timing(self) -> Timing:
        """The schedule's own policies."""
        timing = self.cron or self.interval
        assert timing is not None  # noqa: S101  asked only of what is scheduled
        return timing

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none"
            raise ValueError(f"a trigger has exactly one source, of {', '.join(SOURCES)}; found {found}")
        return self

    @model_validator(mode="after")
    def _no_reserved_labels(self) -> Self:
        for key in self.labels:
            if key.startswith(DEFAULT_RESERVED_PREFIXES):
                raise ValueError(f'labels: "{key}" is reserved for Tidegate, Kubernetes or a GitOps tool')
        return self


class StartedRun(Model):
    """A run that a trigger started: only the run of this UID may begin for that instant."""

    time: Time
    uid: Annotated[str, StringConstraints(max_length=64)]


class HandledRun(Model):
    """An ended run of another Flow that is dealt with."""

    time: Time
    uid: Annotated[str, StringConstraints(max_length=64)]


class WaitingRun(HandledRun):
    """An ended run of another Flow that waits for those of the others."""

    flow: Annotated[str, StringConstraints(max_length=253)]
    name: Annotated[str, StringConstraints(max_length=253)]


class TriggerStatus(Model):
    """Where a trigger stands."""

    name: Annotated[str, StringConstraints(max_length=40)]
    schedule: Text = Field(default="", description="The schedule, or the source, that all below belongs to.")
    handled_time: Time | None = Field(
        default=None,
        description="Every instant up to it is dealt with: its run was started, or it was passed over. After other"
        " Flows: every run that ended before it.",
    )
    handled_runs: list[HandledRun] = Field(
        default_factory=list,
        max_length=MAX_HANDLED,
        description="Runs that ended since then and are dealt with, too.",
        json_schema_extra=LIST_ATOMIC,
    )
    waiting: list[WaitingRun] = Field(
        default_factory=list,
        max_length=MAX_UPSTREAM,
        description="With all: the runs that wait for those of the other Flows.",
        json_schema_extra=LIST_ATOMIC,
    )
    last_time: Time | None = Field(default=None, description="The instant of the last run that was started.")
    last_run: Annotated[str, StringConstraints(max_length=253)] = Field(default="", description="The name of that run.")
    next_time: Time | None = Field(default=None, description="The next instant.")
    missed: int = Field(default=0, description="Instants that were due and got no run.")
    suspended: bool = Field(default=False, description="Whether the trigger, or the Flow, is suspended.")
    message: Text = Field(default="", description="Why the last instant got no run, or what hinders the next.")
    started: list[StartedRun] = Field(
        default_factory=list,
        max_length=MAX_STARTED,
        description="Runs that were started and had not begun when this was written.",
        json_schema_extra=LIST_ATOMIC,
    )
