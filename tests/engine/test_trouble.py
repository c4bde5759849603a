"""Why an attempt does not run yet: Jobs that get no pods, by the row and the sentence of the run."""

from engine.harness import Story, graph_of, pod
from tidegate.engine.facts import JobState, PodFact

WORDS = "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0"


def refused(*tasks: dict[str, object], words: str = WORDS) -> Story:
    story = Story(graph_of(*(tasks or (pod("a"),))))
    story.step()
    for name in [task for task, _ in story.started()]:
        story.sees(name)
        story.refused_pods[story.at(name)] = words
    story.step(10)
    return story


def why(story: Story) -> str:
    assert story.plan is not None
    return str(story.plan.status["why"])


def test_a_job_without_pods_says_what_refuses_them():
    story = refused()
    row = story.row("a")
    assert (row["state"], row["reason"], row["message"]) == ("Starting", "PodsRefused", WORDS)
    assert why(story) == f"a waits: PodsRefused: {WORDS}"
    assert story.letters == "O"


def test_several_are_told_in_one_sentence():
    assert why(refused(pod("a"), pod("b"), pod("c"), pod("d"))) == f"a, b, c and 1 more wait: PodsRefused: {WORDS}"


def test_a_chunk_without_pods_says_so_too():
    story = refused(pod("a", forEach={"items": [1, 2, 3]}))
    assert why(story).endswith(f"PodsRefused: {WORDS}")
    assert story.row("a")["state"] == "Starting"


def test_words_count_only_while_there_is_no_pod():
    story = refused()
    attempt = story.at("a")
    waiting = PodFact("p", "p", f"juid-{attempt}", attempt, trouble="Unschedulable", trouble_message="0/3 nodes")
    story.pods[attempt] = (waiting,)
    story.step(1)
    assert why(story) == "a waits: Unschedulable: 0/3 nodes"
    story.runs("a")
    story.step(1)
    assert (story.row("a").get("reason"), why(story)) == (None, "a is running")


def test_a_suspended_job_is_queued_whatever_was_refused_before():
    story = refused()
    story.sees("a", JobState.SUSPENDED)
    story.step(1)
    assert (story.row("a")["state"], story.row("a")["reason"]) == ("Queued", "Suspended")


def test_an_attempt_that_gets_no_pod_in_time_fails_and_says_why():
    story = refused(pod("a", startDeadlineSeconds=60))
    story.step(60)
    assert story.letters == "Y"
    assert story.row("a")["message"] == f"its container did not run within 60 s: PodsRefused: {WORDS}"
