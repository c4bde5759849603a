"""`tidegate cancel`: asks a run to stop."""

import click

from tidegate.api.flowrun import DesiredState
from tidegate.cli.connection import Where, cluster_options, connect, run_async
from tidegate.cli.flowruns import outcome
from tidegate.cli.stopping import ask_to_stop


@click.command()
@click.argument("run")
@click.option("--terminate", is_flag=True, help="Stop it at once, whatever it would still do at its end.")
@cluster_options
def command(
    run: str, *, terminate: bool, namespace: str | None, cluster_context: str | None, kubeconfig: str | None
) -> None:
    """Ask RUN to stop; what runs is ended, what has not started does not."""
    wanted = DesiredState.TERMINATED if terminate else DesiredState.CANCELLED
    click.echo(run_async(_cancel(run, wanted, Where(namespace, cluster_context, kubeconfig))))


async def _cancel(name: str, wanted: DesiredState, where: Where) -> str:
    async with connect(where) as connection:
        run = await ask_to_stop(connection.client, connection.namespace, name, wanted)
    ended = outcome(run)
    if ended is not None:
        return f"{name} had already ended: {ended[1]}"
    return f"{name} is asked to stop: desiredState is {run['spec']['desiredState']}"
