"""A process that no longer hears must die: it is unready while a reading is bad, and exits when that lasts.

`verdict` judges readings and knows nothing of where they come from; `Watchdog` takes them once a second and
measures by itself how late the loop runs. A loop that is blocked for good cannot judge itself: for that case
`arm` hands an outside timer (in production `faulthandler.dump_traceback_later`) a new deadline at each round.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

_INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class Readings:
    """What is known of the process's hearing; seconds, and None where there is nothing to measure (yet).

    `watch_ages` has, for each kind, the time since its most silent watch was heard; `queue_age` the wait of the
    longest waiting key, `work_age` the duration of the oldest handler call, `lease_age` the time since the Lease was
    last read or written, `clock_skew` how far the API server's clock is ahead; `regressed` the kinds whose
    resourceVersion went backwards.
    """

    watch_ages: Mapping[str, float | None] = field(default_factory=dict)
    queue_age: float = 0.0
    work_age: float = 0.0
    lease_age: float | None = None
    clock_skew: float | None = None
    regressed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds beyond which a reading is bad, and how long it may stay so before the process exits."""

    watch_age: float = 300.0
    loop_lag: float = 5.0
    queue_age: float = 300.0
    work_age: float = 600.0
    lease_age: float = 60.0
    clock_skew: float = 5.0
    patience: float = 30.0


def verdict(readings: Readings, limits: Limits, *, loop_lag: float = 0.0) -> list[str]:
    """Give a sentence for each reading that is bad, an empty list when all is well."""
    reasons = [
        f"nothing was heard of {kind} for {age:.0f} s, more than {limits.watch_age:.0f} s"
        for kind, age in readings.watch_ages.items()
        if age is not None and age > limits.watch_age
    ]
    if loop_lag > limits.loop_lag:
        reasons.append(f"the event loop was late by {loop_lag:.1f} s, more than {limits.loop_lag:.0f} s")
    if readings.queue_age > limits.queue_age:
        reasons.append(f"a key has waited {readings.queue_age:.0f} s for a worker, more than {limits.queue_age:.0f} s")
    if readings.work_age > limits.work_age:
        reasons.append(f"work on a key has taken {readings.work_age:.0f} s, more than {limits.work_age:.0f} s")
    if readings.lease_age is not None and readings.lease_age > limits.lease_age:
        reasons.append(f"the Lease was last reached {readings.lease_age:.0f} s ago, more than {limits.lease_age:.0f} s")
    if readings.clock_skew is not None and abs(readings.clock_skew) > limits.clock_skew:
        side = "behind" if readings.clock_skew > 0 else "ahead of"
        reasons.append(
            f"our clock is {abs(readings.clock_skew):.0f} s {side} the API server's: correct it on this node"
        )
    reasons += [f"the resourceVersion of {kind} went backwards: the store was restored" for kind in readings.regressed]
    return reasons


class Watchdog:
    """Takes readings once a second; `reasons` is what is wrong now.

    Args:
        read: gives the readings.
        limits: what is bad.
        on_lag: called with the seconds by which each round was late.
        arm: called at each round with the seconds after which, without another call, the process is to be killed.
    """

    def __init__(
        self,
        read: Callable[[], Readings],
        limits: Limits,
        *,
        on_lag: Callable[[float], None] = lambda _: None,
        arm: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._read, self._limits, self._on_lag, self._arm = read, limits, on_lag, arm
        self.reasons: list[str] = []

    async def run(self) -> list[str]:
        """Watch until something has been wrong for `patience` seconds on end; give the reasons: exit then."""
        bad_since: float | None = None
        while True:
            self._arm(self._limits.loop_lag + self._limits.patience)
            lag = await self._measure_lag()
            self._judge(lag)
            now = asyncio.get_running_loop().time()
            bad_since = (now if bad_since is None else bad_since) if self.reasons else None
            if bad_since is not None and now - bad_since >= self._limits.patience:
                log.critical("giving up, so that a fresh process can take over: %s", "; ".join(self.reasons))
                return self.reasons

    async def _measure_lag(self) -> float:
        """Wait one round; give the seconds by which the loop woke us too late."""
        loop = asyncio.get_running_loop()
        due = loop.time() + _INTERVAL
        await asyncio.sleep(_INTERVAL)
        lag = max(0.0, loop.time() - due)
        self._on_lag(lag)
        return lag

    def _judge(self, lag: float) -> None:
        before, self.reasons = self.reasons, verdict(self._read(), self._limits, loop_lag=lag)
        if self.reasons and not before:
            log.error("unready: %s", "; ".join(self.reasons))
        elif before and not self.reasons:
            log.info("ready again")
