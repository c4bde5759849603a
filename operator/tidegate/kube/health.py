"""The health of a process: probes that tell of it, and its end when it cannot be trusted any more to hear anything."""

import contextlib
import faulthandler
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

from prometheus_client import CollectorRegistry

from tidegate.errors import TidegateError
from tidegate.kube.probes import Probes, Verdict
from tidegate.kube.watchdog import Limits, Readings, Watchdog


class Unwell(TidegateError):
    """The process can no longer be trusted to hear what happens; it must be started anew."""


class Health:
    """Sees to the health of one process.

    Args:
        registry: what /metrics shows.
        read: gives the readings that tell how well it is.
        limits: what is bad.
        obstacles: why it cannot do its work now.
        on_lag: called with the seconds by which the loop woke us too late.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        read: Callable[[], Readings],
        limits: Limits,
        obstacles: Verdict,
        on_lag: Callable[[float], None],
    ) -> None:
        self._registry, self._obstacles = registry, obstacles
        self._watchdog = Watchdog(read, limits, on_lag=on_lag, arm=_arm)

    @contextlib.asynccontextmanager
    async def told(self, host: str | None, port: int) -> AsyncIterator[int]:
        """Serve the probes at an address, and give their port; raises OSError when that is taken."""
        probes = Probes(self._registry, ailments=self._ailments, obstacles=self._obstacles, host=host, port=port)
        found = await probes.start()
        try:
            yield found
        finally:
            faulthandler.cancel_dump_traceback_later()
            await probes.stop()

    def _ailments(self) -> list[str]:
        return self._watchdog.reasons

    async def watch_over(self) -> NoReturn:
        """Watch until something has been wrong for too long.

        Raises:
            Unwell: so it is.
        """
        raise Unwell("; ".join(await self._watchdog.run()))


def _arm(seconds: float) -> None:
    """Have the process killed unless this is called again in time: a loop that stands still hears nothing."""
    faulthandler.dump_traceback_later(seconds, exit=True)
