"""The life of Jobs in the model: what ends them, in which order it is written, what is replaced and when."""

import itertools

import pytest

from sandbox.worlds import START, a_job, a_world, begin, conditions, end, job_end, run, the_pod
from tidegate.errors import NotFound
from tidegate.sandbox.kinds import EVENTS, JOBS, NAMESPACES, PODS

DISRUPTED = {"onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


def on_exit(action, operator="In", *values, container=None):
    demand = {"operator": operator, "values": list(values), **({"containerName": container} if container else {})}
    return {"action": action, "onExitCodes": demand}


def policy(*rules):
    return {"podFailurePolicy": {"rules": list(rules)}}


def story(world, kind, since):
    """Give the types of an object's conditions after each write, without repetitions."""
    seen = (
        [each["type"] for each in obj["status"].get("conditions", ())] for _, obj, _ in world.events_since(kind, since)
    )
    return [types for types, _ in itertools.groupby(seen)]


def test_the_pod_of_a_job_is_told_from_others():
    world = a_world()
    job = world.create(JOBS, a_job(labels={"tidegate.dev/run-uid": "r"}))
    world.step(START)
    pod = the_pod(world)
    uid = job["metadata"]["uid"]
    assert pod["metadata"]["name"].startswith("job-")
    assert len(pod["metadata"]["name"]) == len("job-") + 5
    assert pod["metadata"]["labels"] == {
        "tidegate.dev/run-uid": "r",
        "batch.kubernetes.io/job-name": "job",
        "job-name": "job",
        "batch.kubernetes.io/controller-uid": uid,
        "controller-uid": uid,
    }
    assert pod["metadata"]["annotations"] == {"note": "from the template"}
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("Job", "job", uid, True)
    assert world.list(PODS, labels="tidegate.dev/run-uid=r") == [pod]


def test_a_success_is_announced_before_it_is_complete():
    world = a_world()
    since = world.resource_version
    end(world, begin(world, a_job()))
    assert story(world, JOBS, since) == [[], ["SuccessCriteriaMet"], ["SuccessCriteriaMet", "Complete"]]
    status = world.get(JOBS, "default", "job")["status"]
    assert (status.get("active"), status["succeeded"], status.get("failed")) == (None, 1, None)
    assert status["completionTime"] == status["startTime"] == "2027-01-15T08:00:00Z"


def test_a_failure_is_announced_before_it_is_final():
    world = a_world()
    since = world.resource_version
    end(world, begin(world, a_job()), 1)
    assert story(world, JOBS, since) == [[], ["FailureTarget"], ["FailureTarget", "Failed"]]
    assert job_end(world) == ("Failed", "BackoffLimitExceeded")
    status = world.get(JOBS, "default", "job")["status"]
    assert (status.get("active"), status["failed"], status.get("completionTime")) == (None, 1, None)


def test_active_and_ready_pods_are_counted_while_they_are():
    world = a_world()
    since = world.resource_version
    end(world, begin(world, a_job()))
    counts = [
        (s.get("active"), s.get("ready")) for s in (job["status"] for _, job, _ in world.events_since(JOBS, since))
    ]
    assert [count for count, _ in itertools.groupby(counts)] == [(None, None), (1, 0), (1, 1), (None, 0)]


@pytest.mark.parametrize(
    ("rules", "code", "reason"),
    [
        ([on_exit("FailJob", "In", 42)], 42, "PodFailurePolicy"),
        ([on_exit("FailJob", "In", 42)], 1, "BackoffLimitExceeded"),
        ([on_exit("FailJob", "NotIn", 1, 2)], 3, "PodFailurePolicy"),
        ([on_exit("FailJob", "NotIn", 1, 2)], 2, "BackoffLimitExceeded"),
        ([on_exit("Count", "In", 42), on_exit("FailJob", "In", 42)], 42, "BackoffLimitExceeded"),
        ([on_exit("FailJob", "In", 42, container="other")], 42, "BackoffLimitExceeded"),
        ([on_exit("FailJob", "In", 42, container="main")], 42, "PodFailurePolicy"),
    ],
)
def test_the_first_rule_that_matches_an_exit_code_decides(rules, code, reason):
    world = a_world()
    containers = [{"name": name, "image": "none"} for name in ("main", "other")]
    uid = begin(world, a_job(pod={"containers": containers}, **policy(*rules)))
    world.container_terminated(uid, "other", 0)
    end(world, uid, code)
    assert job_end(world) == ("Failed", reason)


def test_the_job_says_which_rule_failed_it():
    world = a_world()
    end(world, begin(world, a_job(**policy(on_exit("Ignore", "In", 7), on_exit("FailJob", "In", 42)))), 42)
    name = the_pod(world)["metadata"]["name"]
    message = world.get(JOBS, "default", "job")["status"]["conditions"][-1]["message"]
    assert message == f"Container main for pod default/{name} failed with exit code 42 matching FailJob rule at index 1"


def test_an_ignored_failure_is_replaced_after_a_while_and_not_counted():
    world = a_world()
    uid = begin(world, a_job(**policy({"action": "Ignore", **DISRUPTED})))
    world.evict(uid)
    world.step(START)
    world.container_terminated(uid, "main", 143)
    world.pod_gone(uid)
    assert world.step(START + 1) == START + 10
    assert world.list(PODS) == []
    world.step(START + 10)
    end(world, run(world))
    assert job_end(world) == ("Complete", "CompletionsReached")
    assert "failed" not in world.get(JOBS, "default", "job")["status"]


def test_an_eviction_fails_the_job_when_a_rule_says_so():
    world = a_world()
    uid = begin(world, a_job(**policy({"action": "FailJob", **DISRUPTED})))
    world.evict(uid)
    world.container_terminated(uid, "main", 143)
    world.pod_gone(uid)
    world.step(START)
    assert job_end(world) == ("Failed", "PodFailurePolicy")


def test_a_deleted_pod_fails_the_job_without_any_disruption():
    world = a_world()
    uid = begin(world, a_job(**policy({"action": "Ignore", **DISRUPTED})))
    world.delete(PODS, "default", the_pod(world)["metadata"]["name"])
    world.step(START)
    assert conditions(world.get(JOBS, "default", "job")) == []
    world.pod_gone(uid)
    world.step(START)
    assert job_end(world) == ("Failed", "BackoffLimitExceeded")
    assert world.list(PODS) == []


def test_a_deleted_pod_that_ends_well_within_its_grace_is_a_success():
    world = a_world()
    uid = begin(world, a_job())
    world.delete(PODS, "default", the_pod(world)["metadata"]["name"])
    world.step(START)
    world.container_terminated(uid, "main", 0)
    world.pod_gone(uid)
    world.step(START)
    assert job_end(world) == ("Complete", "CompletionsReached")


def test_a_deleted_pod_counts_at_once_when_replacement_does_not_wait():
    world = a_world()
    begin(world, a_job(podReplacementPolicy="TerminatingOrFailed"))
    world.delete(PODS, "default", the_pod(world)["metadata"]["name"])
    world.step(START)
    assert conditions(world.get(JOBS, "default", "job")) == [("FailureTarget", "True", "BackoffLimitExceeded")]


def test_failures_within_the_limit_are_replaced_with_growing_delay():
    world = a_world()
    end(world, begin(world, a_job(backoffLimit=2)), 1)
    assert world.step(START + 1) == START + 10
    world.step(START + 10)
    uid = run(world)
    end(world, uid, 1)
    assert world.step(START + 11) == START + 30
    world.step(START + 30)
    end(world, run(world), 1)
    assert job_end(world) == ("Failed", "BackoffLimitExceeded")
    assert world.get(JOBS, "default", "job")["status"]["failed"] == 3


def test_the_deadline_of_a_job_ends_its_pod_before_the_job():
    world = a_world(now=START + 0.8)
    uid = begin(world, a_job(activeDeadlineSeconds=5))
    assert world.step(START + 4.9) == START + 5
    world.step(START + 5)
    assert conditions(world.get(JOBS, "default", "job")) == [("FailureTarget", "True", "DeadlineExceeded")]
    assert [pod["metadata"]["uid"] for pod, _ in world.pods_to_kill()] == [uid]
    world.container_terminated(uid, "main", 143)
    world.pod_gone(uid)
    world.step(START + 6)
    assert job_end(world) == ("Failed", "DeadlineExceeded")
    assert world.get(JOBS, "default", "job")["status"]["failed"] == 1


def test_a_suspended_job_starts_nothing_until_it_is_resumed():
    world = a_world()
    world.create(JOBS, a_job(suspend=True))
    world.step(START)
    assert world.list(PODS) == []
    assert conditions(world.get(JOBS, "default", "job")) == [("Suspended", "True", "JobSuspended")]
    world.patch_merge(JOBS, "default", "job", {"spec": {"suspend": False}})
    world.step(START + 60)
    job = world.get(JOBS, "default", "job")
    assert conditions(job) == [("Suspended", "False", "JobResumed")]
    assert job["status"]["startTime"] == "2027-01-15T08:01:00Z"
    end(world, run(world))
    assert job_end(world) == ("Complete", "CompletionsReached")


def test_suspension_ends_the_pod_without_counting_a_failure():
    world = a_world()
    uid = begin(world, a_job())
    world.patch_merge(JOBS, "default", "job", {"spec": {"suspend": True}})
    world.step(START)
    assert [pod["metadata"]["uid"] for pod, _ in world.pods_to_kill()] == [uid]
    world.patch_merge(JOBS, "default", "job", {"spec": {"suspend": False}})
    world.step(START)
    assert [pod["metadata"]["uid"] for pod in world.list(PODS)] == [uid], "no second pod while the first may run"
    world.container_terminated(uid, "main", 143)
    world.pod_gone(uid)
    world.step(START)
    end(world, run(world))
    status = world.get(JOBS, "default", "job")["status"]
    assert (status["succeeded"], status.get("failed")) == (1, None)


def test_a_job_that_somebody_else_manages_is_left_alone():
    world = a_world()
    world.create(JOBS, a_job(managedBy="tidegate.dev/stopped", ttlSecondsAfterFinished=0))
    world.step(START)
    assert world.list(PODS) == []
    assert world.get(JOBS, "default", "job")["status"] == {}


def test_a_finished_job_goes_after_its_time_with_its_pod():
    world = a_world()
    end(world, begin(world, a_job(ttlSecondsAfterFinished=100)))
    assert world.step(START + 99) == START + 100
    world.step(START + 100)
    assert (world.list(JOBS), world.list(PODS)) == ([], [])


def test_several_completions_run_side_by_side_up_to_the_parallelism():
    world = a_world()
    world.create(JOBS, a_job(completions=3, parallelism=2))
    world.step(START)
    widths = []
    while pods := world.pods_to_start():
        widths.append(len(pods))
        uid = pods[0]["metadata"]["uid"]
        world.claim(uid)
        world.pod_started(uid)
        end(world, uid)
    assert widths == [2, 2, 1]
    assert world.get(JOBS, "default", "job")["status"]["succeeded"] == 3


def test_without_completions_the_first_success_is_enough_but_the_others_may_end_by_themselves():
    world = a_world()
    world.create(JOBS, a_job(completions=None, parallelism=3))
    world.step(START)
    first, second, third = [pod["metadata"]["uid"] for pod in world.pods_to_start()]
    for uid in (first, second, third):
        world.claim(uid)
        world.pod_started(uid)
    end(world, first)
    assert conditions(world.get(JOBS, "default", "job")) == []
    assert (len(world.list(PODS)), world.pods_to_start(), world.pods_to_kill()) == (3, [], [])
    world.delete(
        PODS, "default", next(pod for pod in world.list(PODS) if pod["metadata"]["uid"] == third)["metadata"]["name"]
    )
    end(world, second)
    assert conditions(world.get(JOBS, "default", "job")) == [("SuccessCriteriaMet", "True", "CompletionsReached")]
    world.container_terminated(third, "main", 1)
    world.pod_gone(third)
    world.step(START)
    status = world.get(JOBS, "default", "job")["status"]
    assert (job_end(world), status["succeeded"], status.get("failed")) == (("Complete", "CompletionsReached"), 2, None)


def test_lowered_parallelism_ends_pods_too_many():
    world = a_world()
    world.create(JOBS, a_job(completions=2, parallelism=2))
    world.step(START)
    world.patch_merge(JOBS, "default", "job", {"spec": {"parallelism": 1}})
    world.step(START)
    assert len(world.list(PODS)) == 1


def test_a_pod_that_vanishes_uncounted_is_replaced():
    world = a_world()
    begin(world, a_job())
    name = the_pod(world)["metadata"]["name"]
    world.patch_merge(PODS, "default", name, {"metadata": {"finalizers": None}})
    world.delete(PODS, "default", name, grace=0)
    world.step(START)
    assert the_pod(world)["metadata"]["name"] != name


def test_no_pods_are_made_in_an_ending_namespace():
    world = a_world()
    world.create(NAMESPACES, {"metadata": {"name": "team", "finalizers": ["a/b"]}})
    uid = begin(world, a_job(), "team")
    world.delete(NAMESPACES, None, "team")
    world.step(START)
    world.pod_gone(uid)
    world.step(START)
    assert (world.list(JOBS, "team"), world.list(PODS, "team")) == ([], [])


def test_looking_again_changes_nothing():
    world = a_world()
    end(world, begin(world, a_job()))
    begin(world, a_job("second"))
    before = world.resource_version
    world.restore(world.snapshot() | {})
    version = world.resource_version
    world.step(START)
    assert before <= version
    names = [job["metadata"]["name"] for job in world.list(JOBS)]
    assert names == ["job", "second"]
    settled = world.resource_version
    world.step(START + 1)
    assert world.resource_version == settled


def test_a_job_that_is_gone_takes_its_pod_along_in_its_grace_time():
    world = a_world()
    uid = begin(world, a_job())
    world.delete(JOBS, "default", "job")
    world.step(START)
    with pytest.raises(NotFound):
        world.get(JOBS, "default", "job")
    assert [(pod["metadata"]["uid"], until) for pod, until in world.pods_to_kill()] == [(uid, START + 30)]
    world.pod_gone(uid)
    assert world.list(PODS) == []


def test_a_namespace_that_refuses_pods_tells_it_in_an_event_and_the_job_gets_its_pod_later():
    world = a_world()
    world.refuse_pods("default", "exceeded quota: none")
    world.create(JOBS, a_job())
    world.step(START)
    world.step(START + 10)
    (event,) = world.list(EVENTS, fields="reason=FailedCreate,regarding.kind=Job")
    assert event["note"] == 'Error creating: pods "job-xxxxx" is forbidden: exceeded quota: none'
    assert (event["regarding"]["name"], event["deprecatedCount"]) == ("job", 2)
    assert (world.list(PODS), "conditions" in world.get(JOBS, "default", "job")["status"]) == ([], False)
    world.refuse_pods("default", "")
    world.step(START + 20)
    assert len(world.list(PODS)) == 1
