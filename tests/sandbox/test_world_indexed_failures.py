"""Indexed Jobs in the model: what becomes of failures, disruptions, and pods that are told to end."""

import pytest

from sandbox.indexed_stories import FAILURES, IGNORE_DISRUPTION, IGNORED, identity, policy
from sandbox.indexed_worlds import an_indexed_job, created, die, pods_of, start, status
from sandbox.worlds import START, end, job_end
from tidegate.sandbox.kinds import JOBS, PODS

TRACKING = "batch.kubernetes.io/job-tracking"


def test_an_index_is_tried_again_after_a_delay_that_doubles_up_to_ten_minutes():
    world = created(an_indexed_job(1, per_index=9))
    now, delays = START, []
    for failures in range(9):
        (pod,) = pods_of(world, 0)
        assert (pod["metadata"]["annotations"][FAILURES], IGNORED in pod["metadata"]["annotations"]) == (
            str(failures),
            False,
        )
        due = end(world, start(world)[0], 1)
        delays.append(due - now)
        assert world.step(due - 1) == due
        assert len(pods_of(world, 0)) == 1
        world.step(now := due)
        world.delete(PODS, "default", pod["metadata"]["name"])
    assert delays == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    end(world, start(world)[0], 1)
    assert (job_end(world), status(world)["failed"]) == (("Failed", "FailedIndexes"), 10)


def test_an_index_in_back_off_keeps_its_place_before_others():
    world = created(an_indexed_job(3, 1, per_index=1))
    end(world, start(world)[0], 1)
    assert world.step(START + 9) == START + 10
    assert "active" not in status(world)
    world.step(START + 10)
    end(world, start(world)[0], 1)
    assert sorted(start(world)) == [1]


def test_room_beside_an_index_in_back_off_is_used():
    world = created(an_indexed_job(4, 2, per_index=1))
    running = start(world)
    end(world, running[0], 1)
    end(world, running[1])
    assert sorted(start(world)) == [2]


def test_a_failed_pod_is_counted_when_another_follows_it():
    world = created(an_indexed_job(1, per_index=1))
    end(world, start(world)[0], 1)
    (first,) = pods_of(world, 0)
    assert (status(world).get("failed"), first["metadata"]["finalizers"]) == (None, [TRACKING])
    world.step(START + 10)
    first, second = sorted(pods_of(world, 0), key=identity)
    assert (status(world)["failed"], first["metadata"]["finalizers"]) == (1, [])
    assert (identity(second), second["metadata"]["finalizers"]) == ((0, 1, 0), [TRACKING])


def test_a_disruption_that_is_ignored_is_written_on_the_next_pod():
    world = created(an_indexed_job(1, per_index=0, **policy(IGNORE_DISRUPTION)))
    uid = start(world)[0]
    world.evict(uid)
    assert die(world, uid) == START + 10
    world.step(START + 10)
    (pod,) = pods_of(world, 0)
    assert (pod["metadata"]["annotations"][FAILURES], pod["metadata"]["annotations"][IGNORED]) == ("0", "1")
    world.evict(start(world)[0])
    assert die(world, pod["metadata"]["uid"]) == START + 30
    assert (status(world)["failedIndexes"], status(world).get("failed")) == ("", None)


def test_pods_are_told_to_end_before_the_failure_is_written_and_do_not_count_as_successes():
    world = created(an_indexed_job(3, per_index=0, maxFailedIndexes=0))
    running, since = start(world), world.resource_version
    end(world, running[1], 1)
    changes = sorted(
        (
            version,
            kind.kind,
            obj["status"].get("conditions", [{}])[-1].get("type"),
            "deletionTimestamp" in obj["metadata"],
        )
        for kind in (JOBS, PODS)
        for _, obj, version in world.events_since(kind, since)
    )
    doomed = next(version for version, kind, _, is_doomed in changes if kind == "Pod" and is_doomed)
    told = next(version for version, kind, last, _ in changes if kind == "Job" and last == "FailureTarget")
    assert doomed < told
    assert (status(world)["failed"], status(world)["terminating"]) == (3, 2)
    for index in (0, 2):
        die(world, running[index], 0)
    assert job_end(world) == ("Failed", "MaxFailedIndexesExceeded")
    assert (status(world)["failed"], status(world).get("succeeded"), status(world)["failedIndexes"]) == (3, None, "1")
    assert "completedIndexes" not in status(world)


def test_the_limit_for_the_whole_job_waits_and_ends_as_without_indexes():
    world = created(an_indexed_job(2, backoffLimit=1))
    running = start(world)
    end(world, running[0])
    assert end(world, running[1], 1) == START + 10
    world.step(START + 10)
    end(world, start(world)[1], 1)
    assert job_end(world) == ("Failed", "BackoffLimitExceeded")
    assert (status(world)["completedIndexes"], "failedIndexes" in status(world)) == ("0", False)


def test_a_success_ends_the_back_off_of_a_job_that_counts_as_a_whole():
    world = created(an_indexed_job(4, 2, backoffLimit=5))
    running = start(world)
    end(world, running[0], 1)
    world.now = START + 1
    end(world, running[1])
    assert sorted(start(world)) == [0, 2]


def test_a_failure_of_the_same_second_as_a_success_is_no_reason_to_wait():
    world = created(an_indexed_job(4, 2, backoffLimit=5))
    running = start(world)
    for index, code in ((0, 0), (1, 1)):
        world.container_terminated(running[index], "main", code)
    world.step(START)
    assert sorted(start(world)) == [1, 2]


@pytest.mark.parametrize(("policy", "count"), [("Failed", 1), ("TerminatingOrFailed", 2)])
def test_an_index_gets_another_pod_beside_one_that_ends_only_if_replacement_does_not_wait(policy, count):
    world = created(
        an_indexed_job(1, per_index=1, podReplacementPolicy=policy, pod={"terminationGracePeriodSeconds": 60})
    )
    start(world)
    world.delete(PODS, "default", pods_of(world, 0)[0]["metadata"]["name"])
    world.step(START)
    assert status(world)["terminating"] == 1
    world.step(START + 10)
    assert len(pods_of(world, 0)) == count


def test_a_pod_that_is_replaced_early_and_succeeds_after_all_has_succeeded():
    world = created(an_indexed_job(1, per_index=3, podReplacementPolicy="TerminatingOrFailed"))
    uid = start(world)[0]
    world.delete(PODS, "default", pods_of(world, 0)[0]["metadata"]["name"])
    world.step(START)
    die(world, uid, 0)
    assert (status(world)["completedIndexes"], job_end(world)) == ("0", ("Complete", "CompletionsReached"))
    assert world.step(START + 60) is None
    assert world.pods_to_start() == []


def test_an_index_that_succeeds_after_all_leaves_the_line_to_others():
    world = created(an_indexed_job(4, 2, per_index=3, podReplacementPolicy="TerminatingOrFailed"))
    uid = start(world)[0]
    world.delete(PODS, "default", pods_of(world, 0)[0]["metadata"]["name"])
    world.step(START)
    assert world.pods_to_start() == []
    die(world, uid, 0)
    assert sorted(start(world)) == [2]
    world.step(START + 60)
    assert (status(world)["completedIndexes"], pods_of(world, 0), world.pods_to_start()) == ("0", [], [])


def test_the_back_off_counts_from_the_end_of_the_pod_also_where_replacement_does_not_wait():
    world = created(an_indexed_job(1, per_index=1, podReplacementPolicy="TerminatingOrFailed"))
    uid = start(world)[0]
    world.delete(PODS, "default", pods_of(world, 0)[0]["metadata"]["name"])
    assert world.step(START) == START + 10
    world.now = START + 6
    die(world, uid)
    world.step(START + 15)
    assert world.pods_to_start() == []
    world.step(START + 16)
    assert [identity(pod) for pod in world.pods_to_start()] == [(0, 1, 0)]


def test_an_index_whose_pod_still_ends_is_passed_over():
    world = created(an_indexed_job(3, 2, per_index=1, podReplacementPolicy="Failed"))
    running = start(world)
    world.delete(PODS, "default", pods_of(world, 0)[0]["metadata"]["name"])
    end(world, running[1])
    assert sorted(start(world)) == [2]
