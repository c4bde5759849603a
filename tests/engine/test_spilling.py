"""Outputs leave status when they are too many, and come back as they were."""

from typing import Any

from engine.harness import START
from tidegate.engine import spilling
from tidegate.engine.run import Run
from tidegate.engine.spilling import MOST_SMALL, Kept
from tidegate.engine.stored import MAX_BYTES

RUN = Run("ns", "run", "uid-1", "flow", "flow-abc", START)


def label(slot: int) -> str:
    return f"t{slot}"


def test_few_outputs_stay_where_they_are():
    kept = Kept(frozenset({0}), {})
    assert spilling.settle(RUN, {0: {"a": 1}}, kept, label) == kept


def test_too_many_leave_together():
    outputs = {slot: {"text": "x" * 3000} for slot in range(3)}
    kept = spilling.settle(RUN, outputs, Kept(frozenset(outputs), {}), label)
    (content,) = kept.stores
    assert (kept.inline, kept.refs) == (frozenset(), {content.name: frozenset(outputs)})
    assert spilling.read(content.data) == {label(slot): output for slot, output in outputs.items()}


def test_a_burst_of_outputs_is_cut_into_maps_that_fit():
    outputs = {slot: {"text": "x" * 4000} for slot in range(1000)}
    kept = spilling.settle(RUN, outputs, Kept(frozenset(outputs), {}), label)
    assert len(kept.stores) == 5
    assert all(len(content.data[spilling.OUTPUTS_KEY].encode()) <= MAX_BYTES for content in kept.stores)


def test_a_long_run_names_few_maps_and_loses_nothing():
    outputs: dict[int, Any] = {}
    kept, stored = Kept(frozenset(), {}), {}
    for slot in range(2500):
        outputs[slot] = {"text": str(slot) * 800}
        kept = spilling.settle(RUN, outputs, Kept(kept.inline | {slot}, kept.refs), label)
        stored |= {content.name: content.data for content in kept.stores}
        assert len(kept.refs) <= MOST_SMALL + 40
    found: dict[str, Any] = {label(slot): outputs[slot] for slot in kept.inline}
    for name in kept.refs:
        found |= spilling.read(stored[name])
    assert found == {label(slot): output for slot, output in outputs.items()}
