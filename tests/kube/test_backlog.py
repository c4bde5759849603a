"""The books of the work queue: deduplication, one worker a key, priorities, delays."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.kube.backlog import Backlog, Priority


def drain(backlog, now=0.0):
    keys = []
    while (taken := backlog.take(now)) is not None:
        keys.append(taken.key)
        backlog.done(taken.key, now)
    return keys


def test_a_key_added_twice_is_worked_on_once():
    backlog = Backlog()
    assert backlog.add("a", 0.0)
    assert not backlog.add("a", 1.0)
    assert drain(backlog) == ["a"]


def test_keys_of_one_priority_come_in_the_order_of_arrival():
    backlog = Backlog()
    for key in "cab":
        backlog.add(key, 0.0)
    assert drain(backlog) == ["c", "a", "b"]


def test_completions_come_before_new_keys_before_resync():
    backlog = Backlog()
    backlog.add("resync", 0.0, Priority.RESYNC)
    backlog.add("new", 0.0, Priority.NEW)
    backlog.add("completion", 0.0, Priority.COMPLETION)
    assert drain(backlog) == ["completion", "new", "resync"]


def test_a_waiting_key_moves_up_with_a_better_priority_and_keeps_its_age():
    backlog = Backlog()
    backlog.add("a", 0.0, Priority.RESYNC)
    backlog.add("b", 0.0, Priority.NEW)
    backlog.add("a", 5.0, Priority.COMPLETION)
    taken = backlog.take(8.0)
    assert (taken.key, taken.waited) == ("a", 8.0)
    backlog.done("a", 8.0)
    assert drain(backlog) == ["b"]


def test_a_waiting_key_never_moves_down():
    backlog = Backlog()
    backlog.add("a", 0.0, Priority.COMPLETION)
    backlog.add("a", 0.0, Priority.RESYNC)
    backlog.add("b", 0.0, Priority.NEW)
    assert drain(backlog) == ["a", "b"]


def test_a_key_added_while_worked_on_waits_for_its_worker_then_comes_again():
    backlog = Backlog()
    backlog.add("a", 0.0)
    backlog.take(0.0)
    assert backlog.add("a", 1.0, Priority.COMPLETION)
    assert not backlog.add("a", 2.0, Priority.RESYNC)
    assert backlog.take(2.0) is None
    backlog.done("a", 3.0)
    assert backlog.take(4.0).waited == 3.0


def test_lower_priorities_are_not_starved_by_a_flood():
    backlog = Backlog()
    backlog.add("resync", 0.0, Priority.RESYNC)
    order = []
    for now in range(1, 20):
        backlog.add(now, float(now), Priority.COMPLETION)
        backlog.add(-now, float(now), Priority.COMPLETION)
        taken = backlog.take(float(now))
        order.append(taken.key)
        backlog.done(taken.key, float(now))
    assert "resync" in order


def test_the_earliest_wish_for_a_key_wins():
    backlog = Backlog()
    backlog.add_at("a", 30.0)
    backlog.add_at("a", 10.0)
    backlog.add_at("a", 20.0)
    assert backlog.next_due() == 10.0
    assert backlog.take(9.9) is None
    assert backlog.take(10.0).key == "a"
    backlog.done("a", 10.0)
    assert backlog.next_due() is None


def test_a_wish_that_comes_due_during_work_makes_the_key_come_again():
    backlog = Backlog()
    backlog.add("a", 0.0)
    backlog.take(0.0)
    backlog.add_at("a", 5.0)
    assert backlog.take(6.0) is None
    backlog.done("a", 7.0)
    assert backlog.take(7.0).key == "a"


def test_waiting_counts_from_the_due_instant():
    backlog = Backlog()
    backlog.add_at("a", 5.0)
    assert backlog.take(8.0).waited == 3.0


def test_a_dropped_key_is_neither_queued_nor_due():
    backlog = Backlog()
    backlog.add("a", 0.0)
    backlog.add_at("a", 5.0)
    backlog.drop("a")
    assert backlog.take(10.0) is None
    assert backlog.depth == 0


def test_ages_tell_the_oldest_wait_and_the_oldest_work():
    backlog = Backlog()
    assert backlog.oldest_since() is None
    assert backlog.longest_work_since() is None
    backlog.add("a", 1.0)
    backlog.add("b", 2.0)
    backlog.take(3.0)
    assert backlog.oldest_since() == 2.0
    assert backlog.longest_work_since() == 3.0
    assert (backlog.depth, backlog.working) == (1, 1)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add_at", "take", "done"]),
        st.sampled_from("abcd"),
        st.sampled_from(list(Priority)),
        st.floats(0.0, 3.0),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(OPERATIONS)
def test_no_key_is_lost_and_none_has_two_workers(operations):
    backlog, now, working, owed = Backlog(), 0.0, set(), set()
    for operation, key, priority, seconds in operations:
        now += seconds
        if operation == "add":
            backlog.add(key, now, priority)
            owed.add(key)
        elif operation == "add_at":
            backlog.add_at(key, now + seconds, priority)
            owed.add(key)
        elif operation == "take" and (taken := backlog.take(now)) is not None:
            assert taken.key not in working
            assert taken.waited >= 0.0
            working.add(taken.key)
            # A wish for later is still owed when its key is worked on before.
            owed.discard(taken.key)
        elif operation == "done" and key in working:
            backlog.done(key, now)
            working.discard(key)
    for key in working:
        backlog.done(key, now)
    assert owed <= set(drain(backlog, now + 10.0))
