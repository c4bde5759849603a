"""The occasion of a run: which trigger started it, and for which instant; what expressions see of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from typing import Any

from tidegate.api.conditions import instant_of, timestamp
from tidegate.engine import localtime


@dataclass(frozen=True, slots=True)
class Occasion:
    """What started a run. `time` is the instant that was due, `start` the one before it in the same schedule.

    `chain` counts the runs before it that started each other by their end.
    """

    trigger: str
    kind: str
    time: float | None = None
    start: float | None = None
    zone: str = "UTC"
    id: str = ""
    chain: int = 0

    @classmethod
    def parse(cls, row: Mapping[str, Any] | None) -> "Occasion | None":
        """Read `trigger` of a FlowRun, None when there is none; others may have written it."""
        if not row:
            return None
        return cls(
            trigger=row["name"],
            kind=row["kind"],
            time=instant_of(row.get("time")),
            start=instant_of(row.get("intervalStart")),
            zone=row.get("timeZone") or "UTC",
            id=row.get("id") or "",
            chain=row.get("chain") or 0,
        )

    def dump(self) -> dict[str, Any]:
        """Give `trigger` of a FlowRun."""
        some = {
            "time": None if self.time is None else timestamp(self.time),
            "intervalStart": None if self.start is None else timestamp(self.start),
            "timeZone": None if self.zone == "UTC" else self.zone,
            "id": self.id or None,
            "chain": self.chain or None,
        }
        return {"name": self.trigger, "kind": self.kind} | {key: value for key, value in some.items() if value}


@lru_cache(maxsize=1024)
def moments(second: float, occasion: Occasion | None) -> Mapping[str, Any]:
    """Give what expressions see of a run's instant, as part of `run`: local time is that of the trigger's zone."""
    start = second if occasion is None or occasion.start is None else occasion.start
    zone = localtime.zone_named(occasion.zone) if occasion is not None else None
    moment = localtime.utc(int(second))
    local = moment.astimezone(zone or UTC)
    return {
        "trigger": occasion.trigger if occasion is not None else "",
        "scheduledTime": moment,
        "timeZone": zone.key if zone is not None else "UTC",
        "date": local.strftime("%Y-%m-%d"),
        "time": local.strftime("%H:%M:%S"),
        "interval": {"start": localtime.utc(int(start)), "end": moment},
    }
