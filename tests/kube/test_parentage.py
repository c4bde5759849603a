"""Where a run comes from: how deep it is, and that one whose parent does not name it any more never begins."""

from typing import Any

import pytest

from kube.fake_api import FakeApi
from tidegate.api import keys
from tidegate.engine.conclusion import Outcome
from tidegate.kube.client import Object
from tidegate.kube.parentage import Origin, origin_of
from tidegate.kube.resources import FLOWRUNS


def a_parent(api: FakeApi, slots: str = "I", attempt: int = 1, depth: int = 0) -> Object:
    status = {"ledger": {"slots": slots, "attempts": [attempt]}, "frozen": {"depth": depth}}
    return api.put(FLOWRUNS, "ns", "parent", {"status": status})


def a_child(uid: str, *, noted: Any = None, slot: str = "0", attempt: str = "1") -> Object:
    """Give the first attempt of the first task of the run with that UID."""
    return {
        "metadata": {
            "name": "child",
            "namespace": "ns",
            "labels": {keys.LABEL_PARENT_UID: uid, keys.LABEL_SLOT: slot, keys.LABEL_ATTEMPT: attempt},
            "annotations": noted or {},
            "ownerReferences": [{"kind": "FlowRun", "name": "parent", "uid": uid, "controller": True}],
        }
    }


async def found(api: FakeApi, child: Object) -> Origin | str:
    origin = await origin_of(api, child)
    return origin.reason if isinstance(origin, Outcome) else origin


@pytest.mark.parametrize(
    ("slots", "attempt", "wanted"),
    [
        ("I", 1, True),
        ("O", 1, True),
        ("I", 2, False),  # the whole run was tried again meanwhile
        ("X", 1, False),
        ("Y", 1, False),
        ("Z", 1, False),
        ("F", 1, False),
        ("P", 1, False),
    ],
)
async def test_a_child_begins_only_while_its_parent_names_it(slots: str, attempt: int, *, wanted: bool):
    api = FakeApi()
    parent = a_parent(api, slots, attempt)
    assert await found(api, a_child(parent["metadata"]["uid"])) == (Origin(1) if wanted else "ParentStopped")


async def test_a_child_of_a_run_that_is_gone_never_begins():
    assert await found(FakeApi(), a_child("uid-gone")) == "ParentGone"


async def test_a_child_of_an_earlier_run_of_the_name_never_begins():
    api = FakeApi()
    a_parent(api)
    assert await found(api, a_child("uid-of-an-earlier-one")) == "ParentGone"


async def test_a_run_that_people_gave_a_parent_begins_as_deep_as_if_it_was_called():
    api = FakeApi()
    child = a_child(a_parent(api, "F", depth=3)["metadata"]["uid"])
    child["metadata"]["labels"] = {}
    assert await found(api, child) == Origin(4)


@pytest.mark.parametrize(("noted", "depth"), [("9", 9), ("1", 4), ("-1", 4), ("many", 4), ("99999", 4)])
async def test_what_is_noted_can_only_make_a_run_deeper(noted: str, depth: int):
    api = FakeApi()
    parent = a_parent(api, depth=3)
    origin = await found(api, a_child(parent["metadata"]["uid"], noted={keys.ANNOTATION_DEPTH: noted}))
    assert origin == Origin(depth)
