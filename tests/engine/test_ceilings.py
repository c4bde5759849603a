"""However large a Flow is, a FlowRun of it stays below 128 KiB at every step, or is refused in a sentence."""

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.harness import Story, graph_of, pod
from engine.test_large_runs import check_fits, end_chunk
from tidegate.engine import ceilings
from tidegate.engine.facts import ApprovalFact, Rejection
from tidegate.engine.graph import Graph
from tidegate.engine.intervals import packed, unpacked
from tidegate.engine.sizes import size_of, within

HOUR = 3600


class Shape(NamedTuple):
    """How many tasks of each kind a Flow has, and how long everything in it is."""

    pods: int = 0
    waits: int = 0
    approvals: int = 0
    calls: int = 0
    early: int = 0
    fans: int = 0
    items: int = 0
    chunk_size: int = 500
    are_jobs: bool = False
    params: int = 0
    retries: int = 0
    run_retries: int = 0
    letter: str = "x"

    @property
    def values(self) -> dict[str, Any]:
        return {"text": self.letter * (self.params // size_of(self.letter * 10) * 10)}

    def graph(self) -> Graph:
        retry = {"retry": {"limit": self.retries, "delaySeconds": HOUR}} if self.retries else {}
        names = [f"{'n' * 30}-{number}" for number in range(self.pods)]
        each = {"items": list(range(self.items)), "maxFailed": self.items}
        each |= {"strategy": "Jobs"} if self.are_jobs else {"chunkSize": self.chunk_size}
        tasks = [pod(name, **retry) for name in names]
        tasks += [{"name": f"w{n}", "wait": {"seconds": HOUR}} for n in range(self.waits)]
        asked = {"message": self.letter * 300, "timeoutSeconds": HOUR}
        tasks += [{"name": f"a{n}", "approval": asked} for n in range(self.approvals)]
        tasks += [{"name": f"c{n}", "flow": {"name": "other"}} for n in range(self.calls)]
        early = {"runWhen": "Always", "needs": names, "wait": {"seconds": HOUR}, "when": _reading(names)}
        tasks += [{"name": f"e{n}", **early} for n in range(self.early)] if names else []
        tasks += [pod(f"f{n}", forEach=each) for n in range(self.fans)]
        params = [{"name": "text", "type": "string"}]
        retry = {"retry": {"limit": self.run_retries}} if self.run_retries else {}
        return graph_of(*(tasks or [pod("only")]), params=params, parallelism=10_000, **retry)


def _reading(names: list[str]) -> str:
    return "[" + ", ".join(f"tasks[{json.dumps(name)}].failed" for name in names) + "].size() >= 0"


SHAPES = st.builds(
    Shape,
    pods=st.sampled_from([0, 10, 60]),
    waits=st.sampled_from([0, 50, 700]),
    approvals=st.sampled_from([0, 50, 800]),
    calls=st.sampled_from([0, 20, 700]),
    early=st.sampled_from([0, 10, 200]),
    fans=st.sampled_from([0, 1, 4, 12]),
    items=st.sampled_from([1, 100, 1000, 4000]),
    chunk_size=st.sampled_from([1, 50, 500]),
    are_jobs=st.booleans(),
    params=st.sampled_from([0, 4000, 16_000]),
    retries=st.sampled_from([0, 5]),
    run_retries=st.sampled_from([0, 100]),
    letter=st.sampled_from(["x", "ü", "<", "\N{GRINNING FACE}", '"']),
)


def let_go_wrong(story: Story, shape: Shape) -> None:
    """Let everything that was started fail, be refused, or come out as large as it may."""
    text = shape.letter * 3000
    for call in story.children_started():
        story.rejections[call.attempt] = Rejection("QuotaExceeded", text, final=False)
    for task in (node.name for node in story.graph.nodes if node.task.approval is not None):
        story.approvals[task] = (ApprovalFact(f"f-{task}", f"u-{task}", 0, True, "somebody", text[:1000], {}),)
    for number, job in enumerate(story.jobs_started()):
        part = story.label(job.attempt[0])
        if job.share is not None and job.share.count > 1:
            end_chunk(story, part, text)
        elif number % 3:
            story.fails(part, message=text)
        else:
            story.succeeds(part, json.dumps({"text": shape.letter * 900}, ensure_ascii=False))


@settings(max_examples=10, deadline=None)
@given(SHAPES)
def test_a_run_fits_at_every_step_or_is_refused_in_a_sentence(shape: Shape):
    graph = shape.graph()
    refused = ceilings.problem_of(graph, shape.values)
    if refused:
        assert "bytes of its status" in refused
        return
    story = Story(graph, params=shape.values)
    for seconds in (0, 1, 1, 1, 2 * HOUR, 1, 1):
        plan = story.step(seconds)
        check_fits(story)
        if plan.outcome is not None:
            break
        let_go_wrong(story, shape)


REFUSED = {
    "tasks that wait for people": Shape(approvals=1700),
    "tasks that read thousands of others too early": Shape(pods=60, early=400),
    "huge params beside many tasks that wait": Shape(waits=2400, params=16_000),
    "decisions in a run that is tried again a hundred times": Shape(approvals=80, run_retries=100),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_status_could_keep_is_refused_before_anything_of_it_starts(case: str):
    shape = REFUSED[case]
    told = ceilings.problem_of(shape.graph(), shape.values)
    assert told.startswith("the record of a run would take up to ")
    assert ("being taken by its params" in told) == bool(shape.params)


@pytest.mark.parametrize(
    "shape",
    [Shape(waits=2500), Shape(pods=60, retries=5, params=16_000), Shape(approvals=1000), Shape(fans=10, items=4000)],
)
def test_what_is_large_and_can_be_kept_is_not(shape: Shape):
    assert ceilings.problem_of(shape.graph(), shape.values) == ""


def test_retries_start_also_when_the_record_has_no_room_for_anything_new():
    each = {"items": list(range(1000)), "strategy": "Jobs", "maxFailed": 1000}
    tasks = [pod(f"x{n}", forEach=each, retry={"limit": 5, "delaySeconds": HOUR}) for n in range(9)]
    story = Story(graph_of(*tasks, parallelism=10_000))
    story.step()
    first = len(story.started())
    for name, _ in story.started():
        story.fails(name)
    story.step(1)
    assert (story.letters.count("R"), story.started()) == (first, [])
    story.step(HOUR)
    assert [attempt for _, attempt in story.started()] == [2] * first


def test_failures_of_many_large_fan_outs_leave_room_for_the_next():
    tasks = [pod(f"x{n}", forEach={"items": list(range(10_000)), "maxFailed": 10_000}) for n in range(4)]
    story = Story(graph_of(*tasks, parallelism=10_000))
    while story.plan is None or story.plan.outcome is None:
        story.step()
        check_fits(story)
        assert story.plan is not None
        assert story.started() or story.plan.outcome
        for part, _ in story.started():
            end_chunk(story, part, "y")
    assert story.condition == ("True", "CompletedWithWarnings")


@given(st.sets(st.integers(0, 9999), max_size=300), st.sampled_from([0, (1 << 10_000) - 1]))
def test_a_set_of_failures_is_kept_in_few_bytes(numbers: set[int], others: int):
    mask = sum(1 << number for number in numbers) ^ others
    text = packed(mask)
    assert unpacked(text) == mask
    assert len(text) <= 10_000 // 4


@pytest.mark.parametrize("letter", ["x", "ü", "<", '"', "\N{GRINNING FACE}", "\n"])
@pytest.mark.parametrize("most", [10, 100, 1000])
def test_a_text_is_cut_to_the_bytes_that_an_api_server_keeps(letter: str, most: int):
    told = within(letter * 2000, most)
    assert told.endswith("...")
    assert most - 10 <= size_of(told) - 2 <= most
    assert within(letter, most) == letter


def test_a_concurrency_key_is_a_name_and_no_text():
    assert ceilings.problem_of_key("k" * 253) == ""
    told = ceilings.problem_of_key("k" * 254)
    assert told.startswith("concurrency.key gave 254 bytes")
