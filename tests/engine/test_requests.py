"""Tasks that ask for nothing are told, for autoscalers and quota are blind to them."""

from typing import Any

import pytest

from engine.harness import graph_of, pod
from tidegate.engine.requests import sentence, without_requests

BOTH = {"requests": {"cpu": "1", "memory": "1Gi"}}


def template(resources: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "main", "image": "x", "resources": resources}]}}


@pytest.mark.parametrize(
    ("task", "defaults", "asks"),
    [
        ({}, {}, False),
        ({"resources": BOTH}, {}, True),
        ({"resources": {"limits": BOTH["requests"]}}, {}, True),
        ({"resources": {"requests": {"cpu": "1"}}}, {}, False),
        ({"resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}}, {}, True),
        ({"podTemplate": template(BOTH)}, {}, True),
        ({}, {"resources": BOTH}, True),
        ({}, {"podTemplate": template(BOTH)}, True),
        ({"resources": {"requests": {"cpu": "1"}}}, {"podTemplate": template({"requests": {"memory": "1Gi"}})}, True),
    ],
)
def test_requests_are_found_wherever_a_pod_takes_them_from(
    task: dict[str, Any], defaults: dict[str, Any], *, asks: bool
):
    graph = graph_of(pod("a", **task), {"name": "free", "set": {"x": 1}}, taskDefaults=defaults)
    assert without_requests(graph) == ([] if asks else ["a"])


def test_the_sentence_names_a_few_and_says_what_to_do():
    told = sentence([f"t{n}" for n in range(8)])
    assert told.startswith("t0, t1, t2, t3, t4 and 3 more: no requests")
    assert "taskDefaults" in told
