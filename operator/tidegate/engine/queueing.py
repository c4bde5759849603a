"""Why a suspended Job waits: the words of its queue, as far as they are known."""

from tidegate.engine.draft import Draft
from tidegate.engine.facts import JobFact


def why_suspended(draft: Draft, slot: int, job: JobFact) -> tuple[str, str]:
    """Give reason and message of an attempt whose Job is suspended."""
    queue, words = draft.node(slot).task.queue_name, draft.facts.queue_words.get(job.attempt)
    if queue is None:
        return "Suspended", "its Job is suspended"
    return "Queued", f"queue {queue}: {words or 'it has not let the Job go yet'}"
