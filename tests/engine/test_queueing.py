"""Jobs that are suspended, by Kueue or somebody else: queued, in the queue's words, and never a failure."""

from dataclasses import replace

from engine.harness import START, Story, graph_of, pod
from tidegate.engine.facts import JobState


def told(queue: str | None = None, **task: object) -> Story:
    story = Story(graph_of(pod("a", **({"queueName": queue} if queue else {}), **task)))
    story.step()
    return story


def test_time_in_a_queue_does_not_count_as_time_to_start():
    story = told("batch", startDeadlineSeconds=60)
    story.sees("a", JobState.SUSPENDED)
    story.step(7200)
    assert (story.letters, story.row("a")["state"]) == ("O", "Queued")
    story.sees("a", resumed=story.now)
    story.jobs[story.at("a")] = replace(story.jobs[story.at("a")], created=START)
    story.step(59)
    assert story.letters == "O"
    story.step(2)
    assert story.letters == "Y"


def test_a_pod_that_a_queue_takes_back_is_no_failure():
    story = told()
    story.runs("a")
    story.step(1)
    story.fails("a", JobState.SUSPENDED, exit_code=143)
    story.step(1)
    assert (story.letters, story.row("a")["state"], story.at("a")[1]) == ("O", "Queued", 1)
    story.succeeds("a")
    story.step(600)
    assert story.letters == "S"
    assert story.state is not None
    assert story.state.ledger.dump().get("extra") is None


def why(story: Story) -> str:
    assert story.plan is not None
    return str(story.plan.status["why"])


def test_a_job_in_a_queue_says_what_the_queue_says():
    story = told("batch")
    story.sees("a", JobState.SUSPENDED)
    story.step(1)
    assert (story.row("a")["state"], story.row("a")["reason"]) == ("Queued", "Queued")
    assert why(story) == "a is queued: queue batch: it has not let the Job go yet"
    story.queue_words[story.at("a")] = "insufficient unused quota for cpu"
    story.step(1)
    assert why(story) == "a is queued: queue batch: insufficient unused quota for cpu"


def test_a_job_that_somebody_suspended_says_that():
    story = told()
    story.sees("a", JobState.SUSPENDED)
    story.step(1)
    assert (story.row("a")["reason"], why(story)) == ("Suspended", "a is queued: its Job is suspended")
