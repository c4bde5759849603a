"""`tidegate run`: one run of a Flow, on this machine or on a cluster.

What the user wrote is judged here, before anything is started or applied; `local` and `remote` do the rest.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from tidegate.cli import manifests, parameters, running, sources
from tidegate.cli.choosing import Chosen, choose
from tidegate.cli.connection import Connection, Where, cluster_options, connect, run_async
from tidegate.cli.flowruns import exit_code
from tidegate.errors import UsageError
from tidegate.kube.client import Object


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, but for which cluster."""

    target: str | None
    is_local: bool
    file: str | None
    flow: str | None
    params: tuple[str, ...]
    wait: bool
    output: str
    log_of: tuple[str, ...]
    verbose: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What FILE holds: its manifests, the Flow to run, and the params for it."""

    documents: Sequence[Mapping[str, Any]]
    chosen: Chosen
    params: Mapping[str, Any]


@click.command()
@click.argument("target", required=False, metavar="[FILE|NAME]")
@click.option("--local", "is_local", is_flag=True, help="Run FILE on this machine: no cluster, no container.")
@click.option("-f", "--file", metavar="FILE", help="Apply FILE to the cluster first; - is stdin.")
@click.option("--flow", metavar="NAME", help="Which Flow of FILE; by default the last that no other calls.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A param of the run; repeatable.")
@click.option("--wait", is_flag=True, help="On a cluster: show progress and wait for the end.")
@click.option("-o", "--output", type=click.Choice(running.FORMS), default="tree", help="How the run is printed.")
@click.option("--log-of", multiple=True, metavar="TASK=FILE", help="With --local: write a task's log to a file.")
@click.option("-v", "--verbose", is_flag=True, help="With --local: show the operator's logs.")
@cluster_options
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Run a Flow once.

    With --local FILE everything in it is applied to a throw-away cluster in this process. Without, NAME is a Flow of
    the cluster. Exit code of a run that was waited for: 0 succeeded, 1 failed, 2 invalid, 3 cancelled.
    """
    where = Where(given.pop("namespace"), given.pop("cluster_context"), given.pop("kubeconfig"))
    options = Options(**given)
    _check(options)
    ctx.exit(_run_local(options, where.namespace) if options.is_local else run_async(_run_remote(options, where)))


def _check(options: Options) -> None:
    """Refuse options that do not go together."""
    if options.is_local and (options.target is None) == (options.file is None):
        raise UsageError("expected one FILE: tidegate run --local FILE")
    if not options.is_local and (options.target is None) == (options.file is None):
        raise UsageError("expected the NAME of a Flow in the cluster, or -f FILE, or --local FILE")
    if not options.is_local and options.log_of:
        raise UsageError("--log-of needs --local; on a cluster: tidegate logs RUN TASK > FILE")
    if options.flow and not options.is_local and options.file is None:
        raise UsageError("--flow chooses among the Flows of a FILE; NAME already says which")


def _judge(options: Options, file: str) -> Judged:
    """Read FILE; raises InvalidSpec with everything that is wrong with it or with the params."""
    judgement = manifests.judge(sources.read([file]))
    judgement.demand_valid()
    chosen = choose(judgement.flows, options.flow)
    params = parameters.typed(chosen.flow.spec.params, parameters.pairs(options.params))
    return Judged([document.data for document in judgement.documents], chosen, params)


def _run_local(options: Options, namespace: str | None) -> int:
    judged = _judge(options, options.target or options.file or "")
    from tidegate.cli import interrupts, local, tasklogs  # noqa: PLC0415  a mistake is told before kopf is loaded

    default = namespace or "default"
    order = local.Order(
        documents=judged.documents,
        flow=judged.chosen.flow.metadata.name,
        namespace=judged.chosen.namespace or default,
        default_namespace=default,
        params=judged.params,
        log_files=tasklogs.targets(options.log_of, judged.chosen.flow),
    )
    try:
        run, missing = interrupts.run(local.run_local(order, verbose=options.verbose))
    except asyncio.CancelledError:
        click.echo("tidegate: interrupted; what ran was killed", err=True)
        return 3
    click.echo(running.printed(run, options.output))
    for sentence in missing:
        click.echo(f"tidegate: {sentence}", err=True)
    return exit_code(run) or (1 if missing else 0)


async def _run_remote(options: Options, where: Where) -> int:
    from tidegate.cli import remote  # noqa: PLC0415  likewise

    judged = _judge(options, options.file) if options.file else None
    async with connect(where) as connection:
        if judged is not None:
            run = await remote.start_applied(connection, judged.documents, judged.chosen, judged.params)
        else:
            run = await remote.start_named(connection, options.target or "", parameters.pairs(options.params))
        return await _finish(connection, run, options)


async def _finish(connection: Connection, run: Object, options: Options) -> int:
    if not options.wait:
        click.echo(run["metadata"]["name"])
        return 0
    from tidegate.cli import remote  # noqa: PLC0415  likewise

    ended = await remote.wait(connection, run)
    click.echo(running.printed(ended, options.output))
    return exit_code(ended)
