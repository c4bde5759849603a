"""What the commands have in common that are a process of the cluster: settings, logs, signals and the exit code."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable

from tidegate import logs
from tidegate.cli.interrupts import interrupts, run
from tidegate.errors import TidegateError
from tidegate.settings import Settings

log = logging.getLogger(__name__)

_DEPTH = 20_000
"""An API server takes objects nested 10,000 deep; with the usual 1,000 one of them would end every list and watch."""


def serve(name: str, work: Callable[[Settings], Awaitable[None]]) -> int:
    """Work until SIGTERM; give 0 after having been told to stop, 1 when it cannot go on, with the reason in the logs.

    Args:
        name: what the logs call it.
        work: does it, with settings that are TIDEGATE_... environment variables; only a signal or an error ends it.
    """
    settings = Settings.from_env(os.environ)
    logs.configure(settings.log_level, settings.log_format)
    sys.setrecursionlimit(_DEPTH)
    try:
        run(_until_told(work(settings)))
    except asyncio.CancelledError:
        log.info("stopped")
        return 0
    except TidegateError as error:
        log.critical("the %s cannot go on: %s", name, error)
        return 1
    log.critical("the %s has ended without saying why", name)
    return 1


async def _until_told(work: Awaitable[None]) -> None:
    with interrupts():
        await work
