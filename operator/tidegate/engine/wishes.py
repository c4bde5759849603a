"""What is wanted of a run: by its user in spec, by the operator in status; the stricter holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STRICTNESS = {"Running": 0, "Paused": 1, "Cancelled": 2, "Terminated": 3}
"""The states a run may be wanted in: the stricter of two wishes holds."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The operator's own wish to stop a run: a deadline, a parent, a run that takes its place."""

    state: str
    reason: str
    message: str = ""

    @classmethod
    def parse(cls, data: Mapping[str, Any] | None) -> "Stop | None":
        """Read `status.stop`."""
        return cls(data["state"], data["reason"], data.get("message", "")) if data else None

    def dump(self) -> dict[str, Any]:
        """Give `status.stop`."""
        return {"state": self.state, "reason": self.reason, "message": self.message}


@dataclass(frozen=True, slots=True)
class Wish:
    """What holds: `state`, and why."""

    state: str
    reason: str
    message: str

    @property
    def stops(self) -> bool:
        """Whether tasks are stopped; `finally` still runs unless the run is terminated."""
        return self.state in ("Cancelled", "Terminated")

    @property
    def terminates(self) -> bool:
        """Whether nothing at all may start any more."""
        return self.state == "Terminated"

    @property
    def pauses(self) -> bool:
        """Whether nothing new starts for now."""
        return self.state == "Paused"


def wish_of(desired: str, stop: Stop | None) -> Wish:
    """Give the stricter of both; the operator's reason is told when it has one."""
    state = desired if desired in STRICTNESS else "Running"
    if stop is None:
        return Wish(state, "Cancelled", f"the run was {state.lower()}")
    if STRICTNESS[stop.state] > STRICTNESS[state]:
        state = stop.state
    return Wish(state, stop.reason, stop.message)
