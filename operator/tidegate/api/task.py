"""A task: one body (a pod, or something free) and what every task may say."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from tidegate.api.base import (
    DAY,
    LIST_ATOMIC,
    LIST_MAP_BY_NAME,
    LIST_SET,
    JsonValue,
    LongText,
    Model,
    Name,
    ObjectName,
    ShortText,
    Text,
)
from tidegate.api.bodies import Approval, Fail, FlowCall, Wait
from tidegate.api.param import ParamType
from tidegate.api.podtemplate import ENV_FROM, POD_TEMPLATE, RESOURCES, VALUE_FROM, VOLUME_MOUNTS
from tidegate.api.policies import Cache, Disruption, ForEach, Repeat, Retry

Argument = Text
RawList = Annotated[list[dict[str, Any]], Field(max_length=64)]
ValueFrom = Annotated[dict[str, Any], WithJsonSchema(VALUE_FROM)]
EnvFrom = Annotated[RawList, WithJsonSchema(ENV_FROM)]
Resources = Annotated[dict[str, Any], WithJsonSchema(RESOURCES)]
VolumeMounts = Annotated[RawList, WithJsonSchema(VOLUME_MOUNTS)]
PodTemplate = Annotated[dict[str, Any], WithJsonSchema(POD_TEMPLATE)]


class RunWhen(StrEnum):
    """What must have become of the needs before a task may run: Airflow's trigger rules."""

    ALL_SUCCEEDED = "AllSucceeded"
    ALL_FAILED = "AllFailed"
    ALL_DONE = "AllDone"
    ALL_DONE_MIN_ONE_SUCCEEDED = "AllDoneMinOneSucceeded"
    ALL_SKIPPED = "AllSkipped"
    ANY_SUCCEEDED = "AnySucceeded"
    ANY_FAILED = "AnyFailed"
    ANY_DONE = "AnyDone"
    NONE_FAILED = "NoneFailed"
    NONE_FAILED_MIN_ONE_SUCCEEDED = "NoneFailedMinOneSucceeded"
    NONE_SKIPPED = "NoneSkipped"
    ALWAYS = "Always"


class EnvVar(Model):
    """One environment variable of the container `main`."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    value: Text | None = Field(default=None, description="Text; $[[ ]] is evaluated, $(NAME) stays Kubernetes'.")
    value_from: ValueFrom | None = Field(
        default=None, description="As in a pod: a key of a ConfigMap, Secret or field."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.value is not None and self.value_from is not None:
            raise ValueError(f'env "{self.name}" has both value and valueFrom: keep one')
        return self


class File(Model):
    """A file put into the container before it starts; its content is never interpolated."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        description="Absolute, or relative to the working directory."
    )
    content: LongText


class TaskOutput(Model):
    """A promise: the task's output has this key, of this type."""

    name: Name
    type: ParamType | None = Field(default=None, strict=False)
    default: JsonValue = Field(default=None, description="Taken when the task wrote no such key.")


class Container(Model):
    """What makes the container `main`: sugar over a pod template."""

    image: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None, description="Image of the container; may hold $[[ ]]."
    )
    command: list[Argument] | None = Field(
        default=None, max_length=256, description="Replaces the image's entrypoint.", json_schema_extra=LIST_ATOMIC
    )
    args: list[Argument] | None = Field(
        default=None, max_length=256, description="Arguments; may hold $[[ ]].", json_schema_extra=LIST_ATOMIC
    )
    script: LongText | None = Field(
        default=None, description="A program, given to the interpreter as a file. Never interpolated: pass data by env."
    )
    interpreter: list[Argument] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description="What runs the script; default sh.",
        json_schema_extra=LIST_ATOMIC,
    )
    files: list[File] | None = Field(default=None, max_length=64, json_schema_extra=LIST_ATOMIC)
    env: list[EnvVar] | None = Field(default=None, max_length=256, json_schema_extra=LIST_MAP_BY_NAME)
    env_from: EnvFrom | None = Field(default=None, description="As in a pod: whole ConfigMaps and Secrets.")
    resources: Resources | None = Field(default=None, description="As in a pod: requests and limits; may hold $[[ ]].")
    working_dir: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    volume_mounts: VolumeMounts | None = Field(default=None, description="As in a pod; the volumes are podTemplate's.")
    pod_template: PodTemplate | None = Field(
        default=None, description="A whole pod template; the fields above fill its container `main`."
    )


CONTAINER_FIELDS = tuple(name for name in Container.model_fields if name not in ("image", "pod_template"))

BODIES = "image or podTemplate, set, fail, wait, approval, or flow"

_ONE_BODY: JsonDict = {
    "x-kubernetes-validations": [
        {
            "rule": "(has(self.image) || has(self.podTemplate) ? 1 : 0) + (has(self.set) ? 1 : 0)"
            " + (has(self.fail) ? 1 : 0) + (has(self.wait) ? 1 : 0) + (has(self.approval) ? 1 : 0)"
            " + (has(self.flow) ? 1 : 0) == 1",
            "message": f"a task has exactly one body: {BODIES}",
        },
        {
            "rule": "has(self.image) || has(self.podTemplate) || !(has(self.command) || has(self.args)"
            " || has(self.script) || has(self.interpreter) || has(self.files) || has(self.env) || has(self.envFrom)"
            " || has(self.resources) || has(self.workingDir) || has(self.volumeMounts))",
            "message": "command, args, script, interpreter, files, env, envFrom, resources, workingDir and volumeMounts"
            " belong to a container: they need image or podTemplate",
        },
        {
            "rule": "!(has(self.script) && has(self.command))",
            "message": "script and command exclude each other: the interpreter runs the script",
        },
        {"rule": "!has(self.interpreter) || has(self.script)", "message": "interpreter needs a script"},
    ]
}


class Task(Container):
    """One step of a Flow: exactly one body, and when it runs."""

    model_config = ConfigDict(json_schema_extra=_ONE_BODY)

    name: Name
    needs: list[Name] = Field(
        default_factory=list,
        max_length=2500,
        description="Tasks that must have succeeded before this one starts.",
        json_schema_extra=LIST_SET,
    )
    run_when: RunWhen = Field(
        default=RunWhen.ALL_SUCCEEDED,
        strict=False,
        description="What must have become of the needs before this task runs.",
    )
    when: Text | None = Field(default=None, description="CEL; the task is skipped when it is false.")
    set: dict[Name, JsonValue] | None = Field(
        default=None, min_length=1, max_length=64, description="Body: outputs computed at once, without a pod."
    )
    fail: Fail | None = Field(default=None, description="Body: ends as failed.")
    wait: Wait | None = Field(default=None, description="Body: waits for time or for an object, without a pod.")
    approval: Approval | None = Field(default=None, description="Body: waits for a person's decision, without a pod.")
    flow: FlowCall | None = Field(default=None, description="Body: runs another Flow of the namespace.")
    for_each: ForEach | None = Field(default=None, description="Runs the task once for each item of a list.")
    retry: Retry | None = None
    repeat: Repeat | None = Field(default=None, description="Runs the task again until its own outputs say enough.")
    timeout_seconds: int | None = Field(
        default=None, ge=1, le=365 * DAY, description="For one attempt, from the moment a node has the pod."
    )
    start_deadline_seconds: int | None = Field(
        default=None,
        ge=1,
        le=365 * DAY,
        description="From the decision to start an attempt until its container runs; default 3600."
        " Time in a queue of suspended Jobs does not count.",
    )
    allow_failure: bool = Field(
        default=False, description="A failure counts as success for dependants; the run ends CompletedWithWarnings."
    )
    cache: Cache | None = Field(default=None, description="Takes the outputs of the same work done before.")
    disruption: Disruption | None = Field(default=None, description="Whether the cluster may move the pod.")
    priority: ObjectName | None = Field(default=None, description="PriorityClass of the pod.")
    queue_name: ObjectName | None = Field(default=None, description="Queue of Kueue that admits the Job.")
    service_account_name: ObjectName | None = Field(default=None, description="Identity of the pod.")
    outputs: list[TaskOutput] | None = Field(default=None, max_length=64, json_schema_extra=LIST_MAP_BY_NAME)

    @property
    def is_pod(self) -> bool:
        """Whether the body is a pod, and so becomes Jobs."""
        return self.image is not None or self.pod_template is not None

    @model_validator(mode="after")
    def _exactly_one_body(self) -> Self:
        bodies = (self.set, self.fail, self.wait, self.approval, self.flow)
        if self.is_pod + sum(body is not None for body in bodies) != 1:
            raise ValueError(f"a task has exactly one body: {BODIES}")
        if not self.is_pod:
            self._has_no_container_fields()
        if self.script is not None and self.command is not None:
            raise ValueError("script and command exclude each other: the interpreter runs the script")
        if self.interpreter is not None and self.script is None:
            raise ValueError("interpreter needs a script")
        return self

    @model_validator(mode="after")
    def _body_can_honour(self) -> Self:
        """Refuse what this body could not do; a default that it cannot honour is left out instead."""
        pods_only = ("retry", "repeat", "timeout_seconds", "start_deadline_seconds", "cache", "disruption")
        given = [name for name in (*pods_only, "priority", "queue_name") if getattr(self, name) is not None]
        if given and not self.is_pod and not (self.flow is not None and given == ["start_deadline_seconds"]):
            field = type(self).model_fields[given[0]].alias or given[0]
            raise ValueError(f"{field} belongs to a task with a container: this one has none")
        if self.for_each is not None and not self.is_pod and self.flow is None:
            raise ValueError("forEach needs a container or a flow: set, fail, wait and approval have no items")
        if self.for_each is not None and self.repeat is not None:
            raise ValueError("forEach and repeat exclude each other: each item runs once")
        return self

    def _has_no_container_fields(self) -> None:
        given = [name for name in CONTAINER_FIELDS if getattr(self, name) is not None]
        if given:
            field = type(self).model_fields[given[0]].alias or given[0]
            raise ValueError(f"{field} belongs to a container: it needs image or podTemplate")


class TaskDefaults(Model):
    """Taken by every task that says nothing itself and whose body can honour it."""

    retry: Retry | None = None
    timeout_seconds: int | None = Field(default=None, ge=1, le=365 * DAY)
    start_deadline_seconds: int | None = Field(default=None, ge=1, le=365 * DAY)
    disruption: Disruption | None = None
    priority: ObjectName | None = None
    queue_name: ObjectName | None = None
    service_account_name: ObjectName | None = None
    pod_template: PodTemplate | None = Field(default=None, description="Merged below each task's own pod template.")
    resources: Resources | None = Field(default=None, description="For tasks without resources of their own.")


class RunOutput(Model):
    """A result of the whole run."""

    name: Name
    value: JsonValue = Field(description="Any value; strings may hold $[[ ]].")
    description: ShortText = ""
