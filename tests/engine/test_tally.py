"""What is kept between steps equals what would be rebuilt, whatever the graph and whatever happens."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.harness import Story, graph_of, pod
from tidegate.api.task import RunWhen
from tidegate.engine.tally import Tally

CHAOS = 40
RULES = [rule.value for rule in RunWhen]


@st.composite
def graphs(draw: st.DrawFn) -> Story:
    tasks, final = [], []
    for index in range(draw(st.integers(1, 7))):
        needs = [task["name"] for task in tasks if draw(st.booleans())]
        rule = draw(st.sampled_from(RULES)) if needs else "AllSucceeded"
        more = {"allowFailure": draw(st.booleans()), "runWhen": rule, "retry": {"limit": draw(st.integers(0, 1))}}
        body = draw(st.sampled_from(["pod", "pod", "set", "fail"]))
        if body == "pod":
            tasks.append(pod(f"t{index}", *needs, **more))
        else:
            inline = {"set": {"x": 1}} if body == "set" else {"fail": {"message": "no"}}
            del more["retry"]
            tasks.append({"name": f"t{index}", "needs": needs, **more, **inline})
    if draw(st.booleans()):
        final.append(pod("last", tasks[0]["name"], runWhen="AllDone"))
    spec = {
        "failFast": draw(st.booleans()),
        "parallelism": draw(st.integers(1, 3)),
        "retry": {"limit": draw(st.integers(0, 1)), "delaySeconds": 5},
        "finally": final,
    }
    return Story(graph_of(*tasks, **spec))


@given(graphs(), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_a_run_ends_and_its_tally_is_that_of_its_letters_at_each_step(story: Story, rng: Random):
    story.step()
    for step in range(100):
        assert story.state is not None
        assert story.state.memory is not None
        assert story.state.memory.tally == Tally.rebuilt(story.graph, story.state.ledger)
        if story.state.completed is not None:
            return
        _something_happens(story, rng, calm=step > CHAOS)
        story.step(20)
    raise AssertionError(f"the run did not end: {story.letters} {story.plan}")


def _something_happens(story: Story, rng: Random, *, calm: bool) -> None:
    for attempt, pods in story.pods.items():  # a pod's phase follows its containers
        story.pods[attempt] = tuple(replace(pod, alive=pod.alive and not pod.clean) for pod in pods)
    live = [node.name for node in story.graph.nodes if story.letters[node.slot] in "IO"]
    if rng.random() < 0.1:
        story.reload()
    if not live:
        return
    what = "succeeds" if calm else rng.choice(["runs", "succeeds", "succeeds", "fails"])
    getattr(story, what)(rng.choice(live))
