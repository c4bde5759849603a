"""Retries: which of three budgets a failed attempt is charged to, and when the next one is due.

A disruption is no fault of the task; running out of memory is, but more memory helps; everything else is a failure.
"""

import hashlib
from dataclasses import dataclass

from tidegate.api.policies import Retry
from tidegate.engine.ledger import Extra
from tidegate.engine.run import Run


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed. `disruption`: the cluster took the pod; `final`: repeating it cannot help.

    `oom`: `main` ran out of memory; `more_memory` is the limit of the next attempt, when it gets more.
    """

    reason: str
    message: str = ""
    disruption: bool = False
    final: bool = False
    exit_code: int | None = None
    oom: bool = False
    more_memory: str | None = None

    @property
    def is_free(self) -> bool:
        """Whether it has a budget of its own and is repeated at once, whatever `limit`, `when` and codes say."""
        return not self.final and (self.disruption or self.more_memory is not None)


def budgets_after(retry: Retry, used: Extra, failure: Failure) -> tuple[dict[str, int], bool]:
    """Charge a failure to its budget; give what changes in `used`, and whether another attempt is granted."""
    if failure.final:
        return {"failures": used.failures + 1}, False
    if failure.disruption:
        return {"disruptions": used.disruptions + 1}, used.disruptions < retry.max_disruptions
    if failure.more_memory is not None:
        return {"ooms": used.ooms + 1}, True
    if failure.exit_code in retry.except_exit_codes:
        return {"failures": used.failures + 1}, False
    return {"failures": used.failures + 1}, used.failures < retry.limit


def delay(retry: Retry, failures: int, failure: Failure, run: Run, slot: int, attempt: int) -> int:
    """Give the seconds before the next attempt, after so many failures; what is no failure is repeated at once."""
    if failure.is_free:
        return 0
    delays = retry.delays
    wait: int = delays[min(failures - 1, len(delays) - 1)] * retry.factor ** min(failures - 1, 64)
    capped = min(wait, retry.max_delay_seconds)
    return capped + _jitter(capped * retry.jitter_percent // 100, run.uid, slot, attempt)


def _jitter(most: int, uid: str, slot: int, attempt: int) -> int:
    """Give 0 to `most` seconds, the same for the same attempt: chance would make two operators disagree."""
    text = f"{uid}/{slot}/{attempt}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % (most + 1)
