"""`status.why`: whatever a run waits for, it says in one sentence, with the cluster's own words where it has some."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.harness import Story, graph_of, pod
from tidegate.engine.facts import JobState, ObjectFact, Rejection

WEB = {"for": {"group": "apps", "resource": "deployments", "name": "web", "condition": "Available"}}


def told(*tasks: dict[str, Any], then: Callable[[Story], None] = lambda _: None, **spec: Any) -> str:
    """Begin a run, let something be seen of it, and give what it says a second later."""
    story = Story(graph_of(*tasks, **spec))
    story.step()
    then(story)
    plan = story.step(1)
    return str(plan.status["why"])


def waits(story: Story, reason: str, message: str) -> None:
    story.runs("a", running=False, started=None, trouble=reason, trouble_message=message)


def is_suspended(story: Story) -> None:
    story.sees("a", JobState.SUSPENDED)


def is_refused(story: Story) -> None:
    story.rejections[story.at("a")] = Rejection("QuotaExceeded", "exceeded quota: jobs", final=False)


def gets_no_pods(story: Story) -> None:
    story.sees("a")
    story.refused_pods[story.at("a")] = "exceeded quota: pods"


def is_lost(story: Story) -> None:
    story.runs("a", deleting=True)
    story.sees("a", JobState.FAILED, finished=story.now)


def is_stopped(story: Story) -> None:
    story.runs("a")
    story.desired = "Cancelled"


def is_paused(story: Story) -> None:
    story.runs("a")
    story.desired = "Paused"


def does_not_start(story: Story) -> None:
    story.sees("a")
    story.step(10)


def object_is(fact: ObjectFact) -> Callable[[Story], None]:
    def see(story: Story) -> None:
        story.objects[0] = fact

    return see


def queue_says(story: Story) -> None:
    is_suspended(story)
    story.queue_words[story.at("a")] = "insufficient quota for cpu"


def child_is(**more: Any) -> Callable[[Story], None]:
    return lambda story: story.calls("a", **more)


FALSE = {"status": {"conditions": [{"type": "Available", "status": "False", "message": "no replicas"}]}}
ASKED = "who may create flowapprovals here answers with `tidegate approve run a -n ns`, or reject"
CALL = {"name": "a", "flow": {"name": "other"}}
QUEUED = "place 2 in the queue: run-1 of 1 allowed is live"

WHY = {
    "a place": (
        [pod("a"), pod("b")],
        {"parallelism": 1, "then": lambda story: story.runs("a")},
        "a is running; b waits for a place within parallelism",
    ),
    "needs": ([pod("a"), pod("b", "a")], {"then": lambda story: story.runs("a")}, "a is running"),
    "an approval": ([{"name": "a", "approval": {"message": "Go?"}}], {}, f"a waits for a decision (Go?): {ASKED}"),
    "seconds": ([{"name": "a", "wait": {"seconds": 60}}], {}, "a waits until 2025-11-24T16:01:00Z"),
    "a time": (
        [{"name": "a", "wait": {"time": "$[[ run.scheduledTime + duration('1h') ]]"}}],
        {},
        "a waits until 2025-11-24T17:00:00Z",
    ),
    "an object, not read": (
        [{"name": "a", "wait": WEB}],
        {},
        'a waits: deployments.apps "web" was not read yet',
    ),
    "an object that is not there": (
        [{"name": "a", "wait": WEB}],
        {"then": object_is(ObjectFact(None, "NotFound", 'deployments.apps "web" not found'))},
        'a waits: deployments.apps "web" not found',
    ),
    "an object that is not so yet": (
        [{"name": "a", "wait": WEB}],
        {"then": object_is(ObjectFact(FALSE))},
        'a waits: deployments.apps "web": Available is False: no replicas',
    ),
    "a child run, named": ([CALL], {}, "a is starting"),
    "a child run at work": ([CALL], {"then": child_is(started=1.0, reason="Running")}, "a is running"),
    "a child run's limit": (
        [CALL],
        {"then": child_is(reason="Queued", message=QUEUED)},
        f"a waits: Queued: {QUEUED}",
    ),
    "a child run's Flow": (
        [CALL],
        {"then": child_is(reason="FlowNotFound", message='there is no Flow "other"')},
        'a waits: FlowNotFound: there is no Flow "other"',
    ),
    "a child run's decision": (
        [CALL],
        {"then": child_is(started=1.0, reason="AwaitingApproval", message="b waits for a decision")},
        "a waits: AwaitingApproval: b waits for a decision",
    ),
    "an image": (
        [pod("a")],
        {"then": lambda story: waits(story, "ImagePull", "back-off")},
        "a waits: ImagePull: back-off",
    ),
    "a node": (
        [pod("a")],
        {"then": lambda story: waits(story, "Unschedulable", "0/3 nodes are available: insufficient cpu")},
        "a waits: Unschedulable: 0/3 nodes are available: insufficient cpu",
    ),
    "quota of Jobs": ([pod("a")], {"then": is_refused}, "a waits: QuotaExceeded: exceeded quota: jobs"),
    "quota of pods": ([pod("a")], {"then": gets_no_pods}, "a waits: PodsRefused: exceeded quota: pods"),
    "somebody's suspension": ([pod("a")], {"then": is_suspended}, "a is queued: its Job is suspended"),
    "Kueue": (
        [pod("a", queueName="batch")],
        {"then": queue_says},
        "a is queued: queue batch: insufficient quota for cpu",
    ),
    "a retry": (
        [pod("a", retry={"limit": 1, "delaySeconds": 60})],
        {"then": lambda story: story.fails("a")},
        "a is tried again at 2025-11-24T16:01:01Z, after ExitCode: exit code 1",
    ),
    "a repetition": (
        [pod("a", repeat={"until": "outputs.x == 1", "everySeconds": 60})],
        {"then": lambda story: story.succeeds("a", '{"x": 0}')},
        "a waits: run 1 of at most 100 ended; until does not hold yet; it runs again at 2025-11-24T16:01:01Z",
    ),
    "a retry of the whole run": (
        [pod("a")],
        {"retry": {"limit": 1}, "then": lambda story: story.fails("a")},
        "the whole run is tried again at 2025-11-24T16:00:11Z",
    ),
    "a lost node": (
        [pod("a", retry={"limit": 1})],
        {"then": is_lost},
        "a waits: NodeLost: its Job has failed, and its pod pod-a does not end: is its node lost?",
    ),
    "a stop": ([pod("a")], {"then": is_stopped}, "a is being stopped: the run was cancelled"),
    "the end of what did not start": (
        [pod("a", startDeadlineSeconds=10)],
        {"then": does_not_start},
        "a is being stopped: StartDeadlineExceeded: its container did not run within 10 s",
    ),
    "a pause": (
        [pod("a")],
        {"then": is_paused},
        "the run is paused: nothing new starts until spec.desiredState is Running; a is running",
    ),
    "items": (
        [pod("a", forEach={"items": [1, 2, 3]})],
        {"then": lambda story: story.sees("a[0-2]")},
        "a is starting",
    ),
}
"""What is waited for: tasks, what is seen of the run, and the sentence."""


@pytest.mark.parametrize("case", WHY)
def test_whatever_a_run_waits_for_it_says_in_one_sentence(case: str):
    tasks, options, sentence = WHY[case]
    assert told(*tasks, **options) == sentence


def test_a_run_that_waits_says_the_same_after_a_restart():
    story = Story(graph_of(pod("a")))
    story.step()
    waits(story, "Unschedulable", "0/3 nodes")
    before = story.step(1).status["why"]
    story.reload()
    assert story.step(1).status["why"] == before


def test_many_are_counted_and_three_are_named():
    story = Story(graph_of(*(pod(name) for name in "abcdef")))
    story.step()
    for name in "abcdef":
        story.runs(name, running=False, started=None, trouble="Unschedulable", trouble_message="0/3 nodes")
    story.pods[story.at("f")] = tuple(replace(p, trouble="", running=True) for p in story.pods[story.at("f")])
    assert story.step(1).status["why"] == "a, b, c and 2 more wait: Unschedulable: 0/3 nodes"
