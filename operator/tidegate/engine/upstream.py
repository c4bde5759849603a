"""Upstream runs: which ended runs of other Flows count for a trigger, and what its expressions see of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.api import keys
from tidegate.api.conditions import find, instant_of
from tidegate.api.triggers import AfterFlows, RunResult
from tidegate.engine.localtime import utc
from tidegate.engine.naming import digest

PASSED = "TriggerPassed"
"""The reason of a run that came too late for its trigger: nothing of it ran, and it is nobody's upstream."""

_CANCELLED = frozenset(
    {"Cancelled", "ReplacedBy", "ParentStopped", "ParentGone", "ConcurrencyForbidden", "QueueFull"},
)


@dataclass(frozen=True, slots=True, order=True)
class Ended:
    """A run that has ended, and when, in seconds since the epoch; ordered by that."""

    second: int
    uid: str
    flow: str
    name: str


def result_of(run: Mapping[str, Any]) -> RunResult | None:
    """Give how a FlowRun ended; None when it did not, or only held a name."""
    status = run.get("status") or {}
    if "completionTime" not in status or keys.LABEL_TOMBSTONE in (run["metadata"].get("labels") or {}):
        return None
    told = find(status.get("conditions"), "Succeeded") or {}
    if told.get("status") == "True":
        return RunResult.SUCCEEDED
    reason = told.get("reason") or ""
    if reason == PASSED:
        return None
    return RunResult.CANCELLED if reason in _CANCELLED else RunResult.FAILED


def ended(run: Mapping[str, Any], results: Collection[str]) -> Ended | None:
    """Give a FlowRun that has ended with one of these results; None for any other."""
    if result_of(run) not in results:
        return None
    meta, status = run["metadata"], run["status"]
    second = int(instant_of(status["completionTime"]) or 0)
    return Ended(second, meta["uid"], run["spec"]["flowRef"]["name"], meta["name"])


def event_of(after: AfterFlows, runs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Give what expressions see as `event`: one run, or of a set each by the name of its Flow."""
    seen = [_seen(run) for run in runs]
    return {"runs": {one["flow"]: one for one in seen}} if after.all else {"run": seen[0]}


def id_of(after: AfterFlows, runs: Iterable[Ended]) -> str:
    """Give what tells a run, or a set, from all others; it begins with the UID of the one that ended last."""
    uids = [run.uid for run in sorted(runs)]
    return f"{uids[-1]}.{digest(*uids)}" if after.all else uids[-1]


def last_uid(event_id: str) -> str:
    """Give the UID of the run that ended last, from what `id_of` gave."""
    return event_id.partition(".")[0]


def _seen(run: Mapping[str, Any]) -> dict[str, Any]:
    meta, status = run["metadata"], run["status"]
    frozen = status.get("frozen") or {}
    trigger = frozen.get("trigger") or run["spec"].get("trigger") or {}
    end = status["completionTime"]
    due = trigger.get("time") or frozen.get("scheduledTime") or meta.get("creationTimestamp") or end
    result = result_of(run)
    return {
        "name": meta["name"],
        "uid": meta["uid"],
        "flow": run["spec"]["flowRef"]["name"],
        "result": "" if result is None else result.value,
        "reason": (find(status.get("conditions"), "Succeeded") or {}).get("reason") or "",
        "outputs": status.get("runOutputs") or {},
        "params": frozen.get("params") or {},
        "scheduledTime": _moment(due),
        "startTime": _moment(status.get("startTime") or end),
        "completionTime": _moment(end),
    }


def _moment(text: str) -> Any:
    return utc(int(instant_of(text) or 0))
