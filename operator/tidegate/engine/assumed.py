"""What is assumed of tasks when a run is played through on paper: how they end, what they write, how long they take."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.engine.graph import Node

SECONDS = 60.0
"""How long is taken by what no duration is given for: the shortest unit in which people think of a flow."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed of tasks, by name.

    Those that are `failed` fail with each attempt, items that are `spared` do not though their task does; an item is
    named as people do, `load[3]`. Approvals are given, with
    their outputs as params, unless they are among `failed` (rejected) or `undecided`; what `wait.for` waits for becomes
    as it should be, unless the task is among `undecided`. `durations` are the seconds of one attempt, or until a
    decision, or until an object is as it should be.
    """

    failed: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    durations: Mapping[str, float] = field(default_factory=dict)
    otherwise: float = SECONDS

    def seconds_of(self, node: Node) -> float:
        """Give how long an attempt takes; one of which nothing is said is never too late for its own time-out."""
        given = self.durations.get(node.name)
        if given is not None:
            return given
        limit = limit_of(node)
        return self.otherwise if limit is None else min(self.otherwise, limit)

    def output_of(self, task: str) -> str | None:
        """Give what the task's container writes; None when nothing is said of it."""
        written = self.outputs.get(task)
        return json.dumps(dict(written)) if written is not None else None

    def fails(self, task: str, item: int | None = None) -> bool:
        """Whether the task, or this item of it, fails."""
        if item is None:
            return task in self.failed
        name = f"{task}[{item}]"
        return name in self.failed or (task in self.failed and name not in self.spared)


def limit_of(node: Node) -> int | None:
    """Give the seconds after which an attempt, a decision or an object comes too late."""
    task = node.task
    if task.approval is not None:
        return task.approval.timeout_seconds
    return task.wait.timeout_seconds if task.wait is not None else task.timeout_seconds
