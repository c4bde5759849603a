"""What expressions may name, place by place."""

from collections.abc import Collection, Mapping

from tidegate.api.flow import FlowSpec
from tidegate.api.triggers import Trigger
from tidegate.engine import params
from tidegate.engine.expressions import Fields, Members, NameType
from tidegate.engine.templating import Scope

_MOMENTS: Mapping[str, NameType] = {
    "trigger": "string",
    "scheduledTime": "timestamp",
    "timeZone": "string",
    "date": "string",
    "time": "string",
    "interval": Fields({"start": "timestamp", "end": "timestamp"}),
}
_RUN: Mapping[str, NameType] = {
    "name": "string",
    "uid": "string",
    "namespace": "string",
    "flow": "string",
    "revision": "string",
    "attempt": "int",
    **_MOMENTS,
}
RUN = Fields(_RUN)
RUN_AT_ITS_END = Fields({**_RUN, "failed": "bool", "reason": "string"})
TASK = Fields({"state": "string", "outputs": "dyn", "succeeded": "int", "failed": "int", "attempts": "int"})

DEFAULTS = Scope({"run": RUN})
"""Defaults of params."""

TRIGGER = Scope({"run": Fields({"name": "string", "namespace": "string", "flow": "string", **_MOMENTS})})
"""What a trigger gives to a run, before there is one."""

EVENT = Fields(
    {"id": "string", "source": "string", "type": "string", "subject": "string", "time": "timestamp", "data": "dyn"}
)
"""What came with a webhook."""

UPSTREAM = Fields(
    {
        **dict.fromkeys(("name", "uid", "flow", "result", "reason"), "string"),
        **dict.fromkeys(("scheduledTime", "startTime", "completionTime"), "timestamp"),
        "outputs": "dyn",
        "params": "dyn",
    }
)
"""An ended run of another Flow."""


def event_of(trigger: Trigger) -> NameType | None:
    """Give what `event` has in a trigger's expressions; None where there is none, as in a schedule's."""
    if trigger.flow is None:
        return None if trigger.is_scheduled else EVENT
    if trigger.flow.all:
        return Fields({"runs": Fields(dict.fromkeys(trigger.flow.flows, UPSTREAM))})
    return Fields({"run": UPSTREAM})


def of_params(spec: FlowSpec) -> Scope:
    """Give what may be named before a run has started: its params and itself."""
    return Scope({"params": Fields(params.name_types(spec.params)), "run": RUN})


def of_tasks(spec: FlowSpec, names: Collection[str]) -> Scope:
    """Give what tasks may name."""
    return Scope({"params": Fields(params.name_types(spec.params)), "run": RUN, "tasks": Members(TASK)}, names)


def of_finally(scope: Scope) -> Scope:
    """Give what tasks of `finally`, and the run's outputs, may name."""
    return with_names(scope, run=RUN_AT_ITS_END)


def with_items(scope: Scope) -> Scope:
    """Give what the body of a fan-out may name."""
    return with_names(scope, item="dyn", index="int")


def with_names(scope: Scope, **names: NameType) -> Scope:
    """Give a scope with more names."""
    return Scope({**scope.names, **names}, scope.task_names)


def of_trigger(trigger: Trigger) -> Scope:
    """Give what a trigger's own expressions may name."""
    event = event_of(trigger)
    return TRIGGER if event is None else with_names(TRIGGER, event=event)


RETRY = Scope({"exitCode": "int", "reason": "string", "message": "string", "attempt": "int"})
"""`retry.when`: only what is known of the attempt that failed."""

OBJECT = Scope({"object": "dyn"})
"""`wait.for.when`."""
