"""The state of a run in status: what does not belong to the run's revision is no state of it."""

import re
from typing import Any

import pytest

from engine.harness import graph_of, pod
from tidegate.engine import state as states

GRAPH = graph_of(pod("a"), pod("each", "a", forEach={"items": [1, 2, 3], "chunkSize": 2}))
BLOCK = {"task": "each", "first": 2, "count": 2, "total": 3, "size": 2}


def parsed(**ledger: Any) -> states.State:
    return states.parse({"frozen": {}, "ledger": ledger}, GRAPH, {})


@pytest.mark.parametrize(
    ("slots", "blocks"),
    [("PP", []), ("SLIP", [BLOCK])],
)
def test_a_ledger_has_a_slot_for_each_task_and_each_part_of_its_fan_outs(slots: str, blocks: list[Any]):
    state = parsed(slots=slots, attempts=[0] * len(slots), blocks=blocks)
    assert state.ledger.slots.decode() == slots


@pytest.mark.parametrize(
    ("slots", "blocks", "told"),
    [
        ("P", [], "1 slots, the revision and its fan-outs 2"),
        ("PPP", [], "3 slots, the revision and its fan-outs 2"),
        ("SLI", [BLOCK], "3 slots, the revision and its fan-outs 4"),
        ("SLIIP", [BLOCK], "5 slots, the revision and its fan-outs 4"),
    ],
)
def test_letters_are_never_taken_for_those_of_other_tasks(slots: str, blocks: list[Any], told: str):
    with pytest.raises(ValueError, match=re.escape(told)):
        parsed(slots=slots, attempts=[0] * len(slots), blocks=blocks)


@pytest.mark.parametrize(("slots", "attempts"), [("P?", [0, 0]), ("PP", [0]), ("PP", [0, 0, 0])])
def test_what_is_no_ledger_is_not_gone_on_with(slots: str, attempts: list[int]):
    with pytest.raises(ValueError, match="not a ledger"):
        parsed(slots=slots, attempts=attempts)
