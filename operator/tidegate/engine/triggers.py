"""Triggers compiled: what is wrong with them, and what a run takes that one of them starts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidegate.api.flow import FlowSpec
from tidegate.api.param import Param
from tidegate.api.triggers import Trigger
from tidegate.engine import paramchecks, scopes
from tidegate.engine.cron import ScheduleError, parse
from tidegate.engine.expressions import Expression
from tidegate.engine.findings import Finding, Keys, listed, nearest
from tidegate.engine.occasion import Occasion, moments
from tidegate.engine.params import resolve
from tidegate.engine.paramtypes import normal
from tidegate.engine.schedules import Schedule, before, schedule_of, zone_of
from tidegate.engine.templating import Compiler, Scope, render, render_text, templates


@dataclass(frozen=True, slots=True)
class Compiled:
    """A trigger whose expressions can be evaluated."""

    trigger: Trigger
    when: Expression | None
    params: Mapping[str, Any]
    labels: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Start:
    """What a run takes from its trigger."""

    params: Mapping[str, Any]
    labels: Mapping[str, str]


def check_triggers(spec: FlowSpec) -> list[Finding]:
    """Find everything that is wrong with a Flow's triggers."""
    names = [trigger.name for trigger in spec.triggers]
    found = []
    for index, trigger in enumerate(spec.triggers):
        keys: Keys = ("spec", "triggers", index)
        if trigger.name in names[:index]:
            found.append(Finding((*keys, "name"), f'"{trigger.name}" is named twice'))
        found += [*_check_source(trigger, keys), *_check_params(trigger, spec.params, keys)]
        compiler = Compiler()
        compile_trigger(trigger, keys, compiler)
        found += [_about_event(finding) for finding in compiler.found]
    return found


def compile_trigger(trigger: Trigger, keys: Keys = (), compiler: Compiler | None = None) -> Compiled:
    """Compile the expressions of a trigger; mistakes go to the compiler."""
    compiler = compiler or Compiler()
    scope = scopes.of_trigger(trigger)
    return Compiled(
        trigger,
        compiler.condition(trigger.when, scope, (*keys, "when")) if trigger.when is not None else None,
        {name: compiler.value(value, scope, (*keys, "params", name)) for name, value in trigger.params.items()},
        {name: compiler.value(value, scope, (*keys, "labels", name)) for name, value in trigger.labels.items()},
    )


def check_loops(name: str, spec: FlowSpec) -> list[Finding]:
    """Find the triggers of a Flow that follow the Flow itself."""
    return [
        Finding(
            ("spec", "triggers", index, "flow", "flows", trigger.flow.flows.index(name)),
            "is this Flow itself: each of its runs would start another, for ever; name other Flows",
        )
        for index, trigger in enumerate(spec.triggers)
        if trigger.flow is not None and name in trigger.flow.flows
    ]


def occasion_of(trigger: Trigger, schedule: Schedule, second: int) -> Occasion:
    """Give the occasion of an instant of a trigger's schedule."""
    start = before(schedule, second)
    return Occasion(trigger.name, trigger.kind.value, float(second), start, schedule.zone.key)


def start_of(
    compiled: Compiled, occasion: Occasion, about: Mapping[str, Any], event: Mapping[str, Any] | None = None
) -> Start | None:
    """Give what a run takes, or None if its trigger's `when` is false.

    Args:
        compiled: the trigger.
        occasion: for which instant.
        about: what `run` has beside the instant.
        event: what expressions see as `event`, where there was one.

    Raises:
        ExpressionError: an expression fails on these data.
    """
    context: dict[str, Any] = {"run": {**about, **moments(occasion.time or 0.0, occasion)}}
    if event is not None:
        context["event"] = event
    if compiled.when is not None and not compiled.when.evaluate(context):
        return None
    return Start(
        {name: render(value, context) for name, value in compiled.params.items()},
        {name: render_text(value, context) for name, value in compiled.labels.items()},
    )


def problems_of(compiled: Compiled, declared: Sequence[Param], start: Start) -> list[str]:
    """Say what is wrong with the values that a run would take: those that are not computed were checked before."""
    computed = {name for name, value in compiled.params.items() if any(True for _ in templates(value))}
    given = {name: value for name, value in start.params.items() if name in computed}
    _, found = resolve([param for param in declared if param.name in given], given, {})
    return [f"{'.'.join(map(str, finding.keys[1:]))}: {finding.message}" for finding in found]


def _about_event(finding: Finding) -> Finding:
    if not finding.message.startswith('unknown name "event"'):
        return finding
    return replace(finding, message='unknown name "event": a schedule has none, it has `run`')


def _check_source(trigger: Trigger, keys: Keys) -> Iterator[Finding]:
    source: Keys = (*keys, trigger.kind.lower())
    if trigger.is_scheduled:
        yield from _check_schedule(trigger, source)
    elif trigger.flow is not None and trigger.flow.within_seconds is not None and not trigger.flow.all:
        yield Finding((*source, "withinSeconds"), "means something only with all: true; leave it out")


def _check_schedule(trigger: Trigger, source: Keys) -> Iterator[Finding]:
    try:
        zone_of(trigger.timing.time_zone)
    except ScheduleError as error:
        yield Finding((*source, "timeZone"), str(error))
        return
    for index, text in enumerate(trigger.cron.schedules if trigger.cron is not None else ()):
        try:
            parse(" ".join(text.split()))
        except ScheduleError as error:
            yield Finding((*source, "schedules", index), str(error))
            return
    try:
        schedule_of(trigger)
    except ScheduleError as error:
        yield Finding((*source, "anchor"), str(error))


def _check_params(trigger: Trigger, declared: Sequence[Param], keys: Keys) -> Iterator[Finding]:
    known, scope = {param.name: param for param in declared}, scopes.of_trigger(trigger)
    for name, value in trigger.params.items():
        where = (*keys, "params", name)
        if name not in known:
            hint = nearest(name, known) or (f"; the Flow has {listed(list(known))}" if known else "; the Flow has none")
            yield Finding(where, f'unknown param "{name}"{hint}')
        elif not _is_computed(value, scope) and (problem := paramchecks.problem_of(known[name], normal(value))):
            yield Finding(where, problem)
    lacking = [p.name for p in declared if p.required and p.default is None and p.name not in trigger.params]
    if lacking:
        yield Finding((*keys, "params"), f"the Flow requires {listed(lacking)}, and this trigger does not give it")


def _is_computed(value: Any, scope: Scope) -> bool:
    return any(True for _ in templates(Compiler().value(value, scope, ())))
