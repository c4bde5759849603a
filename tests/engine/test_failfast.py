"""With failFast nothing new starts after a failure: what waits is skipped, what would be tried again has failed."""

from engine.harness import Story, graph_of, pod

AGAIN = {"limit": 2, "delaySeconds": 60}


def test_after_a_failure_nothing_is_tried_again():
    story = Story(graph_of(pod("a", retry=AGAIN), pod("b"), pod("c", "a"), failFast=True))
    story.step()
    story.fails("a")
    story.step()
    assert story.letters == "RIP"
    story.fails("b")
    story.step()
    assert story.letters == "FFK"
    assert story.condition == ("False", "TaskFailed")


def test_a_task_between_two_attempts_has_failed_only_when_no_pod_of_the_last_one_lives():
    story = Story(graph_of(pod("a", retry=AGAIN), pod("b"), failFast=True))
    story.step()
    story.fails("a")
    story.step()
    story.runs("a")
    story.fails("b")
    story.step()
    assert (story.letters, story.started()) == ("RF", [])
    story.step(120)
    assert (story.letters, story.started()) == ("RF", [])
    story.pods.pop(story.at("a"))
    story.step(1)
    assert (story.letters, story.started()) == ("FF", [])
    assert story.condition == ("False", "TaskFailed")


def test_finally_runs_after_it():
    story = Story(graph_of(pod("a"), pod("b"), parallelism=1, failFast=True, **{"finally": [pod("tidy")]}))
    story.step()
    story.fails("a")
    story.step()
    assert (story.letters, story.started()) == ("FKI", [("tidy", 1)])
