"""The ledger: a letter and an attempt number for each slot; complete, authoritative, and small.

Letters: P Pending, H held (parallelism, a pause), I Intent (a Job is named, perhaps not there), O Observed, W Waiting,
R Retrying, X Stopping, Y stopping because it did not start in time, L a fan-out whose blocks are live; final:
S Succeeded, C Cached, F Failed, K Skipped, U skipped because a need failed, Z Cancelled.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FINAL = frozenset(b"SCFKUZ")
GOOD = frozenset(b"SC")
LIVE = frozenset(b"IOXY")

PENDING, HELD, INTENT, OBSERVED, WAITING, RETRYING, STOPPING, OVERDUE, FANNED = b"PHIOWRXYL"
SUCCEEDED, CACHED, FAILED, SKIPPED, BLOCKED, CANCELLED = b"SCFKUZ"

_KNOWN = b"PHIOWRXYLSCFKUZ"
_FINAL_BYTES = bytes(FINAL)


@dataclass(frozen=True, slots=True)
class Extra:
    """Budgets a slot has used, and the second (since the epoch) at which something is due; 0 for nothing.

    `repeats` counts the runs of a repeated task that ended well; `pods` are the places that a live chunk takes.
    """

    failures: int = 0
    disruptions: int = 0
    ooms: int = 0
    due: int = 0
    repeats: int = 0
    pods: int = 0


_NONE = Extra()


@dataclass(frozen=True, slots=True)
class Block:
    """The slots of a fan-out: `count` slots from `first`, for `total` items, `size` a slot (the last may have fewer).

    `items` and `results` name the ConfigMaps that hold them; `failed` are the items of chunks that ended which failed,
    as intervals.
    """

    task: str
    first: int
    count: int
    total: int
    size: int
    items: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    failed: str = ""

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Block":
        """Read one row of `status.ledger.blocks`."""
        numbers = row["first"], row["count"], row.get("total", 0), row.get("size", 1)
        items, results = tuple(row.get("items") or ()), tuple(row.get("results") or ())
        return cls(row["task"], *numbers, items, results, row.get("failed") or "")

    def dump(self) -> dict[str, Any]:
        """Give the row."""
        row: dict[str, Any] = {"task": self.task, "first": self.first, "count": self.count}
        row |= {"total": self.total, "size": self.size}
        row |= {key: list(names) for key in ("items", "results") if (names := getattr(self, key))}
        return row | ({"failed": self.failed} if self.failed else {})


@dataclass(slots=True)
class Ledger:
    """The record of one run. `decide` works on a copy and hands that out.

    `unseen` has, for a slot that began before all its needs were final, the slots that were not final then: its
    expressions must go on not seeing them. `decided` has, for the slot of an approval, digests of the UIDs of the
    FlowApprovals that were taken up: each counts once, also when the whole run is tried again.
    """

    slots: bytearray
    attempts: list[int]
    extra: dict[int, Extra] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    unseen: dict[int, frozenset[int]] = field(default_factory=dict)
    decided: dict[int, tuple[int, ...]] = field(default_factory=dict)

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
        if len(slots) != len(attempts) or slots.translate(None, _KNOWN):
            raise ValueError(f"not a ledger: {len(slots)} slots, {len(attempts)} attempts")
        extra = {row[0]: Extra(*row[1:]) for row in data.get("extra") or ()}
        blocks = tuple(Block.parse(row) for row in data.get("blocks") or ())
        unseen = {row[0]: frozenset(row[1:]) for row in data.get("unseen") or ()}
        decided = {row[0]: tuple(row[1:]) for row in data.get("decided") or ()}
        return cls(slots, attempts, extra, blocks, unseen, decided)

    def dump(self) -> dict[str, Any]:
        """Give `status.ledger`."""
        data: dict[str, Any] = {"slots": self.slots.decode(), "attempts": list(self.attempts)}
        used = [(slot, e) for slot, e in sorted(self.extra.items()) if e != _NONE]
        if used:
            data["extra"] = [[slot, *_without_zeros(e)] for slot, e in used]
        if self.blocks:
            data["blocks"] = [block.dump() for block in self.blocks]
        if self.unseen:
            data["unseen"] = [[slot, *sorted(slots)] for slot, slots in sorted(self.unseen.items())]
        if self.decided:
            data["decided"] = [[slot, *digests] for slot, digests in sorted(self.decided.items())]
        return data

    def copy(self) -> "Ledger":
        """Give an independent copy."""
        return Ledger(
            bytearray(self.slots),
            list(self.attempts),
            dict(self.extra),
            self.blocks,
            dict(self.unseen),
            dict(self.decided),
        )

    def extra_of(self, slot: int) -> Extra:
        """Give the slot's budgets and due time."""
        return self.extra.get(slot, _NONE)

    def note(self, slot: int, **changes: int) -> None:
        """Change some of the slot's budgets or its due time."""
        self.extra[slot] = replace(self.extra_of(slot), **changes)

    def at(self, pattern: re.Pattern[bytes], start: int = 0) -> Iterator[int]:
        """Give the slots whose letter is in a pattern of `letters_of`, in order; the ledger may change meanwhile."""
        return (match.start() for match in pattern.finditer(bytes(self.slots), start))

    @property
    def is_final(self) -> bool:
        """Whether every slot is final."""
        return not self.slots.translate(None, _FINAL_BYTES)


def _without_zeros(extra: Extra) -> list[int]:
    """Give the numbers up to the last that is not zero."""
    row = [extra.failures, extra.disruptions, extra.ooms, extra.due, extra.repeats, extra.pods]
    while row and not row[-1]:
        row.pop()
    return row


def letters_of(letters: bytes) -> re.Pattern[bytes]:
    """Give the pattern that finds slots of these letters; a scan in C, cheap for thousands."""
    return re.compile(b"[" + letters + b"]")
