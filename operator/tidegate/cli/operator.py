"""`tidegate operator`: the operator itself, what the image starts."""

import asyncio
import logging
import os
import sys

import click

from tidegate import logs
from tidegate.app import Operator
from tidegate.cli.interrupts import interrupts, run
from tidegate.errors import TidegateError
from tidegate.kube.credentials import load_credentials
from tidegate.settings import Settings

log = logging.getLogger(__name__)

_DEPTH = 20_000
"""An API server takes objects nested 10,000 deep; with the usual 1,000 one of them would end every list and watch."""


@click.command()
def command() -> None:
    """Run the operator until SIGTERM; its settings are TIDEGATE_... environment variables."""
    settings = Settings.from_env(os.environ)
    logs.configure(settings.log_level, settings.log_format)
    sys.setrecursionlimit(_DEPTH)
    raise click.exceptions.Exit(_exit_code(settings))


def _exit_code(settings: Settings) -> int:
    """Work; give 0 after having been told to stop, 1 when it cannot go on, with the reason in the logs."""
    try:
        run(_operate(settings))
    except asyncio.CancelledError:
        log.info("stopped")
        return 0
    except TidegateError as error:
        log.critical("the operator cannot go on: %s", error)
        return 1
    log.critical("the operator has ended without saying why")
    return 1


async def _operate(settings: Settings) -> None:
    with interrupts():
        await Operator(settings, load_credentials(settings.context, settings.kubeconfig)).run()
