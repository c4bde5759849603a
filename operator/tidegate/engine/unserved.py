"""What the API already has words for, but the engine does not do yet: refused with a sentence, never ignored."""

from tidegate.api.flow import FlowSpec
from tidegate.api.task import Task
from tidegate.engine.findings import Finding, Keys

RERUN_UNSERVED = "is not served by this version: create a run without it, which does everything again"


def find_unserved(spec: FlowSpec, places: list[Keys]) -> list[Finding]:
    """Find what this version cannot do."""
    return [
        Finding((*place, *field), "is not served by this version")
        for task, place in zip((*spec.tasks, *spec.finally_), places, strict=True)
        for field in _of_task(task)
    ]


def _of_task(task: Task) -> list[tuple[str, ...]]:
    unserved = {
        ("forEach",): task.for_each if not task.is_pod else None,
        ("flow",): task.flow,
    }
    return [field for field, value in unserved.items() if value is not None]
