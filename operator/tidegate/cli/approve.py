"""`tidegate approve`: lets a task go on that waits for a decision."""

import click

from tidegate.api.flowapproval import Decision
from tidegate.cli import parameters
from tidegate.cli.connection import Where, cluster_options, connect, run_async
from tidegate.cli.deciding import decide


@click.command()
@click.argument("run")
@click.argument("task")
@click.option("--comment", default="", help="Why; becomes an output of the task.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A param that the task asks for.")
@cluster_options
def command(  # noqa: PLR0913  click's way of passing options
    run: str,
    task: str,
    *,
    comment: str,
    params: tuple[str, ...],
    namespace: str | None,
    cluster_context: str | None,
    kubeconfig: str | None,
) -> None:
    """Approve TASK of RUN, in your name; who may create FlowApprovals may approve.

    Exit code 0 when the run took the decision up, 1 when it did not, 2 for a mistake in what was given.
    """
    where, texts = Where(namespace, cluster_context, kubeconfig), parameters.pairs(params)
    click.echo(run_async(_approve(run, task, comment, texts, where)))


async def _approve(run: str, task: str, comment: str, texts: dict[str, str], where: Where) -> str:
    async with connect(where) as connection:
        return await decide(connection, run, task, Decision.APPROVED, comment, texts)
