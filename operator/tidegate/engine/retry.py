"""Retries: which budget a failed attempt is charged to, and when the next one is due."""

from dataclasses import dataclass

from tidegate.api.task import Retry
from tidegate.engine.ledger import Extra


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed. `disruption`: the cluster took the pod; `final`: repeating it cannot help."""

    reason: str
    message: str = ""
    disruption: bool = False
    final: bool = False


def charge(retry: Retry, used: Extra, failure: Failure) -> bool:
    """Charge a failure to its budget, in `used`; say whether another attempt is granted."""
    if failure.final:
        used.failures += 1
        return False
    if failure.disruption:
        used.disruptions += 1
        return used.disruptions <= retry.max_disruptions
    used.failures += 1
    return used.failures <= retry.limit


def delay(retry: Retry, used: Extra, failure: Failure) -> int:
    """Give the seconds before the next attempt; a disruption is repeated at once."""
    if failure.disruption:
        return 0
    grown: int = retry.delay_seconds * retry.factor ** min(used.failures - 1, 64)
    return min(grown, retry.max_delay_seconds)
