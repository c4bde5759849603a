"""What a rerun takes over: tasks that went well, and whose needs did; the rest is done again."""

from dataclasses import replace

import pytest

from engine.harness import START, Story, graph_of, pod
from tidegate.engine import reuse
from tidegate.engine.facts import JobState
from tidegate.engine.reuse import Wanted
from tidegate.engine.run import Run


def ended(letters, *tasks, **spec):
    """Give a run that ended with these letters, each task with an output that names it."""
    story = Story(graph_of(*tasks, **spec))
    story.step()
    state = story.state
    state.ledger.slots[:] = letters.encode()
    names = [task["name"] for task in (*tasks, *spec.get("finally", ()))]
    outputs = {slot: {"of": name} for slot, name in enumerate(names) if letters[slot] in "SC"}
    return story, replace(state, outputs=outputs)


def kept(letters, *tasks, wanted=None, **spec):
    story, state = ended(letters, *tasks, **spec)
    return "".join(story.graph.nodes[slot].name for slot in reuse.kept(story.graph, state, wanted or Wanted("old")))


CHAIN = (pod("a"), pod("b", "a"), pod("c", "b"))


@pytest.mark.parametrize(
    ("letters", "taken"),
    [("SSS", "abc"), ("SFU", "a"), ("FUU", ""), ("CSF", "ab"), ("SZZ", "a"), ("ZZZ", ""), ("SKK", "abc"), ("FSS", "")],
)
def test_what_went_well_is_taken_over_when_its_needs_did_too(letters, taken):
    assert kept(letters, *CHAIN) == taken


def test_what_ran_because_something_failed_is_judged_again():
    tasks = (pod("a"), pod("b", "a", runWhen="AnyFailed"), pod("c", "b"))
    assert kept("FSS", *tasks) == ""


def test_what_bore_a_failure_runs_again_with_what_failed():
    assert kept("FS", pod("a", allowFailure=True), pod("b", "a")) == ""


def test_skips_of_fail_fast_are_judged_again():
    tasks = (pod("a"), pod("b"), pod("c", "b"))
    assert kept("FKK", *tasks, failFast=True) == ""
    assert kept("FKK", *tasks) == "bc"


def test_finally_always_runs_again():
    assert kept("SS", pod("a"), **{"finally": [pod("tidy")]}) == "a"


@pytest.mark.parametrize(("start", "taken"), [("a", "d"), ("b", "ad"), ("d", "abc")])
def test_from_a_task_on_everything_that_depends_on_it_runs_again(start, taken):
    tasks = (*CHAIN, pod("d"))
    assert kept("SSSS", *tasks, wanted=Wanted("old", "From", (start,))) == taken


def test_what_failed_runs_again_also_when_it_does_not_depend_on_the_start():
    assert kept("SSSF", *CHAIN, pod("d"), wanted=Wanted("old", "From", ("c",))) == "ab"


def test_all_takes_nothing():
    assert kept("SSS", *CHAIN, wanted=Wanted("old", "All")) == ""


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (Wanted("old"), ""),
        (Wanted("old", "From", ("b", "c")), ""),
        (Wanted("old", "From"), "mode From needs tasks: where it begins"),
        (Wanted("old", "Failed", ("b",)), "mode Failed takes no tasks; mode From begins at tasks"),
        (Wanted("old", "From", ("tydy",)), 'run old has no task "tydy"; did you mean "tidy"?'),
        (Wanted("old", "From", ("tidy",)), '"tidy" is a task of finally: those run in every rerun'),
    ],
)
def test_wishes_that_make_no_sense_are_told(wanted, problem):
    assert reuse.problem_of(graph_of(*CHAIN, **{"finally": [pod("tidy")]}), wanted) == problem


def begun(story, old):
    """Give a story of a new run that takes over what can be taken."""
    run = Run("ns", "again", "uid-2", "flow", "flow-abc", START)
    stores = reuse.taken_over(story.graph, run, old, reuse.kept(story.graph, old, Wanted("old")))
    stored = {content.name: content.data for content in stores}
    first = stored[stores[0].name]
    new = Story(story.graph, stored=stored)
    new.state = reuse.beginning(story.graph, "old", first, {name: stored[name] for name in reuse.names_in(first)})
    return new


def test_a_rerun_begins_where_the_rest_is_and_sees_the_outputs():
    after = {"name": "after", "needs": ["b"], "set": {"x": "$[[ tasks.a.outputs.of ]]"}}
    story, old = ended("SFU", pod("a"), pod("b", "a"), after)
    new = begun(story, old)
    new.step()
    assert (new.letters, new.started()) == ("SIP", [("b", 1)])
    assert (new.row("a")["state"], new.row("a")["reason"], new.row("a")["message"]) == (
        "Succeeded",
        "Reused",
        "as in run old",
    )
    new.reload()
    new.succeeds("b")
    new.step()
    assert new.state.outputs[2] == {"x": "a"}
    assert new.condition == ("True", "Completed")


def test_a_rerun_of_what_went_well_ends_at_once():
    story, old = ended("SS", pod("a"), pod("b", "a"))
    new = begun(story, old)
    new.step()
    assert (new.letters, new.condition) == ("SS", ("True", "Completed"))


def test_many_outputs_are_taken_over_in_pieces_that_fit():
    tasks = [pod(f"t{number}") for number in range(300)]
    story, old = ended("S" * 300, *tasks)
    old = replace(old, outputs={slot: {"x": "y" * 4000} for slot in range(300)})
    new = begun(story, old)
    assert all(len(text.encode()) < 1_000_000 for data in new.stored.values() for text in data.values())
    assert len(new.stored) == 3
    new.step()
    assert new.state.outputs == old.outputs


@pytest.mark.parametrize("strategy", ["Indexed", "Jobs"])
def test_the_list_of_a_fan_out_is_taken_over(strategy):
    each = {"items": list("wxyz"), "strategy": strategy, "chunkSize": 2, "maxFailed": 1}
    after = {"name": "sum", "needs": ["each", "no"], "set": {"n": "$[[ tasks.each.outputs ]]"}}
    story = Story(graph_of(pod("no"), pod("each", forEach=each), after))
    story.step()
    if strategy == "Indexed":
        story.chunk("each[0-1]", JobState.FAILED, completed="0", failed="1")
        story.item("each[0-1]", 0, running=False, alive=False, clean=True, exit_code=0, output='{"n": 1}')
        story.item_fails("each[0-1]", 1)
        story.chunk("each[2-3]", JobState.COMPLETE, completed="0-1")
        story.item_ends("each[2-3]", 0)
        story.item_ends("each[2-3]", 1, '{"n": 4}')
    else:
        for item, output in ((0, '{"n": 1}'), (2, None), (3, '{"n": 4}')):
            story.succeeds(f"each[{item}]", output)
        story.fails("each[1]")
    story.step()
    story.fails("no")
    story.step()
    assert (story.letters[1], story.state.outputs[1]) == ("S", [{"n": 1}, None, {}, {"n": 4}])
    new = begun(story, story.state)
    new.step()
    assert new.started() == [("no", 1)]
    new.reload()
    new.succeeds("no")
    new.step()
    assert new.state.outputs[2] == {"n": story.state.outputs[1]}
    assert new.condition == ("True", "CompletedWithWarnings")
