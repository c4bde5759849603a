"""Indexed Jobs in the model that are deleted, that outlive the sandbox, and what each index costs."""

import sys

import pytest

from sandbox.indexed_stories import identity
from sandbox.indexed_worlds import an_indexed_job, created, die, start, status
from sandbox.worlds import START, a_world, end, job_end
from tidegate.sandbox.kinds import JOBS, PODS


def test_a_job_that_is_being_deleted_lets_go_of_its_pods():
    world = created(an_indexed_job(3, per_index=1))
    running = start(world)
    end(world, running[0])
    end(world, running[1], 1)
    world.delete(JOBS, "default", "job", propagation="Foreground")
    world.step(START)
    assert status(world)["failed"] == 1
    assert [identity(pod) for pod in world.list(PODS)] == [(2, 0, 0)]
    die(world, running[2])
    assert (world.list(JOBS), world.list(PODS)) == ([], [])


def test_pods_of_a_job_that_is_gone_are_let_go_of_one_by_one():
    world = created(an_indexed_job(3, per_index=1))
    running = start(world)
    world.delete(JOBS, "default", "job")
    world.step(START)
    for index, uid in running.items():
        die(world, uid, index)
    assert world.list(PODS) == []


def test_a_finished_job_goes_after_its_time_with_all_its_pods():
    world = created(an_indexed_job(3, per_index=1, ttlSecondsAfterFinished=100))
    for uid in start(world).values():
        end(world, uid)
    world.step(START + 100)
    assert (world.list(JOBS), world.list(PODS)) == ([], [])


def test_a_sandbox_that_starts_again_goes_on_where_it_was():
    old = created(an_indexed_job(7, 4, per_index=1))
    running = start(old)
    end(old, running[0])
    end(old, running[1], 1)
    end(old, running[3])
    world = a_world(START + 5, uids="later")
    world.restore(old.snapshot())
    world.step(START + 5)
    assert (status(world)["completedIndexes"], status(world)["failedIndexes"]) == ("0,3", "")
    assert sorted(identity(pod) for pod in world.pods_to_start()) == [(4, 0, 0), (5, 0, 0)]
    assert len(world.list(PODS)) == 6, "1 waits for its back-off, and so does 2, whose pod was lost"
    world.step(START + 15)
    assert sorted(identity(pod) for pod in world.pods_to_start()) == [(1, 1, 0), (2, 1, 0), (4, 0, 0), (5, 0, 0)]
    for _ in range(3):
        for uid in start(world).values():
            end(world, uid)
    assert (status(world)["completedIndexes"], status(world)["failed"]) == ("0-6", 2)
    assert job_end(world) == ("Complete", "CompletionsReached")
    assert sorted(identity(pod)[0] for pod in world.list(PODS)) == [0, 1, 1, 2, 2, 3, 4, 5, 6]


def test_an_end_that_nobody_looked_at_before_a_new_start_is_not_forgotten():
    old = created(an_indexed_job(2, backoffLimit=5))
    running = start(old)
    old.container_terminated(running[0], "main", 1)
    old.container_terminated(running[1], "main", 0)
    world = a_world(START, uids="later")
    world.restore(old.snapshot())
    world.step(START + 10)
    assert (status(world)["completedIndexes"], status(world)["failed"]) == ("1", 1)
    assert sorted(start(world)) == [0]


def test_an_older_state_that_is_restored_is_what_counts():
    world = created(an_indexed_job(2, per_index=1))
    before, running = world.snapshot(), start(world)
    for uid in running.values():
        end(world, uid)
    assert job_end(world) == ("Complete", "CompletionsReached")
    world.restore(before)
    world.step(START)
    assert (status(world).get("completedIndexes"), sorted(start(world))) == (None, [0, 1])


def test_pods_whose_job_went_just_before_a_new_start_are_let_go_of():
    old = created(an_indexed_job(2, per_index=1))
    start(old)
    old.delete(JOBS, "default", "job")
    world = a_world(START, uids="later")
    world.restore(old.snapshot())
    world.step(START)
    assert world.list(PODS) == []


def calls(completions, parallelism):
    """Give how many functions are called for one Job of so many indexes, of which every tenth fails once."""
    world, count = a_world(), 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        world.create(JOBS, an_indexed_job(completions, parallelism, per_index=1))
        wake = START
        while wake is not None:
            wake = world.step(wake)
            while pods := world.pods_to_start():
                for pod in pods:
                    uid, (index, failures, _) = pod["metadata"]["uid"], identity(pod)
                    world.claim(uid)
                    world.pod_started(uid)
                    world.step(world.now)
                    end(world, uid, int(index % 10 == 0 and not failures))
                wake = world.step(world.now)
    finally:
        sys.setprofile(None)
    assert status(world)["completedIndexes"] == f"0-{completions - 1}"
    return count


@pytest.mark.parametrize("narrow", [True, False])
def test_an_index_costs_the_same_however_many_there_are(narrow):
    small, large = (calls(size, 10 if narrow else size) / size for size in (100, 400))
    assert large < 1.5 * small
