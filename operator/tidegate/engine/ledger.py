"""The ledger: a letter and an attempt number for each slot; complete, authoritative, and small.

Letters: P Pending, H held by parallelism, I Intent (a Job is named, perhaps not there), O Observed, W Waiting,
R Retrying, X Stopping; final: S Succeeded, F Failed, K Skipped, U skipped because a need failed, Z Cancelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FINAL = frozenset(b"SFKUZ")
LIVE = frozenset(b"IOX")

PENDING, HELD, INTENT, OBSERVED, WAITING, RETRYING, STOPPING = b"PHIOWRX"
SUCCEEDED, FAILED, SKIPPED, BLOCKED, CANCELLED = b"SFKUZ"


@dataclass(slots=True)
class Extra:
    """Budgets a slot has used, and the second (since the epoch) at which something is due; 0 for nothing."""

    failures: int = 0
    disruptions: int = 0
    due: int = 0


@dataclass(slots=True)
class Ledger:
    """The record of one run. `decide` works on a copy and hands that out."""

    slots: bytearray
    attempts: list[int]
    extra: dict[int, Extra] = field(default_factory=dict)

    @classmethod
    def fresh(cls, count: int) -> "Ledger":
        """Give the ledger of a run of which nothing has started."""
        return cls(bytearray([PENDING]) * count, [0] * count)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Ledger":
        """Read `status.ledger`.

        Raises:
            ValueError: it is not a ledger of ours.
        """
        slots, attempts = bytearray(data["slots"], "ascii"), list(data["attempts"])
        if len(slots) != len(attempts) or not set(slots) <= FINAL | LIVE | set(b"PHWR"):
            raise ValueError(f"not a ledger: {len(slots)} slots, {len(attempts)} attempts")
        extra = {row[0]: Extra(*row[1:]) for row in data.get("extra") or ()}
        return cls(slots, attempts, extra)

    def dump(self) -> dict[str, Any]:
        """Give `status.ledger`."""
        rows = [[slot, e.failures, e.disruptions, e.due] for slot, e in sorted(self.extra.items())]
        return {"slots": self.slots.decode(), "attempts": list(self.attempts), **({"extra": rows} if rows else {})}

    def copy(self) -> "Ledger":
        """Give an independent copy."""
        extra = {slot: Extra(e.failures, e.disruptions, e.due) for slot, e in self.extra.items()}
        return Ledger(bytearray(self.slots), list(self.attempts), extra)

    def extra_of(self, slot: int) -> Extra:
        """Give the slot's extra row, made when it has none."""
        return self.extra.setdefault(slot, Extra())

    @property
    def is_final(self) -> bool:
        """Whether every slot is final."""
        return FINAL.issuperset(self.slots)
