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
_SWITCH = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rerun-switch"}, "data": {"READY": "yes"}}
_MENDED = {"rerun": _SWITCH}
"""What has to be there for a run that failed to succeed when it is done again."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of manifests whose last Flow is run, and how that ends.

    `cancel_at` is the task during which somebody cancels the run, `approve` the one that somebody approves. `mended` is
    created when the run has ended, which is then done again.
    """

    flow: str
    manifests: tuple[dict[str, Any], ...]
    ends: str
    reason: str
    cancel_at: str | None = None
    approve: str | None = None
    mended: dict[str, Any] | None = None

    @property
    def racing(self) -> list[int]:
        """Give the slots of tasks whose end depends on which of two others is the faster."""
        tasks, racing = self._tasks_of(self.flow), _RACING.get(self.flow, ())
        return [slot for slot, task in enumerate(tasks) if task["name"] in racing]

    def fanned(self, record: Record) -> list[int]:
        """Give the slots of fan-outs in a run: they have no Job of their own, their items have."""
        tasks = self._tasks_of(record.run["spec"]["flowRef"]["name"])
        return [slot for slot, task in enumerate(tasks) if "forEach" in task]

    def _tasks_of(self, name: str) -> list[dict[str, Any]]:
        flow = next(m for m in self.manifests if (m["kind"], m["metadata"]["name"]) == ("Flow", name))
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
            name = flow["metadata"]["name"]
            found.append(Sample(name, manifests, ends, reason, cancel_at, approve, _MENDED.get(name)))
    return found


def problems(record: Record, sample: Sample, undisturbed: Record | None = None) -> Iterator[str]:
    """Say how a run broke its word: its end, what was created twice or never, what differs from an undisturbed run."""
    yield from _ending(record, sample.ends, sample.reason)
    yield from _differing(record, sample, undisturbed)
    if sample.mended is None:
        return
    if record.again is None:
        yield "it was never done again"
        return
    yield from (f"done again: {problem}" for problem in _ending(record.again, "Succeeded", "Completed"))
    again = undisturbed and undisturbed.again
    yield from (f"done again: {problem}" for problem in _differing(record.again, sample, again))


def _ending(record: Record, ends: str, reason: str) -> Iterator[str]:
    if "completionTime" not in record.status:
        return
    condition = next(c for c in record.status["conditions"] if c["type"] == "Succeeded")
    if (condition["status"], condition["reason"]) != ("True" if ends == "Succeeded" else "False", reason):
        yield f"it ended {condition['reason']}, expected {reason}: {condition['message']}"


def _differing(record: Record, sample: Sample, undisturbed: Record | None) -> Iterator[str]:
    """Say what was created twice or never in a run and its child runs, and what else is not as undisturbed."""
    yield from record.doubles()
    yield from record.gaps(sample.fanned(record))
    if "completionTime" not in record.status:
        yield f"it has not ended: {record.status.get('why')}"
        return
    for field in ("ledger", "runOutputs", "outputs") if undisturbed else ():
        got, expected = (_comparable(r.status.get(field), sample.racing) for r in (record, undisturbed))
        if got != expected:
            yield f"status.{field} is {got}; without disturbance {expected}"
    for claim, child in record.children.items():
        before = undisturbed and undisturbed.children.get(claim)
        yield from (f"{' '.join(claim)}: {problem}" for problem in _differing(child, sample, before))


def _comparable(value: Any, racing: list[int]) -> Any:
    """Give a part of status without what depends on time."""
    if not isinstance(value, dict) or "slots" not in value:
        return value
    rows = zip(value["slots"], value["attempts"], strict=True)
    return ["?" if slot in racing else f"{letter}{attempt}" for slot, (letter, attempt) in enumerate(rows)]
