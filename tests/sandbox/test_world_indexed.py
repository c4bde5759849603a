"""Indexed Jobs in the model: which index gets a pod when, what its pods bear, how many there are."""

from sandbox.indexed_stories import INDEX, identity
from sandbox.indexed_worlds import an_indexed_job, created, die, start, status
from sandbox.worlds import START, conditions, end, job_end
from tidegate.sandbox.kinds import JOBS, PODS


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
