"""Names of children: readable, deterministic, and short enough for a pod's hostname."""

from tidegate.engine.edges import canonical
from tidegate.engine.naming import digest

MAX_JOB_NAME = 57


def job_name(run: str, task: str, uid: str, slot: int, attempt: int) -> str:
    """Give the name of an attempt's Job: it says which run and task, and is unique by (run UID, slot, attempt)."""
    tail = digest(uid, str(slot), str(attempt))
    room = MAX_JOB_NAME - len(tail) - 2
    task_part = canonical(task)[: room // 2]
    run_part = run.replace(".", "-")[: room - len(task_part)]
    return f"{run_part.rstrip('-')}-{task_part.rstrip('-')}-{tail}"


def revision_name(flow: str, uid: str, content: str) -> str:
    """Give the name of a run's own snapshot of its Flow."""
    return f"{flow[:40].rstrip('-.')}-{digest(uid, content)}"


def event_name(run: str, uid: str, *parts: str) -> str:
    """Give the name of an Event, so that telling the same thing twice is one Event."""
    return f"{run[:60].rstrip('-.')}.{digest(uid, *parts, length=16)}"


def label_value(text: str) -> str:
    """Give text as a label's value: at most 63 characters, ending in a letter or digit."""
    return text[:63].rstrip("-_.")
