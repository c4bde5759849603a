"""Retries: which budget a failed attempt is charged to, and when the next one is due."""

import hashlib
from dataclasses import dataclass

from tidegate.api.policies import Retry
from tidegate.engine.ledger import Extra
from tidegate.engine.run import Run


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed. `disruption`: the cluster took the pod; `final`: repeating it cannot help."""

    reason: str
    message: str = ""
    disruption: bool = False
    final: bool = False
    exit_code: int | None = None


def budgets_after(retry: Retry, used: Extra, failure: Failure) -> tuple[dict[str, int], bool]:
    """Charge a failure to its budget; give what changes in `used`, and whether another attempt is granted."""
    if failure.final or failure.exit_code in retry.except_exit_codes:
        return {"failures": used.failures + 1}, False
    if failure.disruption:
        return {"disruptions": used.disruptions + 1}, used.disruptions < retry.max_disruptions
    return {"failures": used.failures + 1}, used.failures < retry.limit


def delay(retry: Retry, failures: int, failure: Failure, run: Run, slot: int, attempt: int) -> int:
    """Give the seconds before the next attempt, after so many failures; a disruption is repeated at once."""
    if failure.disruption:
        return 0
    delays = retry.delays
    wait: int = delays[min(failures - 1, len(delays) - 1)] * retry.factor ** min(failures - 1, 64)
    capped = min(wait, retry.max_delay_seconds)
    return capped + _jitter(capped * retry.jitter_percent // 100, run.uid, slot, attempt)


def _jitter(most: int, uid: str, slot: int, attempt: int) -> int:
    """Give 0 to `most` seconds, the same for the same attempt: chance would make two operators disagree."""
    text = f"{uid}/{slot}/{attempt}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % (most + 1)
