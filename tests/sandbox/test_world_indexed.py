"""The life of Indexed Jobs in the model: which index gets a pod when, what its pods bear, what becomes of failures."""

import sys

import pytest

from sandbox.indexed_stories import FAILURES, IGNORE_DISRUPTION, IGNORED, INDEX, identity, policy
from sandbox.worlds import START, a_job, a_world, conditions, end, job_end
from tidegate.sandbox.kinds import JOBS, PODS

TRACKING = "batch.kubernetes.io/job-tracking"
WITHOUT_LIMIT = 2**31 - 1


def an_indexed_job(completions, parallelism=None, *, per_index=None, name="job", **spec):
    by_index = {} if per_index is None else {"backoffLimitPerIndex": per_index, "backoffLimit": WITHOUT_LIMIT}
    width = {"completions": completions, "parallelism": parallelism or completions}
    return a_job(name, completionMode="Indexed", **width, **by_index, **spec)


def created(job, now=START):
    world = a_world(now=now)
    world.create(JOBS, job)
    world.step(now)
    return world


def start(world):
    """Run all pods that nobody has claimed yet; gives their uids by index."""
    started = {}
    for pod in world.pods_to_start():
        uid = started[identity(pod)[0]] = pod["metadata"]["uid"]
        world.claim(uid)
        world.pod_started(uid)
    world.step(world.now)
    return started


def die(world, uid, code=143):
    world.container_terminated(uid, "main", code)
    world.pod_gone(uid)
    return world.step(world.now)


def status(world):
    return world.get(JOBS, "default", "job")["status"]


def pods_of(world, index):
    return [pod for pod in world.list(PODS) if identity(pod)[0] == index]


def test_a_pod_bears_its_index():
    init = [{"name": "before", "image": "none"}]
    env = [{"name": "A", "value": "1"}]
    containers = [{"name": "main", "image": "none", "env": env}, {"name": "other", "image": "none"}]
    world = created(an_indexed_job(2, labels={"a": "b"}, pod={"initContainers": init, "containers": containers}))
    for index, pod in enumerate(sorted(world.list(PODS), key=identity)):
        metadata, spec = pod["metadata"], pod["spec"]
        assert metadata["name"].startswith(f"job-{index}-")
        assert len(metadata["name"]) == len("job-0-xxxxx")
        assert metadata["generateName"] == f"job-{index}-"
        assert metadata["annotations"] == {"note": "from the template", INDEX: str(index)}
        assert (metadata["labels"]["a"], metadata["labels"][INDEX]) == ("b", str(index))
        assert spec["hostname"] == f"job-{index}"
        source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
        variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
        assert [each["env"] for each in (*spec["initContainers"], *spec["containers"])] == [
            [variable],
            [*env, variable],
            [variable],
        ]


def test_an_index_variable_of_the_users_own_is_kept():
    own = [{"name": "JOB_COMPLETION_INDEX", "value": "mine"}]
    world = created(an_indexed_job(1, pod={"containers": [{"name": "main", "image": "none", "env": own}]}))
    assert world.list(PODS)[0]["spec"]["containers"][0]["env"] == own


def test_the_name_of_a_pod_is_cut_in_the_jobs_part():
    name = "j" * 59
    world = created(an_indexed_job(1000, 1, name=name))
    (pod,) = world.list(PODS)
    assert pod["metadata"]["name"].startswith("j" * 55 + "-0-")
    assert len(pod["metadata"]["name"]) == 63
    assert pod["spec"]["hostname"] == f"{name}-0"


def test_the_lowest_indexes_run_first_as_many_as_may():
    world = created(an_indexed_job(5, 2))
    seen = []
    while running := start(world):
        seen.append(sorted(running))
        for uid in running.values():
            end(world, uid)
    assert seen == [[0, 1], [2, 3], [4]]
    assert (status(world)["completedIndexes"], job_end(world)) == ("0-4", ("Complete", "CompletionsReached"))


def test_what_has_succeeded_is_told_while_others_run():
    world = created(an_indexed_job(4, per_index=0))
    running = start(world)
    for index, code, completed, failed in ((2, 0, "2", ""), (0, 1, "2", "0"), (1, 0, "1,2", "0")):
        end(world, running[index], code)
        assert (status(world)["completedIndexes"], status(world)["failedIndexes"]) == (completed, failed)
    assert (status(world)["active"], status(world)["succeeded"], status(world)["failed"]) == (1, 2, 1)
    assert conditions(world.get(JOBS, "default", "job")) == []


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


def test_suspension_gives_an_index_back_without_a_failure_and_keeps_those_of_before():
    world = created(an_indexed_job(2, per_index=1))
    running = start(world)
    end(world, running[0], 1)
    world.patch_merge(JOBS, "default", "job", {"spec": {"suspend": True}})
    world.step(START)
    assert (status(world)["terminating"], "startTime" in status(world)) == (1, False)
    world.patch_merge(JOBS, "default", "job", {"spec": {"suspend": False}})
    world.step(START + 20)
    assert sorted(identity(pod) for pod in world.pods_to_start()) == [(0, 1, 0)], "no second pod while one may run"
    die(world, running[1])
    assert sorted(identity(pod) for pod in world.pods_to_start()) == [(0, 1, 0), (1, 0, 0)]
    assert status(world)["failed"] == 1


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


def test_a_lower_parallelism_ends_the_pods_that_have_got_the_least_far():
    containers = [{"name": name, "image": "none"} for name in ("main", "other")]
    world = created(an_indexed_job(5, per_index=0, pod={"containers": containers}))
    running = [pod["metadata"]["uid"] for pod in world.pods_to_start()]
    for index, when in ((1, 0), (4, 0), (2, 60)):
        world.now = START + when
        world.claim(running[index])
        for container in containers:
            world.pod_started(running[index], container["name"])
    world.container_terminated(running[4], "other", 0)
    left = []
    for parallelism in (4, 3, 2, 1):
        world.patch_merge(JOBS, "default", "job", {"spec": {"parallelism": parallelism}})
        world.step(START + 60)
        alive = [pod for pod in world.list(PODS) if "deletionTimestamp" not in pod["metadata"]]
        left.append(sorted(identity(pod)[0] for pod in alive))
    assert left == [[0, 1, 2, 4], [1, 2, 4], [1, 2], [1]]
    assert status(world).get("failed") is None


def test_an_index_that_lost_its_pod_to_a_lower_parallelism_is_the_next():
    world = created(an_indexed_job(4, 2, per_index=0))
    running = start(world)
    world.patch_merge(JOBS, "default", "job", {"spec": {"parallelism": 1}})
    world.step(START)
    die(world, running[1])
    world.patch_merge(JOBS, "default", "job", {"spec": {"parallelism": 2}})
    world.step(START)
    assert [identity(pod) for pod in world.pods_to_start()] == [(1, 0, 0)]


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
