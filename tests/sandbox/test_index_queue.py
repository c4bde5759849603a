"""The order in which the indexes of an Indexed Job get pods; a plain model of the real controller's rule beside it."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.sandbox.index_queue import IndexQueue
from tidegate.sandbox.index_sets import IndexSet


def a_queue(completions, taken=""):
    return IndexQueue(completions, IndexSet.parse(taken).__contains__)


def test_the_lowest_come_first():
    queue = a_queue(5)
    assert queue.take(2, 0.0) == [0, 1]
    queue.give_back(0, 0.0)
    assert queue.take(2, 0.0) == [0, 2]
    assert queue.take(9, 0.0) == [3, 4]
    assert queue.take(9, 0.0) == []


def test_what_is_taken_at_the_beginning_is_not_given():
    queue = a_queue(6, "0,2-4")
    assert queue.take(9, 0.0) == [1, 5]
    queue.give_back(3, 0.0)
    assert queue.take(9, 0.0) == [3]


def test_an_index_in_back_off_keeps_its_place_in_line():
    queue = a_queue(4)
    assert queue.take(1, 0.0) == [0]
    queue.give_back(0, 10.0)
    assert queue.take(1, 9.0) == []
    assert queue.take(2, 9.0) == [1]
    assert queue.take(1, 10.0) == [0]


def test_a_later_back_off_replaces_an_earlier_one():
    queue = a_queue(2)
    queue.take(1, 0.0)
    queue.give_back(0, 5.0)
    queue.give_back(0, 8.0)
    assert queue.take(1, 5.0) == []
    assert queue.take(2, 5.0) == [1]
    assert queue.take(2, 8.0) == [0]


def test_an_index_that_is_done_after_all_leaves_the_line():
    queue = a_queue(5)
    queue.take(4, 0.0)
    for index, due in ((3, 0.0), (2, 0.0), (1, 0.0), (0, 10.0)):
        queue.give_back(index, due)
    assert queue.take(0, 5.0) == []
    queue.drop(0)
    queue.drop(2)
    queue.drop(4)
    assert queue.take(9, 20.0) == [1, 3, 4]


def first_pending(pending, room, now):
    """Give what `firstPendingIndexes` and `getPodCreationInfoForIndependentIndexes` give together."""
    return [index for index in sorted(pending)[:room] if pending[index] <= now]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30), st.integers(0, 12)), max_size=40))
def test_it_gives_what_a_search_through_all_indexes_would(steps):
    queue, pending, out = a_queue(12), dict.fromkeys(range(12), 0), []
    for now, (room, delay, which) in enumerate(steps):
        if out and delay % 2:
            index = out.pop(which % len(out))
            pending[index] = now + delay
            queue.give_back(index, now + delay)
        expected = first_pending(pending, room, now)
        assert queue.take(room, now) == expected
        for index in expected:
            del pending[index]
        out += expected
