"""`tidegate explain`: what a Flow would do if its tasks went as is said; decided by the operator's own code."""

import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from tidegate.cli import choosing, manifests, parameters, sources
from tidegate.engine.admission import resolve_params
from tidegate.engine.findings import nearest
from tidegate.engine.graph import Graph, Node, compile_flow
from tidegate.engine.rehearsal import Assumed, Rehearsal, Told, rehearse
from tidegate.engine.run import Run
from tidegate.errors import InvalidSpec, Problem, UsageError

OUTCOMES = ("Succeeded", "Failed")
DECISIONS = ("Approved", "Rejected", "TimedOut")
MEETINGS = ("Met", "TimedOut")


@click.command()
@click.argument("file")
@click.option("--flow", help="Which Flow of FILE; by default the last that no other calls.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A param of the run.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    metavar="TASK=OUTCOME",
    help="Succeeded (default) or Failed; of an approval Approved (default), Rejected or TimedOut; of a wait for an "
    "object Met (default) or TimedOut.",
)
@click.option("--output", "outputs", multiple=True, metavar="TASK.KEY=VALUE", help="What a task writes; JSON or text.")
@click.option("--at", type=click.DateTime(), help="When the run is created, in UTC; default now.")
@click.option("-o", "--format", "form", type=click.Choice(["text", "json"]), default="text", help="What is printed.")
@click.pass_context
def command(  # noqa: PLR0913  click's way of passing options
    ctx: click.Context,
    *,
    file: str,
    flow: str | None,
    params: tuple[str, ...],
    outcomes: tuple[str, ...],
    outputs: tuple[str, ...],
    at: datetime | None,
    form: str,
) -> None:
    """Say which tasks would run, which would be skipped and why, and how the run would end. Nothing is started.

    Exit code 0 when the run would succeed, 3 when it would fail or wait for ever, 2 for a mistake in what was given.
    """
    judgement = manifests.judge(sources.read([file]))
    judgement.demand_valid()
    chosen = choosing.choose(judgement.flows, flow).flow
    graph = compile_flow(chosen.spec)[0]
    assert graph is not None  # noqa: S101  it was judged valid
    texts = parameters.pairs(params)
    created = at.replace(tzinfo=UTC).timestamp() if at else time.time()
    run = _run(graph, chosen.metadata.name, parameters.typed(chosen.spec.params, texts), created)
    given = _outcomes(graph, outcomes)
    failed = frozenset(task for task, outcome in given.items() if outcome in ("Failed", "Rejected"))
    undecided = frozenset(task for task, outcome in given.items() if outcome == "TimedOut")
    assumed = Assumed(failed, undecided, _outputs(graph, outputs))
    rehearsal = rehearse(graph, run, assumed)
    click.echo(_as_json(rehearsal) if form == "json" else "\n".join(_as_text(graph, rehearsal, assumed)))
    ctx.exit(0 if rehearsal.outcome is not None and rehearsal.outcome.succeeded else 3)


def _run(graph: Graph, flow: str, given: Mapping[str, Any], created: float) -> Run:
    run = Run("default", f"{flow}-explained", "00000000-0000-0000-0000-000000000000", flow, "", created)
    values, found = resolve_params(graph, run, given)
    if found:
        raise InvalidSpec([Problem(0, 0, f"--param {finding.keys[-1]}", finding.message) for finding in found])
    return Run(run.namespace, run.name, run.uid, flow, "", created, values)


def _outcomes(graph: Graph, texts: Iterable[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        task, _, outcome = text.partition("=")
        _demand_task(graph, task, "--outcome")
        known = _known_outcomes(graph.nodes[graph.slots[task]])
        if not known:
            raise UsageError(f"--outcome {task}: it has no container; what becomes of it is computed")
        if outcome not in known:
            raise UsageError(f'--outcome {task}: got "{outcome}"; expected {" or ".join(known)}')
        found[task] = outcome
    return found


def _known_outcomes(node: Node) -> tuple[str, ...]:
    """Give what may be assumed of a task; nothing of one that is computed."""
    if node.task.approval is not None:
        return DECISIONS
    if node.task.wait is not None and node.task.wait.for_ is not None:
        return MEETINGS
    return OUTCOMES if _works(node) else ()


def _works(node: Node) -> bool:
    """Whether what becomes of the task is not known here."""
    return node.task.is_pod or node.task.flow is not None


def _outputs(graph: Graph, texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        place, equals, value = text.partition("=")
        task, dot, key = place.partition(".")
        if not (equals and dot and key):
            raise UsageError(f"--output {text!r}: expected TASK.KEY=VALUE")
        _demand_task(graph, task, "--output")
        found.setdefault(task, {})[key] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _demand_task(graph: Graph, task: str, option: str) -> None:
    if task not in graph.slots:
        raise UsageError(f'{option}: there is no task "{task}"{nearest(task, graph.slots)}')


def _as_text(graph: Graph, rehearsal: Rehearsal, assumed: Assumed) -> list[str]:
    rows = [("TASK", "WHAT BECOMES OF IT", "BEGINS", "WHY")]
    rows += [(told.task, _becomes(told), _begins(told), _why(graph, told, assumed)) for told in rehearsal.tasks]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    return [line.rstrip() for line in lines] + ["", _end(rehearsal)]


def _becomes(told: Told) -> str:
    return f"{told.state} after {told.attempts} attempts" if told.attempts > 1 else told.state


def _begins(told: Told) -> str:
    return "" if told.began is None else f"+{told.began:,.0f} s"


def _why(graph: Graph, told: Told, assumed: Assumed) -> str:
    node = graph.nodes[graph.slots[told.task]]
    if told.reason:
        return f"{told.reason}: {told.message}{_unknown(graph, told, assumed)}".rstrip(": ")
    if not node.needs:
        return "finally: all tasks have ended" if node.in_finally else "needs nothing"
    names = ", ".join(graph.nodes[need].name for need in node.needs[:5])
    more = f" and {len(node.needs) - 5} more" if len(node.needs) > 5 else ""
    return f"{node.task.run_when} of {names}{more}"


def _unknown(graph: Graph, told: Told, assumed: Assumed) -> str:
    """Say which outputs would have to be given for an expression that failed."""
    if told.reason != "ExpressionFailed":
        return ""
    reads = (graph.nodes[slot] for slot in sorted(graph.nodes[graph.slots[told.task]].reads))
    unknown = [node.name for node in reads if _works(node) and node.name not in assumed.outputs]
    return (
        f" (outputs of {', '.join(unknown)} are not known here: give --output {unknown[0]}.KEY=VALUE)"
        if unknown
        else ""
    )


def _end(rehearsal: Rehearsal) -> str:
    if rehearsal.outcome is None:
        return f"The run would wait: {rehearsal.why}"
    outcome = rehearsal.outcome
    word = "succeed" if outcome.succeeded else "fail"
    values = f"\nIts outputs: {json.dumps(outcome.outputs, ensure_ascii=False)}" if outcome.outputs else ""
    return f"The run would {word}: {outcome.reason}: {outcome.message}{values}"


def _as_json(rehearsal: Rehearsal) -> str:
    tasks = [
        {
            "name": told.task,
            "state": told.state,
            "attempts": told.attempts,
            "beginsSeconds": told.began,
            "reason": told.reason,
            "message": told.message,
        }
        for told in rehearsal.tasks
    ]
    outcome = rehearsal.outcome
    end = {"succeeded": outcome.succeeded, "reason": outcome.reason, "message": outcome.message} if outcome else None
    outputs = outcome.outputs if outcome else {}
    return json.dumps({"tasks": tasks, "outcome": end, "outputs": outputs, "why": rehearsal.why}, indent=2)
