"""`tidegate reject`: ends a task as failed that waits for a decision."""

import click

from tidegate.api.flowapproval import Decision
from tidegate.cli.connection import Where, cluster_options, connect, run_async
from tidegate.cli.deciding import decide


@click.command()
@click.argument("run")
@click.argument("task")
@click.option("--comment", default="", help="Why; shown as the task's message.")
@cluster_options
def command(
    run: str, task: str, *, comment: str, namespace: str | None, cluster_context: str | None, kubeconfig: str | None
) -> None:
    """Reject TASK of RUN, in your name: it fails with reason Rejected. Who may create FlowApprovals may reject.

    Exit code 0 when the run took the decision up, 1 when it did not, 2 for a mistake in what was given.
    """
    click.echo(run_async(_reject(run, task, comment, Where(namespace, cluster_context, kubeconfig))))


async def _reject(run: str, task: str, comment: str, where: Where) -> str:
    async with connect(where) as connection:
        return await decide(connection, run, task, Decision.REJECTED, comment, {})
