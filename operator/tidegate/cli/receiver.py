"""`tidegate receiver`: takes events over HTTP and starts the runs of webhooks; beside the operator, not in it."""

import asyncio
import logging
import os
import sys

import click

from tidegate import logs
from tidegate.cli.interrupts import interrupts, run
from tidegate.errors import TidegateError
from tidegate.kube.credentials import load_credentials
from tidegate.receiver.service import Receiver
from tidegate.settings import Settings

log = logging.getLogger(__name__)

_DEPTH = 20_000
"""As the operator's: an API server takes objects nested 10,000 deep."""


@click.command()
def command() -> None:
    """Run the receiver of webhooks until SIGTERM; its settings are TIDEGATE_... environment variables."""
    settings = Settings.from_env(os.environ)
    logs.configure(settings.log_level, settings.log_format)
    sys.setrecursionlimit(_DEPTH)
    raise click.exceptions.Exit(_exit_code(settings))


def _exit_code(settings: Settings) -> int:
    """Work; give 0 after having been told to stop, 1 when it cannot go on, with the reason in the logs."""
    try:
        run(_receive(settings))
    except asyncio.CancelledError:
        log.info("stopped")
        return 0
    except TidegateError as error:
        log.critical("the receiver cannot go on: %s", error)
        return 1
    return 1


async def _receive(settings: Settings) -> None:
    with interrupts():
        await Receiver(settings, load_credentials(settings.context, settings.kubeconfig)).run()
