"""Who gets a place: tables of runs and holders, by policy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.api.flow import Concurrency
from tidegate.engine.concurrency import Contender, Entry, grant


def policy(kind: str, **more: int) -> Concurrency:
    return Concurrency.model_validate({"policy": kind, **{k.replace("_l", "L"): v for k, v in more.items()}})


def runs(*texts: str) -> list[Contender]:
    """Read `name`, `name@key`, with `!` admitted, `~` stopping, `+` of priority 1, `|` paused; older ones first."""
    made = []
    for created, text in enumerate(texts):
        marks, _, key = text.partition("@")
        name = marks.strip("!~+|")
        flags = {"admitted": "!" in marks, "stopping": "~" in marks, "paused": "|" in marks}
        made.append(Contender(f"u-{name}", name, key, int("+" in marks), float(created), **flags))
    return made


def entries(*names: str) -> list[Entry]:
    return [Entry(f"u-{name.partition('@')[0]}", name.partition("@")[0], name.partition("@")[2]) for name in names]


def held(grants) -> list[str]:
    return [entry.name for entry in grants.active]


CASES = [
    ("Queue", 1, [], ["a", "b"], ["a"], {"b": 1}, {}, {}),
    ("Queue", 2, [], ["a", "b", "c"], ["a", "b"], {"c": 1}, {}, {}),
    ("Queue", 1, [], ["a", "+b"], ["b"], {"a": 1}, {}, {}),
    ("Queue", 1, ["a"], ["!a", "b", "+c"], ["a"], {"c": 1, "b": 2}, {}, {}),
    ("Queue", 1, ["a@x"], ["!a@x", "b@y", "c@x"], ["a", "b"], {"c": 1}, {}, {}),
    ("Queue", 1, [], ["|a", "b"], ["b"], {"a": 1}, {}, {}),
    ("Queue", 1, [], ["~a", "b"], ["b"], {}, {}, {}),
    ("Forbid", 1, ["a"], ["!a", "b"], ["a"], {}, {"b": "ConcurrencyForbidden"}, {}),
    ("Forbid", 1, [], ["a", "b"], ["a"], {}, {"b": "ConcurrencyForbidden"}, {}),
    ("Replace", 1, ["a"], ["!a", "b"], ["a"], {"b": 1}, {}, {"a": "b"}),
    ("Replace", 1, ["a"], ["!~a", "b"], ["a"], {"b": 1}, {}, {}),
    ("Replace", 1, ["a"], ["a", "b"], ["a"], {"b": 1}, {}, {}),
    ("Replace", 1, ["a"], ["!a", "b", "c"], ["a"], {"c": 1}, {"b": "ReplacedBy"}, {"a": "c"}),
    ("Replace", 2, ["a", "b"], ["!a", "!b", "c"], ["a", "b"], {"c": 1}, {}, {"a": "c"}),
    ("Allow", 1, ["a"], ["!a", "b", "c"], ["a", "b", "c"], {}, {}, {}),
    ("Queue", 1, [], ["!a", "b"], ["a"], {"b": 1}, {}, {}),
    ("Queue", 2, ["b"], ["!a", "!b", "!~c", "d"], ["b", "a", "c"], {"d": 1}, {}, {}),
    ("Queue", 1, [], ["!a@x", "b@y"], ["a", "b"], {}, {}, {}),
    ("Forbid", 1, [], ["!a", "b"], ["a"], {}, {"b": "ConcurrencyForbidden"}, {}),
    ("Replace", 1, [], ["!a", "!b", "!~c", "d"], ["a", "b", "c"], {"d": 1}, {}, {"a": "d", "b": "d"}),
    ("Replace", 1, [], ["!a", "!b"], ["a", "b"], {}, {}, {}),
    ("Replace", 1, [], ["!a", "!b", "|c"], ["a", "b"], {"c": 1}, {}, {}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_places_are_given_as_the_policy_says(case):
    kind, limit, holders, contenders, active, places, refused, replaced = case
    grants = grant(policy(kind, limit=limit), entries(*holders), frozenset(), runs(*contenders))
    assert held(grants) == active
    assert grants.places == {f"u-{name}": place for name, place in places.items()}
    assert {uid: refusal.reason for uid, refusal in grants.refused.items()} == {
        f"u-{name}": reason for name, reason in refused.items()
    }
    assert grants.replaced == {f"u-{victim}": name for victim, name in replaced.items()}


def test_a_place_is_free_only_when_the_run_and_its_pods_are_gone():
    assert held(grant(policy("Queue"), entries("a"), frozenset(), runs("b"))) == ["a"]
    assert held(grant(policy("Queue"), entries("a"), frozenset({"u-a"}), runs("b"))) == ["b"]


def test_the_newest_are_turned_away_from_a_full_queue():
    grants = grant(policy("Queue", queue_limit=1), entries("a"), frozenset(), runs("!a", "b", "+c"))
    assert grants.refused["u-c"].reason == "QueueFull"
    assert grants.places == {"u-b": 1}


def test_a_child_does_not_wait_for_a_place_that_its_ancestor_holds():
    child = Contender("u-c", "c", "", 0, 9.0, ancestors=frozenset({"u-a"}))
    grants = grant(policy("Queue"), entries("a"), frozenset(), [*runs("!a"), child])
    assert grants.refused["u-c"].reason == "HeldByAncestor"
    grants = grant(policy("Queue", limit=2), entries("a", "b"), frozenset(), [*runs("!a", "!b"), child])
    assert grants.refused["u-c"].reason == "HeldByAncestor"
    assert held(grant(policy("Queue", limit=2), entries("a"), frozenset(), [*runs("!a"), child])) == ["a", "c"]
    stranger = grant(policy("Queue"), entries("b"), frozenset(), [*runs("!b"), child])
    assert stranger.places == {"u-c": 1}


@given(
    st.sampled_from(["Queue", "Forbid", "Replace"]),
    st.integers(1, 3),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from(["", "x"]), st.integers(0, 1)), max_size=7),
)
def test_places_never_overlap_and_nobody_loses_one(kind, limit, drawn):
    contenders = [
        Contender(f"u{index}", f"r{index}", key, priority, float(index), admitted=holds)
        for index, (holds, _, key, priority) in enumerate(drawn)
    ]
    holders = [Entry(run.uid, run.name, run.key) for run in contenders if run.admitted]
    over = frozenset(run.uid for run, (_, ended, _, _) in zip(contenders, drawn, strict=True) if ended and run.admitted)
    runs_left = [run for run in contenders if run.uid not in over]
    grants = grant(policy(kind, limit=limit), holders, over, runs_left)
    before = {entry.uid for entry in holders} - over
    for key in ("", "x"):
        mine = [entry for entry in grants.active if entry.key == key]
        assert len(mine) <= max(limit, sum(1 for entry in holders if entry.key == key and entry.uid in before))
    assert before <= {entry.uid for entry in grants.active}
    told = {*grants.refused, *grants.places, *(entry.uid for entry in grants.active)}
    assert {run.uid for run in runs_left} <= told
