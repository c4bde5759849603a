"""Large runs: what is written of them fits, whatever happens, and what could not be kept is refused at once."""

import json
from dataclasses import replace

import pytest

from engine.harness import Story, graph_of, pod
from tidegate.engine.ceilings import FLOWRUN, MOST_STATUS, OWN, most_ledger
from tidegate.engine.facts import JobState, PodFact
from tidegate.engine.sizes import size_of


def check_fits(story: Story) -> None:
    """Hold the last status against what is promised of it."""
    assert story.plan is not None
    status = story.plan.status
    slots = len(status["ledger"]["slots"])
    params = story.run.params
    assert size_of({**status, "ledger": None}) <= MOST_STATUS
    assert size_of(status["ledger"]) <= most_ledger(params)
    assert size_of(status) + size_of(params) + OWN <= FLOWRUN
    assert slots <= 10_000


def end_chunk(story: Story, part: str, text: str) -> None:
    """Let every second item of a chunk fail for good, and the others end well with an output."""
    attempt = story.at(part)
    (share,) = [job.share for job in story.jobs_started() if job.attempt == attempt]
    assert share is not None
    bad, good = range(0, share.count, 2), range(1, share.count, 2)
    indexes = {"completed": ",".join(map(str, good)), "failed": ",".join(map(str, bad))}
    story.chunk(part, JobState.FAILED, **indexes)
    failed = {"clean": False, "exit_code": 3, "reason": "Error", "message": text}
    ended = {"clean": True, "exit_code": 0}
    story.pods[attempt] = tuple(
        PodFact(
            f"{part}-{index}",
            f"{part}-{index}",
            f"juid-{attempt}",
            attempt,
            alive=False,
            index=index,
            finished=story.now,
            output=json.dumps({"n": share.first + index, "text": text}),
            **(ended if index % 2 else failed),
        )
        for index in range(share.count)
    )


def test_a_flow_of_2500_tasks_that_all_fail_and_are_tried_again_fits():
    tasks = [pod(f"task-with-a-long-name-{n:04}", retry={"limit": 9, "delaySeconds": 3600}) for n in range(2500)]
    story = Story(graph_of(*tasks, parallelism=2500))
    story.step()
    check_fits(story)
    started = story.started()
    assert len(started) > 1500
    for name, _ in started:
        story.fails(name, message="m" * 3000)
    story.step()
    check_fits(story)


def test_2500_tasks_with_outputs_fit():
    tasks = [pod(f"t{n}") for n in range(2500)]
    story = Story(graph_of(*tasks, parallelism=250))
    while story.plan is None or story.plan.outcome is None:
        story.step()
        check_fits(story)
        for name, _ in story.started():
            story.succeeds(name, json.dumps({"text": "ü" * 1500}, ensure_ascii=False))
            attempt = story.at(name)
            story.pods[attempt] = tuple(replace(one, alive=False) for one in story.pods[attempt])
    assert story.condition == ("True", "Completed")


READERS = {
    "size": ("size(tasks.x.outputs)", 10_000),
    "filter and map": ("math.greatest(tasks.x.outputs.filter(o, o != null).map(o, o.n))", 9_999),
    "exists": ("tasks.x.outputs.exists(o, o != null && o.n == 9999)", True),
    "one by one": ("tasks.x.outputs[9999].n + tasks.x.outputs[1].n", 10_000),
    "counts": ("tasks.x.succeeded - tasks.x.failed", 0),
}


def test_10000_items_fit_and_their_outputs_can_be_used_by_expressions():
    reader = {
        "name": "reader",
        "needs": ["x"],
        "set": {name.replace(" ", "_"): f"$[[ {text} ]]" for name, (text, _) in READERS.items()},
    }
    options = {"items": list(range(10_000)), "maxFailed": 10_000, "parallelism": 2000}
    story = Story(graph_of(pod("x", forEach=options), reader, parallelism=2000))
    while story.plan is None or story.plan.outcome is None:
        story.step()
        check_fits(story)
        for part, _ in story.started():
            end_chunk(story, part, "y" * 3000)
    assert story.condition == ("True", "CompletedWithWarnings")
    assert story.state is not None
    told = story.state.outputs[story.graph.slots["reader"]]
    assert told == {name.replace(" ", "_"): value for name, (_, value) in READERS.items()}
    before = story.state.outputs[0]
    story.reload()
    assert story.state.outputs[0] == before
    assert all(sum(len(text.encode()) for text in data.values()) < 1_000_000 for data in story.stored.values())


def test_thousands_of_items_with_jobs_that_all_fail_at_once_fit():
    tasks = [
        pod(
            f"x{n}",
            forEach={"items": list(range(1000)), "strategy": "Jobs", "maxFailed": 1000},
            retry={"limit": 5, "delaySeconds": 3600},
        )
        for n in range(9)
    ]
    story = Story(graph_of(*tasks, parallelism=10_000))
    story.step()
    check_fits(story)
    for _ in range(3):
        for job in story.jobs_started():
            story.fails(story.label(job.attempt[0]), message="m" * 3000)
        story.step(1)
        check_fits(story)


REFUSED = {
    "slots": (
        [pod(f"x{n}", forEach={"items": list(range(1000)), "strategy": "Jobs"}) for n in range(11)],
        (
            "with 1,000 items the run would have 10,011 tasks, chunks and items; at most 10,000 are allowed: "
            "use strategy Indexed"
        ),
    ),
    "names": (
        [pod("x", forEach={"items": list(range(4000)), "chunkSize": 1})],
        (
            "4,000 chunks and the names of their ConfigMaps do not fit the run's status: raise chunkSize, "
            "or divide the run"
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_status_could_not_keep_is_refused_before_its_first_job(case: str):
    tasks, message = REFUSED[case]
    story = Story(graph_of(*tasks, parallelism=1))
    story.step()
    last = tasks[-1]["name"]
    row = story.row(last)
    assert (row["state"], row["reason"], row["message"]) == ("Failed", "TooManyItems", message)
    assert not [job for job in story.jobs_started() if job.task == last]
    check_fits(story)
