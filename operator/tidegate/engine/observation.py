"""Policy: what was seen of a live attempt, and what that makes of it.

A clean success is believed from the pod, two seconds before the Job says so. A failure waits for the Job: it alone
knows whether a suspension or its own policy ended the pod. Nothing is concluded from an absence in a cache.
"""

from tidegate.engine import calling, chunks, deadlines, outputs, starting
from tidegate.engine import ledger as letters
from tidegate.engine.actions import ConfirmGone
from tidegate.engine.causes import cause_of
from tidegate.engine.draft import Draft
from tidegate.engine.facts import Attempt, Confirmed, JobFact, JobState, PodFact
from tidegate.engine.failing import fail_attempt
from tidegate.engine.records import Record
from tidegate.engine.retry import Failure
from tidegate.engine.succeeding import succeed_attempt
from tidegate.engine.trouble import trouble_of

_NAMED = letters.letters_of(b"IOY")
_INTENT = letters.letters_of(b"I")


def observe(draft: Draft) -> None:
    """Look at every slot whose Job is named and of which there may be news."""
    changed = draft.facts.changed
    if changed is None:
        slots = list(draft.ledger.at(_NAMED))
    else:
        late = {slot for slot, instant in draft.starts.items() if instant <= draft.now}
        slots = sorted({*draft.ledger.at(_INTENT), *changed, *late})
    for slot in slots:
        if not draft.has(slot):
            continue
        if draft.letter(slot) == letters.OVERDUE and _came_through(draft, slot):
            draft.move(slot, letters.OBSERVED)
        if draft.letter(slot) in (letters.INTENT, letters.OBSERVED):
            _observe_slot(draft, slot)


def _came_through(draft: Draft, slot: int) -> bool:
    """Whether an attempt has succeeded that was to be stopped since nothing of it ran in time: it was seen too late."""
    attempt = draft.attempt(slot)
    job, child = draft.facts.jobs.get(attempt), draft.facts.children.get(attempt)
    return (job is not None and job.state is JobState.COMPLETE) or (child is not None and child.succeeded)


def _observe_slot(draft: Draft, slot: int) -> None:
    if draft.node(slot).task.flow is not None:
        calling.observe(draft, slot)
        return
    attempt = draft.attempt(slot)
    job = draft.facts.jobs.get(attempt)
    refusal = draft.facts.rejections.get(attempt)
    if job is not None:
        _observe_job(draft, slot, job)
    elif draft.letter(slot) == letters.INTENT and not draft.facts.pods_of(attempt):
        starting.see_to_it(draft, slot) if refusal is None or not refusal.final else None
        if refusal is not None:
            _refused(draft, slot, refusal.reason, refusal.message, final=refusal.final)
    else:
        draft.actions.append(ConfirmGone(attempt))
    if draft.letter(slot) in (letters.INTENT, letters.OBSERVED):
        deadlines.watch_start(draft, slot, job)


def _refused(draft: Draft, slot: int, reason: str, message: str, *, final: bool) -> None:
    if final:
        fail_attempt(draft, slot, Failure(reason, message, final=True))
    else:
        deadlines.start_counting(draft, slot)
        draft.tell(slot, reason, message)


def _deleted(draft: Draft, slot: int, attempt: Attempt) -> None:
    """A tombstone stands where the Job was: somebody deleted it. The attempt is over when no pod of it is left."""
    if draft.facts.has_live_pod(attempt):
        draft.tell(slot, "JobDeleted", "its Job was deleted; its pod has not ended yet")
    elif draft.facts.is_confirmed(attempt, Confirmed.PODS_GONE):
        fail_attempt(draft, slot, Failure("JobDeleted", "somebody deleted its Job"))
    else:
        draft.actions.append(ConfirmGone(attempt))


def _observe_job(draft: Draft, slot: int, job: JobFact) -> None:
    if draft.letter(slot) == letters.INTENT:
        draft.move(slot, letters.OBSERVED)
    if draft.is_chunk(slot) and job.state is not JobState.TOMBSTONE:
        chunks.observe(draft, slot, job)
        return
    pods = [pod for pod in draft.facts.pods_of(job.attempt) if pod.job_uid == job.uid]
    _note_progress(draft, slot, job, pods)
    if not draft.is_task(slot):
        chunks.see(draft, slot)
    clean = next((pod for pod in pods if pod.clean), None)
    if job.state is JobState.TOMBSTONE:
        _deleted(draft, slot, job.attempt)
    elif clean is not None and job.state not in (JobState.SUSPENDED, JobState.FAILING, JobState.FAILED):
        _take_success(draft, slot, clean)
    elif job.state is JobState.COMPLETE:
        _complete(draft, slot, job, pods)
    elif job.state in (JobState.FAILING, JobState.FAILED):
        alive = next((pod for pod in pods if pod.alive), None)
        if alive is None:
            _failed(draft, slot, job, pods)
        elif job.state is JobState.FAILED and alive.deleting:
            draft.tell(
                slot, "NodeLost", f"its Job has failed, and its pod {alive.name} does not end: is its node lost?"
            )


def _note_progress(draft: Draft, slot: int, job: JobFact, pods: list[PodFact]) -> None:
    record = draft.record(slot)
    started = min((pod.started for pod in pods if pod.started is not None), default=record.started)
    draft.records[slot] = Record(started=started).told(*trouble_of(draft, slot, job, pods))


def _take_success(draft: Draft, slot: int, pod: PodFact) -> None:
    node = draft.node(slot)
    try:
        taken = outputs.check(outputs.parse(pod.output), node.task.outputs or ())
    except outputs.OutputError as error:
        fail_attempt(draft, slot, Failure(error.reason, error.message), at=pod.finished)
        return
    succeed_attempt(draft, slot, taken, at=pod.finished)


def _complete(draft: Draft, slot: int, job: JobFact, pods: list[PodFact]) -> None:
    """Take the Job's word for success, also when its pod was deleted in its last moments or is gone already."""
    ended = next((pod for pod in pods if pod.exit_code == 0), None)
    if ended is not None:
        _take_success(draft, slot, ended)
    elif not draft.facts.is_confirmed(job.attempt, Confirmed.PODS_GONE):
        draft.actions.append(ConfirmGone(job.attempt))
    elif _needs_outputs(draft, slot):
        message = "its Job completed, but its pod was gone before the output was read"
        fail_attempt(draft, slot, Failure("OutputsLost", message), at=job.finished)
    else:
        draft.succeed(slot, {}, at=job.finished)


def _needs_outputs(draft: Draft, slot: int) -> bool:
    node = draft.node(slot)
    return node.slot in draft.graph.wanted or bool(node.task.outputs) or node.until is not None


def _failed(draft: Draft, slot: int, job: JobFact, pods: list[PodFact]) -> None:
    if not pods and job.state is JobState.FAILING:
        return
    if not pods and not draft.facts.is_confirmed(job.attempt, Confirmed.PODS_GONE):
        draft.actions.append(ConfirmGone(job.attempt))
        return
    last = max(pods, key=lambda pod: pod.finished or 0.0, default=None)
    at = last.finished if last and last.finished else job.finished
    fail_attempt(draft, slot, cause_of(job, last), at=at)
