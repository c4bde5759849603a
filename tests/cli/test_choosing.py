"""Which Flow of a file is run when nobody says."""

import pytest

from tidegate.api.flow import Flow
from tidegate.cli.choosing import choose
from tidegate.errors import UsageError


def flows(**calls: str) -> dict[tuple[str, str], Flow]:
    """Give Flows by name, each with one task that calls another, or none."""
    return {("", name): a_flow(name, callee) for name, callee in calls.items()}


def a_flow(name: str, callee: str) -> Flow:
    task = {"name": "only", **({"flow": {"name": callee}} if callee else {"set": {"x": 1}})}
    metadata = {"name": name}
    return Flow.model_validate(
        {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": metadata, "spec": {"tasks": [task]}}
    )


@pytest.mark.parametrize(
    ("calls", "name", "chosen"),
    [
        ({"a": "", "b": ""}, None, "b"),
        ({"a": "b", "b": ""}, None, "a"),
        ({"a": "", "b": "a", "c": ""}, None, "c"),
        ({"a": "b", "b": "a"}, None, "b"),
        ({"a": "b", "b": ""}, "b", "b"),
    ],
)
def test_the_last_flow_that_no_other_calls_is_run(calls, name, chosen):
    assert choose(flows(**calls), name).flow.metadata.name == chosen


def test_a_name_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(UsageError, match=r'there is no Flow "nihgtly" in what was given.*nightly'):
        choose(flows(nightly=""), "nihgtly")
