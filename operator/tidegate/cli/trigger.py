"""`tidegate trigger test`: what a trigger would do with an event. No cluster is asked, nothing is started."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from tidegate.api.flow import Flow
from tidegate.api.triggers import Trigger
from tidegate.cli import events, manifests, sources
from tidegate.engine import scopes
from tidegate.engine.admission import resolve_params
from tidegate.engine.graph import compile_flow
from tidegate.engine.occasion import Occasion
from tidegate.engine.run import Run
from tidegate.engine.triggers import compile_trigger, start_of
from tidegate.errors import ExpressionError, UsageError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a trigger would do: its run's params and labels, or the sentence why there is none."""

    flow: str
    trigger: str
    why_not: str
    params: Mapping[str, Any]
    labels: Mapping[str, str]


@click.group()
def command() -> None:
    """Try the triggers of Flows, without a cluster."""


@command.command()
@click.argument("file")
@click.option("--event", "event_file", required=True, metavar="FILE", help="The event as JSON; - for stdin.")
@click.option("--trigger", "name", help="Only this trigger; by default all that take events.")
@click.option("--at", type=click.DateTime(), help="When it happens, in UTC; default now.")
@click.option("-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", help="What is printed.")
@click.pass_context
def test(ctx: click.Context, *, file: str, event_file: str, name: str | None, at: datetime | None, form: str) -> None:
    """Say whether a trigger would start a run for an event, and with which params and labels.

    The event is what expressions see as `event`; what it lacks is missing there, too.
    Exit code 0 when a run would start, 3 when none would, 2 for a mistake in what was given.
    """
    judgement = manifests.judge(sources.read([file]))
    judgement.demand_valid()
    chosen = _chosen(judgement.flows.values(), name)
    event = events.read(event_file)
    moment = at.replace(tzinfo=UTC).timestamp() if at else time.time()
    answers = [_answer(flow, trigger, event, moment) for flow, trigger in chosen]
    click.echo(_as_json(answers) if form == "json" else "\n".join(line for one in answers for line in _as_text(one)))
    ctx.exit(0 if any(not one.why_not for one in answers) else 3)


def _chosen(flows: Iterable[Flow], name: str | None) -> list[tuple[Flow, Trigger]]:
    every = [(flow, trigger) for flow in flows for trigger in flow.spec.triggers]
    found = [
        (flow, trigger)
        for flow, trigger in every
        if scopes.event_of(trigger) is not None and name in (None, trigger.name)
    ]
    if found:
        return found
    if name is not None and any(trigger.name == name for _, trigger in every):
        raise UsageError(f"trigger {name} takes no event: it is a schedule; see tidegate schedule")
    what = "that takes events" if name is None else f'named "{name}"'
    known = ", ".join(trigger.name for _, trigger in every)
    raise UsageError(f"there is no trigger {what} in what was given; {f'there is {known}' if known else 'it has none'}")


def _answer(flow: Flow, trigger: Trigger, event: Any, moment: float) -> Answer:
    shape = scopes.event_of(trigger)
    assert shape is not None  # noqa: S101  only such were chosen
    name, seen = flow.metadata.name, events.shaped(event, shape)
    occasion = Occasion(trigger.name, trigger.kind.value, moment)
    about = {"name": f"{name}-tested", "namespace": "default", "flow": name}
    try:
        start = start_of(compile_trigger(trigger), occasion, about, seen)
    except ExpressionError as error:
        return Answer(name, trigger.name, str(error), {}, {})
    if start is None:
        return Answer(name, trigger.name, f"when is false: {trigger.when}", {}, {})
    graph = compile_flow(flow.spec)[0]
    assert graph is not None  # noqa: S101  it was judged valid
    run = Run("default", about["name"], "", name, "", moment, occasion=occasion)
    values, wrong = resolve_params(graph, run, start.params)
    if wrong:
        told = "; ".join(f"param {finding.keys[-1]}: {finding.message}" for finding in wrong)
        return Answer(name, trigger.name, f"the run would end InvalidParams: {told}", start.params, start.labels)
    return Answer(name, trigger.name, "", values, start.labels)


def _as_text(answer: Answer) -> list[str]:
    begin = f"trigger {answer.trigger} of Flow {answer.flow}"
    if answer.why_not:
        return [f"{begin} would start no run: {answer.why_not}"]
    lines = [f"{begin} would start a run{' with' if answer.params or answer.labels else ''}"]
    lines += [f"  param {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in answer.params.items()]
    return lines + [f"  label {name}: {value}" for name, value in answer.labels.items()]


def _as_json(answers: Iterable[Answer]) -> str:
    rows = [
        {
            "flow": one.flow,
            "trigger": one.trigger,
            "starts": not one.why_not,
            "message": one.why_not,
            "params": dict(one.params),
            "labels": dict(one.labels),
        }
        for one in answers
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)
