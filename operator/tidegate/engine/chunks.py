"""Policy: what was seen of a chunk of items, an Indexed Job, and what that makes of it.

Its truth is the Job's word on each index; outputs and causes come from the pods. It repeats failed items itself, so a
chunk has one attempt.
"""

from collections.abc import Iterable, Mapping, Sequence

from tidegate.engine import blocks, intervals, joining, outputs
from tidegate.engine import ledger as letters
from tidegate.engine.actions import ConfirmGone
from tidegate.engine.causes import cause_of
from tidegate.engine.draft import Draft
from tidegate.engine.facts import FINISHED, Confirmed, JobFact, JobState, PodFact
from tidegate.engine.joining import Gathered
from tidegate.engine.part import Part
from tidegate.engine.records import told_of
from tidegate.engine.retry import Failure
from tidegate.engine.trouble import trouble_of

_NOT_BELIEVED = frozenset({JobState.SUSPENDED, JobState.FAILING, JobState.FAILED})
_LOST = "its pod was gone before the output was read"


def observe(draft: Draft, slot: int, job: JobFact) -> None:
    """Take in what is seen of a live chunk, and end it when all of it has ended."""
    pods = _pods(draft, slot, job)
    seen = see(draft, slot)
    _tell(draft, slot, job, pods)
    full = intervals.span(0, draft.size(slot))
    if seen.succeeded == full and job.state not in _NOT_BELIEVED and not _without_output(seen.succeeded, pods):
        finish(draft, slot, gather(draft, slot, job, pods))
    elif job.state in FINISHED:
        _conclude(draft, slot, job, pods)
    else:
        _limit_disruptions(draft, slot, pods)


def see(draft: Draft, slot: int) -> Part:
    """Take in how far a live chunk, or an item with a Job of its own, is."""
    job = draft.facts.jobs.get(draft.attempt(slot))
    if job is not None and draft.is_chunk(slot):
        seen = look(job, _pods(draft, slot, job))
    else:
        seen = Part(running=sum(pod.running for pod in draft.facts.pods_of(draft.attempt(slot))))
    draft.see_part(slot, seen)
    return seen


def look(job: JobFact, pods: Iterable[PodFact]) -> Part:
    """Give what is known of a chunk's items."""
    succeeded, running = intervals.mask_of(job.completed), 0
    for pod in pods:
        running += pod.running
        if pod.clean and pod.index is not None:
            succeeded |= 1 << pod.index
    failed = intervals.mask_of(job.failed)
    return Part(succeeded & ~failed, failed, running)


def stop(draft: Draft, slot: int) -> None:
    """End a chunk that was stopped; what had ended before keeps its result."""
    job = draft.facts.jobs.get(draft.attempt(slot))
    finish(draft, slot, gather(draft, slot, job, _pods(draft, slot, job)), stopped=True)


def fail(draft: Draft, slot: int, failure: Failure) -> None:
    """End a chunk as a whole: every item that had not ended fails for the same reason."""
    job = draft.facts.jobs.get(draft.attempt(slot))
    finish(draft, slot, gather(draft, slot, job, _pods(draft, slot, job), rest=failure))


def gather(
    draft: Draft, slot: int, job: JobFact | None, pods: Sequence[PodFact], rest: Failure | None = None
) -> Gathered:
    """Give what became of each item; `rest` is why those failed that neither Job nor pods have ended."""
    seen = look(job, pods) if job is not None else Part()
    good = {pod.index: pod for pod in pods if pod.exit_code == 0}
    bad = _last_failures(pods)
    results: list[dict[str, object] | None] = []
    failures: dict[int, Failure] = {}
    for index in range(draft.size(slot)):
        output: dict[str, object] | None = None
        if seen.succeeded >> index & 1:
            output, failure = _output(draft, slot, good.get(index))
        elif seen.failed >> index & 1 and job is not None:
            failure = cause_of(job, bad[index]) if index in bad else Failure("ItemFailed", "its pod is gone")
        else:
            failure = rest
        results.append(output)
        if failure is not None:
            failures[index] = failure
    return Gathered(results, failures)


def finish(draft: Draft, slot: int, gathered: Gathered, *, stopped: bool = False) -> None:
    """End a chunk for good: its outputs are stored before the write that says so."""
    block = blocks.block_at(draft.ledger, slot)
    first = blocks.items_in(block, slot)[0]
    letter = letters.SUCCEEDED
    if None in gathered.outputs:
        letter = letters.CANCELLED if stopped else letters.FAILED
    stores = joining.store(draft.run, slot, letter, gathered)
    failed = sum(1 << first + index for index in gathered.failures)
    blocks.change(
        draft.ledger,
        block,
        results=(*block.results, *(content.name for content in stores)),
        failed=intervals.packed(intervals.unpacked(block.failed) | failed),
    )
    draft.stores += stores
    draft.outputs[slot] = gathered.outputs
    draft.take_items(slot, intervals.mask_from(output is not None for output in gathered.outputs) << first, failed)
    reason, message = _first(gathered.failures, first)
    record = draft.record(slot)
    draft.finish(slot, letter, reason or record.reason, message or record.message)


def _conclude(draft: Draft, slot: int, job: JobFact, pods: Sequence[PodFact]) -> None:
    """Take the Job's word that all is over, once what its pods said is read, or known to be lost."""
    seen, alive = draft.parts[slot], any(pod.alive for pod in pods)
    ended = {pod.index for pod in pods if not pod.alive and pod.exit_code != 0}
    silent = any(index not in ended for index in intervals.numbers(seen.failed))
    is_open = alive or silent or _without_output(seen.succeeded, pods)
    if is_open and not draft.facts.is_confirmed(job.attempt, Confirmed.PODS_GONE):
        draft.actions.append(ConfirmGone(job.attempt))
    elif not alive:
        finish(draft, slot, gather(draft, slot, job, pods))


def _limit_disruptions(draft: Draft, slot: int, pods: Iterable[PodFact]) -> None:
    """Count what the cluster took, and stop a chunk of which it took an item too often: nothing else would end that."""
    counts: dict[int, int] = {}
    reason = ""
    for pod in pods:
        if pod.index is not None and (pod.disruptions or pod.disruption):
            counts[pod.index] = max(counts.get(pod.index, 0), pod.disruptions + (pod.disruption is not None))
            reason = pod.disruption or reason
    known, total = draft.ledger.extra_of(slot).disruptions, sum(counts.values())
    if total > known:
        draft.ledger.note(slot, disruptions=total)
        draft.disruptions += [reason or "Disrupted"] * (total - known)
    most = draft.node(slot).retry.max_disruptions
    index = next((index for index in sorted(counts) if counts[index] > most), None)
    if index is not None:
        draft.move(slot, letters.OVERDUE)
        item = _first_item(draft, slot) + index
        message = f"item {item} was disrupted {counts[index]} times; retry.maxDisruptions is {most}"
        draft.tell(slot, "TooManyDisruptions", message)


def _tell(draft: Draft, slot: int, job: JobFact, pods: Sequence[PodFact]) -> None:
    """Say why items wait, and of the first that failed, why."""
    draft.tell(slot, *trouble_of(draft, slot, job, pods))
    failed = draft.parts[slot].failed
    if failed and not draft.record(draft.node(slot).slot).reason:
        index = intervals.first_of(failed)
        pod = _last_failures(pods).get(index)
        if pod is not None:
            draft.tell_failure(slot, *_first({index: cause_of(job, pod)}, _first_item(draft, slot)))


def _first(failures: Mapping[int, Failure], first: int) -> tuple[str, str]:
    if not failures:
        return "", ""
    index, failure = next(iter(failures.items()))
    return failure.reason, told_of(first + index, failure.reason, failure.message)


def _first_item(draft: Draft, slot: int) -> int:
    return blocks.items_in(blocks.block_at(draft.ledger, slot), slot)[0]


def _pods(draft: Draft, slot: int, job: JobFact | None) -> list[PodFact]:
    """Give the pods of the chunk's Job that have an index of it."""
    size = draft.size(slot)
    found = draft.facts.pods_of(draft.attempt(slot)) if job is not None else ()
    return [
        pod
        for pod in found
        if job is not None and pod.job_uid == job.uid and pod.index is not None and pod.index < size
    ]


def _last_failures(pods: Iterable[PodFact]) -> dict[int, PodFact]:
    """Give the last pod of each index that did not end well."""
    ended = [pod for pod in pods if not pod.alive and not pod.clean]
    ended.sort(key=lambda pod: pod.finished or 0.0)
    return {pod.index: pod for pod in ended if pod.index is not None}


def _without_output(succeeded: int, pods: Iterable[PodFact]) -> bool:
    """Whether an item ended well of which no such pod was seen."""
    return bool(succeeded & ~sum({1 << pod.index for pod in pods if pod.exit_code == 0 and pod.index is not None}))


def _output(draft: Draft, slot: int, pod: PodFact | None) -> tuple[dict[str, object] | None, Failure | None]:
    node = draft.node(slot)
    if pod is None and (node.slot in draft.graph.wanted or node.task.outputs):
        return None, Failure("OutputsLost", _LOST)
    try:
        return outputs.check(outputs.parse(pod.output if pod else None), node.task.outputs or ()), None
    except outputs.OutputError as error:
        return None, Failure(error.reason, error.message)
