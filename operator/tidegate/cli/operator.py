"""`tidegate operator`: the operator itself, what the image starts."""

import asyncio
import contextlib
import logging
import os
import signal

import click

from tidegate import logs
from tidegate.app import Operator
from tidegate.errors import TidegateError
from tidegate.kube.credentials import load_credentials
from tidegate.settings import Settings

log = logging.getLogger(__name__)


@click.command()
def command() -> None:
    """Run the operator until SIGTERM; its settings are TIDEGATE_... environment variables."""
    settings = Settings.from_env(os.environ)
    logs.configure(settings.log_level, settings.log_format)
    raise click.exceptions.Exit(asyncio.run(_operate(settings)))


async def _operate(settings: Settings) -> int:
    """Give the exit code: 0 when it was told to stop, 1 when it cannot go on, with the reason in the logs."""
    try:
        operator = Operator(settings, load_credentials(settings.context, settings.kubeconfig))
        work = asyncio.create_task(operator.run())
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, work.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await work
    except TidegateError as error:
        log.critical("the operator cannot go on: %s", error)
        return 1
    log.info("stopped")
    return 0
