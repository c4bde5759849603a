"""FlowRuns of the command line: their names, and what their end means for an exit code."""

import random
import re
from datetime import UTC, datetime

import pytest

from tidegate.cli.flowruns import exit_code, manifest, outcome, run_name

MOMENT = datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC)


def ended(status, reason):
    condition = {"type": "Succeeded", "status": status, "reason": reason, "message": "m"}
    return {"metadata": {"name": "r"}, "status": {"conditions": [condition]}}


def test_a_name_says_which_flow_and_when():
    name = run_name("etl", MOMENT, random.Random(1))
    assert re.fullmatch(r"etl-20261121-010203-[bcdfghjklmnpqrstvwxz2456789]{5}", name)


def test_names_of_the_same_second_differ():
    rng = random.Random(1)
    assert len({run_name("etl", MOMENT, rng) for _ in range(100)}) == 100


def test_a_name_fits_a_label_for_the_longest_name_of_a_flow():
    assert len(run_name("f" * 40, MOMENT, random.Random(1))) <= 63


def test_a_manifest_carries_the_params_and_the_flow():
    run = manifest("etl", "data", "etl-1", {"params": {"top": 3}})
    assert run["spec"] == {"flowRef": {"name": "etl"}, "params": {"top": 3}}
    assert run["metadata"]["namespace"] == "data"


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        ("True", "Completed", 0),
        ("False", "TaskFailed", 1),
        ("False", "OutputFailed", 1),
        ("False", "InvalidParams", 2),
        ("False", "InvalidSpec", 2),
        ("False", "Cancelled", 3),
    ],
)
def test_the_exit_code_says_how_a_run_ended(status, reason, code):
    assert exit_code(ended(status, reason)) == code


@pytest.mark.parametrize("run", [{}, {"status": {}}, ended("Unknown", "Running")])
def test_a_run_that_goes_on_has_no_outcome(run):
    assert outcome(run) is None
