"""Names of children: readable, deterministic, and short enough for a pod's hostname."""

import hashlib

from tidegate.engine.edges import canonical

MAX_JOB_NAME = 57
_HASH = 10


def digest(*parts: str, length: int = _HASH) -> str:
    """Give a hash of parts as lower-case letters and digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]


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


def child_name(run: str, uid: str, purpose: str, content: str) -> str:
    """Give the name of a ConfigMap of a run, by what is in it."""
    return f"{run[:40].rstrip('-.')}-{purpose}-{digest(uid, content)}"


def event_name(run: str, uid: str, *parts: str) -> str:
    """Give the name of an Event, so that telling the same thing twice is one Event."""
    return f"{run[:60].rstrip('-.')}.{digest(uid, *parts, length=16)}"


def label_value(text: str) -> str:
    """Give text as a label's value: at most 63 characters, ending in a letter or digit."""
    return text[:63].rstrip("-_.")
