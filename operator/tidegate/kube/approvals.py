"""FlowApprovals as they are known: all of them by name, and by run those that nobody has answered yet."""

from collections.abc import Mapping
from typing import Any

from tidegate.api.conditions import find
from tidegate.api.flowapproval import COUNTED, Decision
from tidegate.engine.facts import ApprovalFact
from tidegate.kube.client import Object

Key = tuple[str, str]
"""Namespace and name."""


def run_of(obj: Object) -> tuple[Key, str]:
    """Give which run a decision is on: namespace and name, and the UID."""
    return (obj["metadata"]["namespace"], str(obj["spec"].get("run"))), str(obj["spec"].get("runUID"))


def fact_of(obj: Object) -> ApprovalFact:
    """Give a decision as the engine takes it."""
    metadata, spec = obj["metadata"], obj["spec"]
    return ApprovalFact(
        name=metadata["name"],
        uid=metadata["uid"],
        index=spec.get("index") or 0,
        approved=spec.get("decision") == Decision.APPROVED,
        by=str(spec.get("by") or ""),
        comment=str(spec.get("comment") or ""),
        params=spec.get("params") or {},
        edited=metadata.get("generation", 1) != 1,
    )


def answer_in(obj: Mapping[str, Any]) -> bool | None:
    """Give whether it was told that it counted, or that it did not; None when nobody has told yet."""
    condition = find((obj.get("status") or {}).get("conditions"), COUNTED)
    return None if condition is None else condition.get("status") == "True"


class Approvals:
    """The newest known version of each FlowApproval; the store decides what is news."""

    def __init__(self) -> None:
        self.known: dict[Key, Object] = {}
        self._open: dict[tuple[Key, str], dict[str, tuple[str, ApprovalFact]]] = {}

    def note(self, obj: Object) -> None:
        """Take one that is news."""
        if answer_in(obj) is None and "deletionTimestamp" not in obj["metadata"]:
            decisions = self._open.setdefault(run_of(obj), {})
            decisions[obj["metadata"]["uid"]] = str(obj["spec"].get("task")), fact_of(obj)
        else:
            self.forget(obj)

    def forget(self, obj: Object) -> None:
        """Drop one that is gone, or answered, from those that are open."""
        decisions = self._open.get(run_of(obj), {})
        decisions.pop(obj["metadata"]["uid"], None)
        if not decisions:
            self._open.pop(run_of(obj), None)

    def open(self, run: Key, uid: str) -> Mapping[str, tuple[ApprovalFact, ...]]:
        """Give the unanswered decisions on a run, by task."""
        found: dict[str, tuple[ApprovalFact, ...]] = {}
        for task, fact in self._open.get((run, uid), {}).values():
            found[task] = (*found.get(task, ()), fact)
        return found
