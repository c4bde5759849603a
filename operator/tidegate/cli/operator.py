"""`tidegate operator`: the operator itself, what the image starts."""

import click

from tidegate.app import Operator
from tidegate.cli.processes import serve
from tidegate.kube.credentials import load_credentials
from tidegate.settings import Settings


@click.command()
def command() -> None:
    """Run the operator until SIGTERM; its settings are TIDEGATE_... environment variables."""
    raise click.exceptions.Exit(serve("operator", _operate))


async def _operate(settings: Settings) -> None:
    await Operator(settings, load_credentials(settings.context, settings.kubeconfig)).run()
