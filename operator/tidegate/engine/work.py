"""What one Job on paper does with its time: items side by side, each as long as is assumed, each to its assumed end."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tidegate.engine.actions import Share
from tidegate.engine.assumed import Assumed, limit_of
from tidegate.engine.facts import JobFact, JobState, PodFact
from tidegate.engine.graph import Node
from tidegate.engine.intervals import mask_from, text_of

_EXIT_CODE = 1
_BACKOFF, _LONGEST_BACKOFF = 10, 600
"""Seconds: https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy"""


@dataclass(frozen=True, slots=True)
class Work:
    """What a Job does: `ends` are how many seconds after its beginning each of its items ends, `failed` which fail.

    `cause` is what a failed one's pod says; `seconds` is when the Job ends, which may be before all its items do.
    """

    ends: tuple[float, ...]
    failed: tuple[bool, ...]
    cause: dict[str, Any]
    output: str | None
    side_by_side: int
    seconds: float


def work_of(assumed: Assumed, node: Node, share: Share | None) -> Work:
    """Give what a Job of the task does, as is assumed."""
    takes, limit = assumed.seconds_of(node), limit_of(node)
    is_late = limit is not None and takes > limit
    once = min(takes, limit) if limit is not None else takes
    numbers = range(share.first, share.first + share.count) if share else (None,)
    failed = tuple(is_late or assumed.fails(node.name, number) for number in numbers)
    side_by_side = (share.parallelism if share else None) or 1
    ends = tuple(_ends(failed, once, _until_given_up(node, once, is_late=is_late), side_by_side, share))
    late = {"reason": "DeadlineExceeded", "message": f"it takes {takes:g} s as assumed; timeoutSeconds is {limit}"}
    cause = late if is_late else {"exit_code": _EXIT_CODE, "reason": "Error", "message": "as assumed"}
    return Work(ends, failed, cause, assumed.output_of(node.name), side_by_side, _end_of_job(ends, failed, share))


def begun(job: JobFact, work: Work) -> tuple[PodFact, ...]:
    """Give the pods that the Job begins with; who looks at it later asks for no others until they have ended."""
    pod = PodFact(job.name, job.uid, job.uid, job.attempt, running=True, started=job.created)
    return tuple(replace(pod, index=index) for index in range(min(work.side_by_side, len(work.ends))))


def ended(job: JobFact, work: Work, state: JobState, now: float) -> tuple[JobFact, tuple[PodFact, ...]]:
    """Give Job and pods as they are when the Job ends, or is stopped; items that have not ended by then never do."""
    is_over = [job.created + end <= now for end in work.ends]
    completed = mask_from(over and not failed for over, failed in zip(is_over, work.failed, strict=True))
    failures = mask_from(over and failed for over, failed in zip(is_over, work.failed, strict=True))
    pods = tuple(_pod(job, work, index) for index, over in enumerate(is_over) if over)
    return replace(job, state=state, finished=now, completed=text_of(completed), failed=text_of(failures)), pods


def _pod(job: JobFact, work: Work, index: int) -> PodFact:
    told = work.cause if work.failed[index] else {"exit_code": 0, "output": work.output, "clean": True}
    pod = PodFact(job.name, job.uid, job.uid, job.attempt, alive=False, started=job.created, index=index)
    return replace(pod, finished=job.created + work.ends[index], **told)


def _until_given_up(node: Node, once: float, *, is_late: bool) -> float:
    """Give how long a failing item takes whose repetitions are the Job's own, as those of a chunk are."""
    is_final = not is_late and _EXIT_CODE in node.retry.except_exit_codes
    again = 0 if is_final else node.retry.limit
    pauses: int = sum(min(_BACKOFF * 2**n, _LONGEST_BACKOFF) for n in range(again))
    return once * (again + 1) + pauses


def _ends(
    failed: tuple[bool, ...], once: float, given_up: float, side_by_side: int, share: Share | None
) -> Iterator[float]:
    """Give when each item ends: one begins as soon as one of those before it has left its place."""
    is_chunk = share is not None and share.parallelism is not None
    places = [0.0] * side_by_side
    for fails in failed:
        place = min(range(side_by_side), key=places.__getitem__)
        places[place] += given_up if fails and is_chunk else once
        yield places[place]


def _end_of_job(ends: tuple[float, ...], failed: tuple[bool, ...], share: Share | None) -> float:
    """Give when the Job ends: with its last item, or with the failure that is one too many."""
    failures = sorted(end for end, fails in zip(ends, failed, strict=True) if fails)
    borne = share.max_failed if share is not None else 0
    return failures[borne] if len(failures) > borne else max(ends)
