"""`tidegate backfill`: a Backfill for instants of a schedule that have passed, or with --dry-run what it would do."""

import time
from dataclasses import dataclass
from typing import Any

import click

from tidegate.api import keys
from tidegate.api.backfill import Backfill, Order, Reprocess
from tidegate.api.conditions import timestamp
from tidegate.api.flow import FlowSpec
from tidegate.api.paths import path_of
from tidegate.cli import backfillplan, parameters, running
from tidegate.cli.connection import Connection, Where, cluster_options, connect, run_async
from tidegate.cli.flowruns import exit_code
from tidegate.cli.following import follow
from tidegate.cli.moments import moment
from tidegate.engine import backfill as rules
from tidegate.engine.params import parse_text
from tidegate.errors import InvalidSpec, NotFound, Problem, UsageError
from tidegate.kube.client import Object
from tidegate.kube.graphs import Graphs
from tidegate.kube.resources import BACKFILLS, FLOWS


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, but for which cluster."""

    flow: str
    trigger: str
    since: str
    until: str | None
    reprocess: str
    parallelism: int
    newest_first: bool
    params: tuple[str, ...]
    name: str | None
    dry_run: bool
    wait: bool
    output: str


@click.command()
@click.argument("flow")
@click.option("--trigger", required=True, metavar="NAME", help="A trigger of FLOW with a schedule.")
@click.option("--from", "since", required=True, metavar="TIME", help="The first instant may be this one; UTC.")
@click.option("--to", "until", metavar="TIME", help="All instants are before it; by default now.")
@click.option(
    "--reprocess",
    type=click.Choice([each.value for each in Reprocess]),
    default=Reprocess.NONE.value,
    show_default=True,
    help="Which instants get a run although they have one: none, those whose latest failed, or all.",
)
@click.option("--parallelism", type=click.IntRange(1, 100), default=1, show_default=True, help="Runs live at once.")
@click.option("--newest-first", is_flag=True, help="Begin with the latest instant.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="Instead of the trigger's own.")
@click.option("--name", metavar="NAME", help="Name of the Backfill.")
@click.option("--dry-run", is_flag=True, help="Only list the instants, and what would happen with each.")
@click.option("--wait", is_flag=True, help="Show how far it is, and wait for the end.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="With --dry-run: its form.")
@cluster_options
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Start a run of FLOW for each instant of a trigger's schedule between two times, a few at a time.

    Prints the name of the Backfill that does it. `kubectl get backfills` shows how far it is, `kubectl patch backfill
    NAME --type merge -p '{"spec": {"desiredState": "Paused"}}'` pauses it, and likewise Running and Cancelled.

    Exit code of one that was waited for: 0 when all runs succeeded, 1 when some failed, 2 for what makes no sense, 3
    when it was cancelled.
    """
    where = Where(given.pop("namespace"), given.pop("cluster_context"), given.pop("kubeconfig"))
    ctx.exit(run_async(_backfill(Options(**given), where)))


async def _backfill(options: Options, where: Where) -> int:
    async with connect(where) as connection:
        flow = await _flow(connection, options.flow)
        now = int(time.time() + min(0.0, connection.client.clock_skew or 0.0))
        asked = _asked(options, connection.namespace, flow, now)
        if options.dry_run:
            rows = await backfillplan.rows(connection.client, flow, Backfill.model_validate(asked).spec)
            click.echo(backfillplan.as_json(rows) if options.output == "json" else backfillplan.as_text(rows))
            return 0
        created = await connection.client.create(BACKFILLS, connection.namespace, asked)
        if not options.wait:
            click.echo(created["metadata"]["name"])
            return 0
        return await _wait(connection, created)


async def _flow(connection: Connection, name: str) -> Object:
    try:
        flow = await connection.client.get(FLOWS, connection.namespace, name)
    except NotFound:
        raise UsageError(
            f'there is no Flow "{name}" in namespace {connection.namespace}; `kubectl get flows -A` lists them'
        ) from None
    Graphs().compiled(flow["spec"])
    return flow


def _asked(options: Options, namespace: str, flow: Object, now: int) -> dict[str, Any]:
    """Give the Backfill to create.

    Raises:
        UsageError, InvalidSpec: it could not be meant; the operator would say the same later.
    """
    since = moment("--from", options.since)
    until = now if options.until is None else moment("--to", options.until)
    if since >= until:
        raise UsageError(f"--from {timestamp(since)} is not before --to {timestamp(until)}")
    if until > now:
        raise UsageError(f"--to: {timestamp(until)} has not come; runs to come are the trigger's own")
    spec = FlowSpec.model_validate(flow["spec"], extra="ignore")
    body = _manifest(options, namespace, (since, until), _params(options, spec))
    asked = Backfill.model_validate(body).spec
    trigger = rules.trigger_of(asked, spec)
    found = [rules.unknown_trigger(asked, spec)] if trigger is None else rules.check(asked, spec, trigger)
    if found:
        raise InvalidSpec([Problem(0, 0, path_of(finding.keys), finding.message) for finding in found])
    return body


def _params(options: Options, spec: FlowSpec) -> dict[str, Any]:
    declared = {param.name: param for param in spec.params}
    given = parameters.pairs(options.params)
    return {name: parse_text(declared[name], text) if name in declared else text for name, text in given.items()}


def _manifest(options: Options, namespace: str, span: tuple[int, int], params: dict[str, Any]) -> dict[str, Any]:
    some = {
        "reprocess": options.reprocess if options.reprocess != Reprocess.NONE else None,
        "parallelism": options.parallelism if options.parallelism > 1 else None,
        "order": Order.NEWEST_FIRST.value if options.newest_first else None,
        "params": params,
    }
    return {
        "apiVersion": keys.API_VERSION,
        "kind": "Backfill",
        "metadata": {"name": options.name or running.new_name(options.flow[:40]), "namespace": namespace},
        "spec": {
            "flowRef": {"name": options.flow},
            "trigger": options.trigger,
            "from": timestamp(span[0]),
            "to": timestamp(span[1]),
            **{name: value for name, value in some.items() if value},
        },
    }


async def _wait(connection: Connection, created: Object) -> int:
    """Show each change on stderr; give the exit code of the end."""
    click.echo(f"Backfill {created['metadata']['name']} created; Ctrl-C ends the waiting, not the runs", err=True)
    told, current = "", created
    async for current in follow(connection.client, created, BACKFILLS):
        status = current.get("status") or {}
        line = f"{status.get('progress', '')} {status.get('why', '')}".strip()
        if line and line != told:
            click.echo(line, err=True)
            told = line
    click.echo(current["status"].get("why", ""))
    return exit_code(current)
