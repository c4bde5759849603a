"""`tidegate rerun`: a new run that does again what an ended one did, and takes over what went well."""

from dataclasses import dataclass
from typing import Any

import click

from tidegate.cli import running
from tidegate.cli.connection import Connection, Where, cluster_options, connect, run_async
from tidegate.cli.flowruns import exit_code, manifest, outcome
from tidegate.errors import NotFound, UsageError
from tidegate.kube.client import Object
from tidegate.kube.resources import FLOWRUNS


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, but for which cluster."""

    of: str
    tasks: tuple[str, ...]
    everything: bool
    name: str | None
    wait: bool
    output: str


@click.command()
@click.argument("run")
@click.option("--from", "tasks", multiple=True, metavar="TASK", help="Also this task and all that depend on it.")
@click.option("--all", "everything", is_flag=True, help="Do everything again.")
@click.option("--name", metavar="NAME", help="Name of the new run.")
@click.option("--wait", is_flag=True, help="Show progress and wait for the end.")
@click.option("-o", "--output", type=click.Choice(running.FORMS), default="tree", help="How the run is printed.")
@cluster_options
@click.pass_context
def command(ctx: click.Context, /, run: str, **given: Any) -> None:
    """Start a new run that does again what did not succeed in RUN, with the same revision and params.

    Exit code of a run that was waited for: 0 succeeded, 1 failed, 2 it could not be done again, 3 cancelled.
    """
    where = Where(given.pop("namespace"), given.pop("cluster_context"), given.pop("kubeconfig"))
    ctx.exit(run_async(_rerun(Options(run, **given), where)))


async def _rerun(options: Options, where: Where) -> int:
    rerun = _wish(options)
    async with connect(where) as connection:
        flow = (await _ended(connection, options.of))["spec"]["flowRef"]["name"]
        name = options.name or running.new_name(flow)
        body = manifest(flow, connection.namespace, name, {"rerun": rerun})
        run = await connection.client.create(FLOWRUNS, connection.namespace, body)
        if not options.wait:
            click.echo(name)
            return 0
        from tidegate.cli import remote  # noqa: PLC0415  a mistake is told before all that is loaded

        ended = await remote.wait(connection, run)
        click.echo(running.printed(ended, options.output))
        return exit_code(ended)


def _wish(options: Options) -> dict[str, Any]:
    """Give `spec.rerun`."""
    if options.tasks and options.everything:
        raise UsageError("--from and --all exclude each other: everything is everything")
    if options.tasks:
        return {"of": options.of, "mode": "From", "tasks": list(options.tasks)}
    return {"of": options.of, "mode": "All" if options.everything else "Failed"}


async def _ended(connection: Connection, of: str) -> Object:
    """Give a run that has ended; what else could be wrong with it is told by the new run."""
    try:
        old = await connection.client.get(FLOWRUNS, connection.namespace, of)
    except NotFound:
        raise UsageError(
            f'there is no run "{of}" in namespace {connection.namespace}; `kubectl get flowruns -A` lists them'
        ) from None
    if outcome(old) is None:
        raise UsageError(f"run {of} has not ended; `tidegate cancel {of}` ends it")
    return old
