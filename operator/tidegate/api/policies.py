"""Policies of a task: fan-out, retries, repetition, cache, disruption."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, WithJsonSchema, model_validator

from tidegate.api.base import DAY, LIST_SET, JsonValue, Model, Text

_OneOrMany = {
    "x-kubernetes-preserve-unknown-fields": True,
    "description": "Seconds before the next attempt: one number, or a list whose last repeats; default 10.",
}
Delay = Annotated[int, Field(ge=0, le=DAY)]
Delays = Annotated[Delay | Annotated[list[Delay], Field(min_length=1, max_length=100)], WithJsonSchema(_OneOrMany)]
Percent = Annotated[int, Field(ge=0, le=100)]
Quantity = Annotated[
    str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$", max_length=32)
]


class OnOOM(Model):
    """More memory for the attempt after one that ran out of it; such attempts have a budget of their own."""

    memory_percent: int = Field(
        default=150,
        ge=101,
        le=1000,
        description="Memory limit and request of the next attempt, in percent of the last one's.",
    )
    max_memory: Quantity = Field(
        description="The limit never grows beyond it; running out of that much is a failure like others."
    )


class Retry(Model):
    """How often and when a failed attempt is tried again."""

    limit: int = Field(default=0, ge=0, le=100, description="Further attempts after a failure; a time-out is one.")
    delay_seconds: Delays = Field(default=10)
    factor: int = Field(default=1, ge=1, le=100, description="The delay is multiplied by it after each attempt.")
    max_delay_seconds: int = Field(default=3600, ge=0, le=30 * DAY, description="The delay never exceeds it.")
    jitter_percent: Percent = Field(
        default=0, description="The delay is lengthened by up to this part of it, different for each run and attempt."
    )
    except_exit_codes: list[Annotated[int, Field(ge=1, le=255)]] = Field(
        default_factory=list,
        max_length=255,
        description="Exit codes of `main` after which no retry can help.",
        json_schema_extra=LIST_SET,
    )
    when: Text | None = Field(
        default=None,
        description="CEL over exitCode, reason, message and attempt of a failure that counts against limit;"
        " false ends the task as failed.",
    )
    max_disruptions: int = Field(
        default=10,
        ge=0,
        le=1000,
        description="Attempts lost to eviction, preemption or a lost node that are repeated without counting.",
    )
    on_oom: OnOOM | None = Field(
        default=None,
        alias="onOOM",
        description="What follows when `main` ran out of memory: another attempt at once, with more of it.",
    )

    @property
    def delays(self) -> tuple[int, ...]:
        """The delays in seconds, at least one; the last repeats."""
        return tuple(self.delay_seconds) if isinstance(self.delay_seconds, list) else (self.delay_seconds,)

    @model_validator(mode="after")
    def _list_or_factor(self) -> Self:
        if isinstance(self.delay_seconds, list) and self.factor != 1:
            raise ValueError("a list of delaySeconds and a factor exclude each other: write the delays out, or one")
        return self


class Repeat(Model):
    """Runs the task again until the condition over its outputs holds."""

    until: Text = Field(description="CEL over `outputs` of the attempt that succeeded, and all else.")
    every_seconds: int = Field(default=10, ge=0, le=30 * DAY, description="Pause between two runs.")
    limit: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Runs in all that succeed without until holding; then the task fails with RepeatLimit."
        " Each of them has the budgets of retry for itself.",
    )


class Strategy(StrEnum):
    """What the items of a fan-out become."""

    INDEXED = "Indexed"
    JOBS = "Jobs"


class ForEach(Model):
    """Runs the task once for each item of a list that is known only at run time."""

    items: JsonValue = Field(description="A list, or text that is one expression $[[ ]] which gives a list.")
    parallelism: int | None = Field(default=None, ge=1, le=10_000, description="Items that run at a time.")
    max_failed: int = Field(
        default=0, ge=0, le=10_000, description="Failed items that are borne; with one more the task fails."
    )
    strategy: Strategy = Field(
        default=Strategy.INDEXED, strict=False, description="Indexed: large Jobs of many items. Jobs: a Job an item."
    )
    chunk_size: int = Field(default=500, ge=1, le=500, description="Items of one Indexed Job.")


class CacheScope(StrEnum):
    """Who shares a cached result."""

    FLOW = "Flow"
    RUN = "Run"
    NAMESPACE = "Namespace"


class Cache(Model):
    """Takes the outputs of the same work done before: same image, command, args, script, files, env and key."""

    key: Text = Field(default="", description="Part of what must be equal; may hold $[[ ]].")
    max_age_seconds: int = Field(default=7 * DAY, ge=1, le=3650 * DAY, description="Older results are not taken.")
    scope: CacheScope = Field(default=CacheScope.FLOW, strict=False, description="Who shares the result.")
    refresh: bool = Field(default=False, description="Does the work again and keeps the new result.")


class DisruptionPolicy(StrEnum):
    """Whether the cluster may move a task's pod."""

    ALLOW = "Allow"
    AVOID = "Avoid"


class Disruption(Model):
    """Tells autoscalers whether the pod may be moved; it does not hinder node failures and preemption."""

    policy: DisruptionPolicy = Field(
        strict=False,
        description="Allow: a node may be emptied though the pod runs on it. Avoid: not before the pod has ended;"
        " needs timeoutSeconds.",
    )
