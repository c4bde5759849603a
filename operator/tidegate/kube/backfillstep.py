"""One look at a Backfill: what is done for it, before status says so."""

from collections import Counter
from dataclasses import dataclass, field

from tidegate.engine.actions import Happening
from tidegate.engine.backfilling import Progress
from tidegate.errors import ApiError
from tidegate.kube.client import Object
from tidegate.kube.store import RunKey


@dataclass(slots=True)
class Step:
    """What one look at a Backfill did; it counts when `progress` is in status.

    `counted` are runs whose end was counted; `waits` says in a word and a sentence what hinders it; `again` in how many
    seconds to look again.
    """

    progress: Progress
    runs: list[Object] = field(default_factory=list)
    counted: list[RunKey] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    happenings: list[Happening] = field(default_factory=list)
    waits: tuple[str, str] | None = None
    trouble: ApiError | None = None
    again: float | None = None
