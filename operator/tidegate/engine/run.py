"""The inputs of one run as the engine reads them: frozen in status by the first write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `created` is in seconds since the epoch; `params` are JSON as frozen.

    `depth` counts the runs above this one that called each other; `root` is what idempotency keys are made from, where
    that is not the run's own UID. `scheduled` is what expressions see as `scheduledTime`, where that is not the run's
    creation. `reuse` names the ConfigMap in which a rerun finds where it begins.
    """

    namespace: str
    name: str
    uid: str
    flow: str
    revision: str
    created: float
    params: Mapping[str, Any] = field(default_factory=dict)
    generation: int = 1
    depth: int = 0
    root: str = ""
    scheduled: float | None = None
    reuse: str = ""

    @property
    def work(self) -> str:
        """What identifies the work, also when it is done again in another run."""
        return self.root or self.uid

    def context(self) -> dict[str, Any]:
        """Give what expressions see as `run`."""
        moment, date, time = _told(int(self.created if self.scheduled is None else self.scheduled))
        return {
            "name": self.name,
            "uid": self.uid,
            "namespace": self.namespace,
            "flow": self.flow,
            "revision": self.revision,
            "scheduledTime": moment,
            "timeZone": "UTC",
            "date": date,
            "time": time,
        }


@lru_cache(maxsize=1024)
def _told(second: int) -> tuple[datetime, str, str]:
    """Give a second since the epoch as a moment, a date and a time."""
    moment = datetime.fromtimestamp(second, UTC)
    return moment, moment.strftime("%Y-%m-%d"), moment.strftime("%H:%M:%S")
