"""The samples as runs to be disturbed: what each says of its end, and whether a run of it kept its word."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .recorder import Record

SAMPLES = Path(__file__).parents[2] / "manifests/samples"
_PREFIX = "tidegate.dev/sample-"
_RACING = {"failfast": ["after"]}
"""On a slow machine `slow` ends before it is known that `broken` failed, and `after` starts: both is right."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of manifests whose last Flow is run, and how that ends.

    `cancel_at` is the task during which somebody cancels the run, `approve` the one that somebody approves.
    """

    flow: str
    manifests: tuple[dict[str, Any], ...]
    ends: str
    reason: str
    cancel_at: str | None = None
    approve: str | None = None

    @property
    def racing(self) -> list[int]:
        """Give the slots of tasks whose end depends on which of two others is the faster."""
        return [slot for slot, task in enumerate(self._tasks) if task["name"] in _RACING.get(self.flow, ())]

    @property
    def fanned(self) -> list[int]:
        """Give the slots of fan-outs: they have no Job of their own, their items have."""
        return [slot for slot, task in enumerate(self._tasks) if "forEach" in task]

    @property
    def _tasks(self) -> list[dict[str, Any]]:
        flow = next(m for m in self.manifests if (m["kind"], m["metadata"]["name"]) == ("Flow", self.flow))
        return [*flow["spec"]["tasks"], *flow["spec"].get("finally", ())]


def all_samples() -> list[Sample]:
    """Give every sample that says how it ends."""
    found = []
    for path in sorted(SAMPLES.rglob("*.yaml")):
        manifests = tuple(document for document in yaml.safe_load_all(path.read_text()) if document)
        flow = next((document for document in reversed(manifests) if document["kind"] == "Flow"), None)
        notes = (flow or {}).get("metadata", {}).get("annotations") or {}
        if flow is not None and f"{_PREFIX}ends" in notes:
            ends, reason = notes[f"{_PREFIX}ends"], notes[f"{_PREFIX}reason"]
            cancel_at, approve = notes.get(f"{_PREFIX}cancel-at"), notes.get(f"{_PREFIX}approve")
            found.append(Sample(flow["metadata"]["name"], manifests, ends, reason, cancel_at, approve))
    return found


def problems(record: Record, sample: Sample, undisturbed: Record | None = None) -> Iterator[str]:
    """Say how a run broke its word: its end, what was created twice or never, what differs from an undisturbed run."""
    yield from record.doubles()
    yield from record.gaps(sample.fanned)
    if "completionTime" not in record.status:
        yield f"it has not ended: {record.status.get('why')}"
        return
    condition = next(c for c in record.status["conditions"] if c["type"] == "Succeeded")
    succeeded = "True" if sample.ends == "Succeeded" else "False"
    if (condition["status"], condition["reason"]) != (succeeded, sample.reason):
        yield f"it ended {condition['reason']}, expected {sample.reason}: {condition['message']}"
    if undisturbed is None:
        return
    for field in ("ledger", "runOutputs", "outputs"):
        got, expected = (_comparable(r.status.get(field), sample.racing) for r in (record, undisturbed))
        if got != expected:
            yield f"status.{field} is {got}; without disturbance {expected}"


def _comparable(value: Any, racing: list[int]) -> Any:
    """Give a part of status without what depends on time."""
    if not isinstance(value, dict) or "slots" not in value:
        return value
    rows = zip(value["slots"], value["attempts"], strict=True)
    return ["?" if slot in racing else f"{letter}{attempt}" for slot, (letter, attempt) in enumerate(rows)]
