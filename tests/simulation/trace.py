"""What happened, change by change: as a hash, to see whether two simulations were the same, or as lines to read."""

import hashlib
import marshal
from collections.abc import Mapping
from typing import Any

from simulation.cluster import START, Cluster
from simulation.truth import attempt_of
from tidegate.sandbox.kinds import FLOWRUNS, JOBS, PODS, Kind


class TraceHash:
    """Takes in every change of a cluster whole: kind, change, object."""

    def __init__(self, cluster: Cluster) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        cluster.world.on_change(self._take)

    def _take(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        # Version 0 of the format knows no references, so that equal values give equal bytes.
        self._hash.update(marshal.dumps((kind.plural, change, obj), 0))

    def hexdigest(self) -> str:
        """Give the hash so far."""
        return self._hash.hexdigest()


class Story:
    """Keeps a line for each change of a run, Job or pod."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.lines: list[str] = []
        cluster.world.on_change(self._take)

    def _take(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        if kind in (FLOWRUNS, JOBS, PODS):
            at = self._cluster.now() - START
            self.lines.append(f"{at:10.3f} {change:8} {kind.kind:7} {_name(obj)}: {_TELL[kind.plural](obj)}")


def _name(obj: Mapping[str, Any]) -> str:
    attempt = attempt_of(obj)
    return f"{obj['metadata']['name']}{f' ({attempt[1]}, {attempt[2]})' if attempt else ''}"


def _run(obj: Mapping[str, Any]) -> str:
    status = obj.get("status") or {}
    ledger = status.get("ledger") or {"slots": "", "attempts": []}
    end = next((each for each in status.get("conditions") or () if each["type"] == "Succeeded"), {"reason": ""})
    return f"{obj['spec'].get('desiredState', 'Running')} {ledger['slots']} {ledger['attempts']} {end['reason']}"


def _job(obj: Mapping[str, Any]) -> str:
    conditions = [each["type"] for each in obj["status"].get("conditions") or () if each["status"] == "True"]
    marks = ["suspended"] if obj["spec"].get("suspend") else []
    return " ".join([*marks, *conditions, *(["ending"] if "deletionTimestamp" in obj["metadata"] else [])])


def _pod(obj: Mapping[str, Any]) -> str:
    states = [next(iter(each["state"])) for each in obj["status"].get("containerStatuses") or ()]
    ending = ["ending"] if "deletionTimestamp" in obj["metadata"] else []
    return " ".join([obj["status"].get("phase", ""), *states, *ending])


_TELL = {"flowruns": _run, "jobs": _job, "pods": _pod}
