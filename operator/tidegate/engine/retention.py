"""Policy: finished Jobs go when their result is durable and their time has passed; Jobs nobody owns are reaped."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tidegate.engine import ledger as letters
from tidegate.engine.actions import Action, DeleteJob, Reap
from tidegate.engine.facts import FINISHED, Attempt, Facts, JobFact, JobState
from tidegate.engine.ledger import FINAL, Ledger

GRACE = 300
"""Seconds that every name is held after its Job ended, so that a writer that wakes late finds it taken."""

ORPHAN_AGE = 60
"""Seconds after which an unfinished Job of a final slot is stopped."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Seconds that finished Jobs stay."""

    succeeded: int = 600
    failed: int = 86_400


@dataclass(frozen=True, slots=True)
class Kept:
    """What to delete or reap now, and the next instant at which that changes."""

    actions: tuple[Action, ...]
    again_at: float | None


def retain(
    facts: Facts,
    ledger: Ledger,
    retention: Retention,
    now: float,
    again_at: float | None = None,
    moved: AbstractSet[int] = frozenset(),
) -> Kept:
    """Say which Jobs go now.

    Args:
        facts: what was seen.
        ledger: the persisted one: only a durable result lets a Job go.
        retention: how long finished Jobs stay.
        now: seconds since the epoch.
        again_at: when the last look said that something is due; until then only what changed is looked at.
        moved: slots that changed in this step, beside those of which something was seen.
    """
    is_whole = facts.changed is None or (again_at is not None and now >= again_at)
    actions: list[Action] = []
    wake = None if is_whole else again_at
    for job in facts.jobs.values() if is_whole else _changed(facts, ledger, moved):
        is_running = any(pod.running for pod in facts.pods_of(job.attempt))
        due, action = _verdict(job, ledger, retention, is_running=is_running)
        if due is None:
            continue
        if now >= due:
            actions.append(action)
            due = now + ORPHAN_AGE
        if wake is None or due < wake:
            wake = due
    return Kept(tuple(actions), wake)


def _changed(facts: Facts, ledger: Ledger, moved: AbstractSet[int]) -> Iterable[JobFact]:
    for slot in sorted((facts.changed or frozenset()) | moved):
        latest = ledger.attempts[slot] if slot < len(ledger.attempts) else 0
        attempts: list[Attempt] = [(slot, number) for number in range(1, latest + 2)]
        yield from (facts.jobs[attempt] for attempt in attempts if attempt in facts.jobs)


def _verdict(job: JobFact, ledger: Ledger, retention: Retention, *, is_running: bool) -> tuple[float | None, Action]:
    slot, attempt = job.attempt
    delete = DeleteJob(job.name, job.uid, job.attempt)
    if slot >= len(ledger.slots) or attempt > ledger.attempts[slot]:
        return (None if job.state is JobState.TOMBSTONE else job.created), Reap(job.name, job.uid, job.attempt)
    over = attempt < ledger.attempts[slot] or ledger.slots[slot] in FINAL
    if not over:
        return None, delete
    if job.state is JobState.TOMBSTONE:
        return (job.finished or job.created) + max(GRACE, retention.failed), delete
    if job.state in FINISHED:
        keep = retention.succeeded if job.state is JobState.COMPLETE else retention.failed
        return (job.finished or job.created) + max(GRACE, keep), delete
    is_believed = ledger.slots[slot] == letters.SUCCEEDED and attempt == ledger.attempts[slot] and not is_running
    if is_believed and job.state is not JobState.SUSPENDED:
        return None, delete  # success was believed before the Job said so; it will
    # A Job does not count a pod that its queue took away: let go again, it would run again.
    age = 0.0 if job.state is JobState.SUSPENDED else ORPHAN_AGE
    return job.created + age, Reap(job.name, job.uid, job.attempt)
