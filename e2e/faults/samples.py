"""The samples as runs to be disturbed: what each says of its end, and whether a run of it kept its word."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .recorder import Record

SAMPLES = Path(__file__).parents[2] / "manifests/samples"
_PREFIX = "tidegate.dev/sample-"


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of manifests whose last Flow is run; `cancel_at` is the task during which somebody cancels it."""

    flow: str
    manifests: tuple[dict[str, Any], ...]
    ends: str
    reason: str
    cancel_at: str | None = None


def all_samples() -> list[Sample]:
    """Give every sample that says how it ends."""
    found = []
    for path in sorted(SAMPLES.rglob("*.yaml")):
        manifests = tuple(document for document in yaml.safe_load_all(path.read_text()) if document)
        flow = next((document for document in reversed(manifests) if document["kind"] == "Flow"), None)
        notes = (flow or {}).get("metadata", {}).get("annotations") or {}
        if flow is not None and f"{_PREFIX}ends" in notes:
            ends, reason = notes[f"{_PREFIX}ends"], notes[f"{_PREFIX}reason"]
            name, cancel_at = flow["metadata"]["name"], notes.get(f"{_PREFIX}cancel-at")
            found.append(Sample(name, manifests, ends, reason, cancel_at))
    return found


def problems(record: Record, sample: Sample, undisturbed: Record | None = None) -> Iterator[str]:
    """Say how a run broke its word: its end, what was created twice or never, what differs from an undisturbed run."""
    yield from record.doubles()
    yield from record.gaps()
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
        got, expected = (_comparable(r.status.get(field)) for r in (record, undisturbed))
        if got != expected:
            yield f"status.{field} is {got}; without disturbance {expected}"


def _comparable(value: Any) -> Any:
    """Give a part of status without what depends on the time of day."""
    if isinstance(value, dict) and "slots" in value:
        return {key: value[key] for key in ("slots", "attempts")}
    return value
