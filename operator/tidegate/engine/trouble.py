"""Why an attempt does not run yet: in the words of its queue, of its pods, or of what refuses it pods."""

from collections.abc import Sequence

from tidegate.engine.draft import Draft
from tidegate.engine.facts import JobFact, JobState, PodFact
from tidegate.engine.queueing import why_suspended


def trouble_of(draft: Draft, slot: int, job: JobFact, pods: Sequence[PodFact]) -> tuple[str, str]:
    """Give reason and message of what keeps an attempt from running; both empty when nothing is known to."""
    if job.state is JobState.SUSPENDED:
        return why_suspended(draft, slot, job)
    if pods:
        return next(((pod.trouble, pod.trouble_message) for pod in pods if pod.alive and pod.trouble), ("", ""))
    words = draft.facts.refused_pods.get(job.attempt, "")
    return ("PodsRefused", words) if words else ("", "")
