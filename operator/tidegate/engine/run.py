"""The inputs of one run as the engine reads them: frozen in status by the first write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.engine.occasion import Occasion, moments


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `created` is in seconds since the epoch; `params` are JSON as frozen.

    `depth` counts the runs above this one that called each other; `root` is what idempotency keys are made from, where
    that is not the run's own UID. `occasion` is the trigger that started it, if one did. `scheduled` is what
    expressions see as `scheduledTime`, where that is neither the occasion's nor the run's creation. `reuse` names the
    ConfigMap in which a rerun finds where it begins.
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
    occasion: Occasion | None = None

    @property
    def work(self) -> str:
        """What identifies the work, also when it is done again in another run."""
        return self.root or self.uid

    @property
    def due(self) -> float:
        """What expressions see as `scheduledTime`."""
        if self.occasion is not None and self.occasion.time is not None:
            return self.occasion.time
        return self.created if self.scheduled is None else self.scheduled

    def context(self) -> dict[str, Any]:
        """Give what expressions see as `run`."""
        return {
            "name": self.name,
            "uid": self.uid,
            "namespace": self.namespace,
            "flow": self.flow,
            "revision": self.revision,
            **moments(self.due, self.occasion),
        }
