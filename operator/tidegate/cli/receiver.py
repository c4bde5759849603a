"""`tidegate receiver`: takes events over HTTP and starts the runs of webhooks; beside the operator, not in it."""

import click

from tidegate.cli.processes import serve
from tidegate.kube.credentials import load_credentials
from tidegate.receiver.service import Receiver
from tidegate.settings import Settings


@click.command()
def command() -> None:
    """Run the receiver of webhooks until SIGTERM; its settings are TIDEGATE_... environment variables."""
    raise click.exceptions.Exit(serve("receiver", _receive))


async def _receive(settings: Settings) -> None:
    await Receiver(settings, load_credentials(settings.context, settings.kubeconfig)).run()
