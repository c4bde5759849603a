"""The lines before Flows: who waits there, who is first, and how often something changed that decides who is next.

Only what was seen: who gets a place is decided on live reads (`limits.py`), which this says when to make.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.kube.client import Object

Key = tuple[str, str]

_STANCE = ("priority", "desiredState")


class Lines:
    """The runs that wait for a Flow to appear, or for a place among its runs. `runs` are all that are known."""

    def __init__(self, runs: Mapping[Key, Object]) -> None:
        self._runs = runs
        self._waiting: dict[Key, dict[Key, None]] = {}
        self._changes: dict[Key, int] = {}

    def join(self, run: Key, flow: Key) -> None:
        """Remember that a run waits for a Flow, until it goes on or is gone."""
        self._waiting.setdefault(flow, {})[run] = None

    def newcomers(self, flow: Key) -> list[Key]:
        """Give the runs that wait for the Flow itself: they have taken nothing from it yet."""
        return [key for key in self._members(flow) if frozen_key(self._runs[key]) is None]

    def queued(self, flow: Key) -> list[Key]:
        """Give the runs that wait for a place."""
        return [key for key in self._members(flow) if frozen_key(self._runs[key]) is not None]

    def heads(self, flow: Key) -> list[Key]:
        """Give who is next of those that wait for a place: for each concurrency key the first in line."""
        first: dict[str, tuple[tuple[int, str, str], Key]] = {}
        for key in self.queued(flow):
            run, place = self._runs[key], frozen_key(self._runs[key]) or ""
            meta = run["metadata"]
            rank = (-(run["spec"].get("priority") or 0), meta["creationTimestamp"], meta["name"])
            first[place] = min(first.get(place, (rank, key)), (rank, key))
        return [key for _, key in first.values()]

    def note(self, flow: Key) -> None:
        """Note that something of a Flow changed that may decide who is next."""
        self._changes[flow] = self.changes(flow) + 1

    def changes(self, flow: Key) -> int:
        """Say how often that was so."""
        return self._changes.get(flow, 0)

    def _members(self, flow: Key) -> Iterable[Key]:
        waiting = self._waiting.get(flow)
        if not waiting:
            return ()
        for key in [key for key in waiting if not _is_waiting(self._runs.get(key))]:
            del waiting[key]
        return list(waiting)


def frozen_key(run: Object) -> str | None:
    """Give the concurrency key that a run is frozen to; None when its inputs are not frozen, or it needs no place."""
    key = ((run.get("status") or {}).get("frozen") or {}).get("key")
    return None if key is None else str(key)


def stance_of_run(run: Object | None) -> tuple[Any, ...]:
    """Give all of a run that decides how it stands with its Flow."""
    if run is None:
        return ()
    status, spec = run.get("status") or {}, run["spec"]
    marks = ("ledger" in status, "completionTime" in status, "stop" in status, "deletionTimestamp" in run["metadata"])
    return run["metadata"]["uid"], frozen_key(run), *marks, *(spec.get(name) for name in _STANCE)


def stance_of_flow(flow: Object | None) -> tuple[Any, ...]:
    """Give all of a Flow that decides who of its runs may be live."""
    if flow is None:
        return ()
    return flow["metadata"]["uid"], flow["spec"].get("concurrency"), (flow.get("status") or {}).get("active")


def holds_place(flow: Object | None, uid: str) -> bool:
    """Whether the Flow says that a run holds one of its places."""
    return any(row["uid"] == uid for row in ((flow or {}).get("status") or {}).get("active") or ())


def _is_waiting(run: Object | None) -> bool:
    status = (run or {}).get("status") or {}
    return run is not None and "ledger" not in status and "completionTime" not in status
