"""`tidegate explain`: what a Flow would do if its tasks went as is said; decided by the operator's own code."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

import click

from tidegate.cli import assuming, choosing, manifests, parameters, sources, told
from tidegate.cli.assuming import Given
from tidegate.engine.admission import resolve_params
from tidegate.engine.assumed import Assumed
from tidegate.engine.graph import Graph, compile_flow
from tidegate.engine.rehearsal import Rehearsal, rehearse, rehearse_again
from tidegate.engine.reuse import Wanted
from tidegate.engine.run import Run
from tidegate.errors import InvalidSpec, Problem, UsageError

Command = Callable[..., Any]

_UID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Rerun:
    """What a rerun of the run is to do again, and what is assumed of it."""

    wanted: Wanted
    assumed: Assumed


def _assumptions(command: Command) -> Command:
    """Give a command the options that say what is assumed of tasks."""
    options = (
        click.option(
            "--outcome",
            "outcomes",
            multiple=True,
            metavar="TASK=OUTCOME",
            help="Succeeded (default) or Failed, also of one item (load[3]=Failed); of an approval Approved (default), "
            "Rejected or TimedOut; of a wait for an object Met (default) or TimedOut.",
        ),
        click.option(
            "--output", "outputs", multiple=True, metavar="TASK.KEY=VALUE", help="What a task writes; JSON or text."
        ),
        click.option(
            "--duration",
            "durations",
            multiple=True,
            metavar="TASK=SECONDS",
            help="How long an attempt takes, a decision, or an object until it is as it should be: seconds, or such as "
            "90s, 1h30m. Default 1m, or less where a timeout or the run's deadline asks for it.",
        ),
        click.option(
            "--rerun",
            metavar="MODE",
            help="Explain also a rerun of that run: Failed (what did not succeed), All, or From:TASK[,TASK...].",
        ),
        click.option(
            "--then-outcome",
            "then_outcomes",
            multiple=True,
            metavar="TASK=OUTCOME",
            help="Of the rerun: what is not named goes well.",
        ),
        click.option(
            "--then-output",
            "then_outputs",
            multiple=True,
            metavar="TASK.KEY=VALUE",
            help="Of the rerun: else as in the first run.",
        ),
        click.option(
            "--then-duration",
            "then_durations",
            multiple=True,
            metavar="TASK=SECONDS",
            help="Of the rerun: else as in the first run.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("file")
@click.option("--flow", help="Which Flow of FILE; by default the last that no other calls.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A param of the run.")
@_assumptions
@click.option("--at", type=click.DateTime(), help="When the run is created, in UTC; default now.")
@click.option("-o", "--format", "form", type=click.Choice(["text", "json"]), default="text", help="What is printed.")
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Say which tasks would run, which would be skipped and why, and how the run would end. Nothing is started.

    Exit code 0 when the run (with --rerun: its rerun) would succeed, 3 when it would fail or wait for ever, 2 for a
    mistake in what was given.
    """
    graph, run = _run(given)
    options = Given(given["outcomes"], given["outputs"], given["durations"])
    then = Given(given["then_outcomes"], given["then_outputs"], given["then_durations"], prefix="--then-")
    assumed = assuming.assumed(graph, options)
    rerun = _rerun(graph, run, given["rerun"], assumed, then)
    first = rehearse(graph, run, assumed)
    assuming.demand_items(options, first)
    again = None
    if rerun is not None and first.outcome is not None:
        again = rehearse_again(graph, run, first, rerun.wanted, rerun.assumed)
        assuming.demand_items(then, again)
    if given["form"] == "json":
        more = {"rerun": told.rerun_as_json(again, rerun.wanted) if again else None} if rerun else {}
        click.echo(json.dumps({**told.as_json(first), **more}, indent=2))
    else:
        click.echo("\n".join(_lines(graph, first, assumed, again, rerun)))
    last = first if rerun is None else again
    ctx.exit(0 if last is not None and last.outcome is not None and last.outcome.succeeded else 3)


def _run(given: Mapping[str, Any]) -> tuple[Graph, Run]:
    """Give the Flow of the file, compiled, and the run that would be created of it."""
    judgement = manifests.judge(sources.read([given["file"]]))
    judgement.demand_valid()
    flow = choosing.choose(judgement.flows, given["flow"]).flow
    graph = compile_flow(flow.spec)[0]
    assert graph is not None  # noqa: S101  it was judged valid
    name, at = flow.metadata.name, given["at"]
    created = float(int(at.replace(tzinfo=UTC).timestamp() if at else time.time()))
    run = Run("default", f"{name}-explained", _UID, name, "", created)
    values, found = resolve_params(graph, run, parameters.typed(flow.spec.params, parameters.pairs(given["params"])))
    if found:
        raise InvalidSpec([Problem(0, 0, f"--param {finding.keys[-1]}", finding.message) for finding in found])
    return graph, replace(run, params=values)


def _rerun(graph: Graph, run: Run, mode: str | None, first: Assumed, then: Given) -> Rerun | None:
    if mode is not None:
        return Rerun(assuming.wanted(graph, mode, run.name), assuming.assumed_then(graph, first, then))
    if then.outcomes or then.outputs or then.durations:
        raise UsageError("what is assumed with --then-... is about a rerun: give --rerun, such as --rerun Failed")
    return None


def _lines(
    graph: Graph, first: Rehearsal, assumed: Assumed, again: Rehearsal | None, rerun: Rerun | None
) -> Iterator[str]:
    if rerun is not None:
        yield from ("The first run:", "")
    yield from told.as_text(graph, first, assumed)
    if rerun is None:
        return
    if again is None:
        yield from ("", "A run that waits cannot be done again: it must end first, such as by `tidegate cancel`.")
        return
    yield from ("", f"Its rerun, {told.mode(rerun.wanted)}:", "")
    yield from told.as_text(graph, again, rerun.assumed, is_rerun=True)
