"""Sets of indexes and their text, as Kubernetes writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.sandbox.index_sets import IndexSet


def a_set(indexes):
    made = IndexSet()
    for index in indexes:
        made.add(index)
    return made


@pytest.mark.parametrize(
    ("indexes", "text"),
    [
        ((), ""),
        ((0,), "0"),
        ((1, 0), "0,1"),
        ((2, 0, 1), "0-2"),
        ((0, 2), "0,2"),
        ((5, 0, 3, 1, 2), "0-3,5"),
        ((4, 4), "4"),
        ((7, 1, 2, 6, 9, 3), "1-3,6,7,9"),
    ],
)
def test_intervals_are_written_as_kubernetes_writes_them(indexes, text):
    assert str(a_set(indexes)) == text


@given(st.lists(st.integers(0, 40)), st.integers(0, 45))
def test_it_is_the_set_of_what_was_added(indexes, asked):
    made = a_set(indexes)
    again = IndexSet.parse(str(made))
    for found in (made, again):
        assert (len(found), asked in found, str(found)) == (len(set(indexes)), asked in indexes, str(made))


@pytest.mark.parametrize("text", ["x", "3-1", "1,1", "5,2", "1-3,2-4", "-1"])
def test_what_is_no_list_of_intervals_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        IndexSet.parse(text)


def test_neighbours_of_two_intervals_are_joined_when_read():
    assert str(IndexSet.parse("0,1,2,3,5")) == "0-3,5"
