"""Policy: nothing hangs for ever. The whole run has a deadline, and so has every attempt until its container runs."""

from collections.abc import Sequence

from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.facts import ChildFact, JobFact, JobState, PodFact
from tidegate.engine.wishes import Stop

START_DEADLINE = 3600
"""Seconds, for a task that says nothing."""


def stop_late_run(draft: Draft, started: float) -> None:
    """Stop the run when its deadline has passed and tasks are left; `finally` is not bound by it."""
    seconds = draft.graph.spec.deadline_seconds
    if seconds is None or not draft.tally.open_tasks or draft.wish.stops:
        return
    if draft.now < started + seconds:
        draft.wake(started + seconds)
        return
    message = f"the run took longer than its deadline of {seconds} s"
    draft.stop = Stop("Cancelled", "DeadlineExceeded", message)


def start_counting(draft: Draft, slot: int) -> None:
    """Keep, once, by when an attempt must have started whose Job could not even be created."""
    if not draft.ledger.extra_of(slot).due:
        draft.ledger.note(slot, due=int(draft.now) + _seconds(draft, slot))


def watch_start(draft: Draft, slot: int, job: JobFact | None) -> None:
    """Give up an attempt whose container does not run in time. Time in a queue of suspended Jobs does not count."""
    pods = draft.facts.pods_of(draft.attempt(slot))
    if _has_started(draft, slot, pods) or (job is not None and job.state is not JobState.ACTIVE):
        draft.starts.pop(slot, None)
        return
    last = max((pod.finished or pod.started or 0.0 for pod in pods), default=0.0)
    since = max(job.created, job.resumed or 0.0, last) if job is not None else None
    _give_up_when_due(draft, slot, since, "its container did not run")


def watch_child(draft: Draft, slot: int, child: ChildFact | None) -> None:
    """Give up a child run that is not let in by its own Flow in time, or that could not even be created."""
    if child is not None and child.started is not None:
        draft.starts.pop(slot, None)
    else:
        _give_up_when_due(draft, slot, child.created if child is not None else None, "its child run did not start")


def _give_up_when_due(draft: Draft, slot: int, since: float | None, what: str) -> None:
    due = float(draft.ledger.extra_of(slot).due)
    if since is not None:
        due = max(due, since + _seconds(draft, slot))
    if not due:
        return
    if draft.now < due:
        draft.starts[slot] = due
        return
    record = draft.record(slot)
    cause = f": {record.reason}: {record.message}" if record.reason else ""
    draft.move(slot, letters.OVERDUE)
    draft.tell(slot, "StartDeadlineExceeded", f"{what} within {_seconds(draft, slot)} s{cause}")


def _has_started(draft: Draft, slot: int, pods: Sequence[PodFact]) -> bool:
    """Whether the attempt runs; a chunk does not when all its live pods wait, which others that ended do not change."""
    if not draft.is_chunk(slot):
        return any(pod.started is not None for pod in pods)
    alive = [pod for pod in pods if pod.alive]
    return any(pod.started is not None for pod in alive) or (bool(pods) and not alive)


def _seconds(draft: Draft, slot: int) -> int:
    return draft.node(slot).task.start_deadline_seconds or START_DEADLINE
