"""The life of pods in the model: the kubelet's seam, phases, conditions, ends."""

import pytest

from sandbox.worlds import START, a_job, a_world, begin, conditions, end, the_pod
from tidegate.sandbox.kinds import JOBS, PODS


def a_pod(name="pod", *, containers=("main",), **spec):
    return {
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": container, "image": "none"} for container in containers],
            **spec,
        },
    }


def claimed(world, pod):
    uid = world.create(PODS, pod)["metadata"]["uid"]
    world.step(world.now)
    world.claim(uid)
    return uid


def running(world, pod):
    uid = claimed(world, pod)
    for container in pod["spec"]["containers"]:
        world.pod_started(uid, container["name"])
    return uid


def phase(world, name="pod"):
    return world.get(PODS, "default", name)["status"]["phase"]


def test_a_pod_is_bound_then_offered_until_it_is_claimed():
    world = a_world()
    uid = world.create(PODS, a_pod())["metadata"]["uid"]
    assert world.pods_to_start() == []
    world.step(START)
    (pod,) = world.pods_to_start()
    assert (pod["spec"]["nodeName"], conditions(pod)) == ("sandbox", [("PodScheduled", "True", "")])
    assert world.claim(uid)["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert world.pods_to_start() == []
    assert world.claim(uid) is None


def test_phase_and_readiness_follow_from_all_containers():
    world = a_world()
    uid = claimed(world, a_pod(containers=("a", "b")))
    phases = [phase(world)]
    for report in (
        lambda: world.pod_started(uid, "a"),
        lambda: world.pod_started(uid, "b"),
        lambda: world.container_terminated(uid, "a", 0),
        lambda: world.container_terminated(uid, "b", 0),
    ):
        report()
        pod = world.get(PODS, "default", "pod")
        phases.append((pod["status"]["phase"], dict(each[:2] for each in conditions(pod))["Ready"]))
    assert phases == [
        "Pending",
        ("Pending", "False"),
        ("Running", "True"),
        ("Running", "False"),
        ("Succeeded", "False"),
    ]


@pytest.mark.parametrize(("codes", "result"), [((0, 0), "Succeeded"), ((0, 3), "Failed"), ((1, 0), "Failed")])
def test_one_bad_container_fails_the_pod(codes, result):
    world = a_world()
    uid = running(world, a_pod(containers=("a", "b")))
    for container, code in zip("ab", codes, strict=True):
        world.container_terminated(uid, container, code)
    assert phase(world) == result


def test_the_end_of_a_container_is_told_with_its_message():
    world = a_world()
    uid = running(world, a_pod())
    world.now = START + 7.9
    world.container_terminated(uid, "main", 137, reason="OOMKilled", message="half done")
    status = world.get(PODS, "default", "pod")["status"]["containerStatuses"][0]
    assert (status["ready"], status["state"]) == (
        False,
        {
            "terminated": {
                "exitCode": 137,
                "reason": "OOMKilled",
                "message": "half done",
                "startedAt": "2027-01-15T08:00:00Z",
                "finishedAt": "2027-01-15T08:00:07Z",
            }
        },
    )


def test_the_phase_may_come_later_than_the_end_of_the_containers():
    world = a_world()
    uid = running(world, a_pod())
    world.container_terminated(uid, "main", 0, settle=False)
    assert phase(world) == "Running"
    world.pod_settled(uid)
    assert phase(world) == "Succeeded"


def test_init_containers_come_first_and_their_failure_is_the_pods():
    world = a_world()
    init = [{"name": "prepare", "image": "none"}]
    uid = claimed(world, a_pod(initContainers=init))
    world.pod_started(uid, "prepare")
    assert phase(world) == "Pending"
    world.container_terminated(uid, "prepare", 0, init=True)
    world.pod_started(uid)
    assert phase(world) == "Running"
    other = claimed(world, a_pod("other", initContainers=init))
    world.pod_started(other, "prepare")
    world.container_terminated(other, "prepare", 1, init=True)
    assert phase(world, "other") == "Failed"


def test_a_sidecar_does_not_keep_the_pod_alive():
    world = a_world()
    uid = claimed(world, a_pod(initContainers=[{"name": "proxy", "image": "none", "restartPolicy": "Always"}]))
    world.pod_started(uid, "proxy")
    world.pod_started(uid)
    world.container_terminated(uid, "main", 0)
    assert phase(world) == "Succeeded"


def test_a_container_that_cannot_start_says_why():
    world = a_world()
    uid = claimed(world, a_pod())
    world.pod_waiting(uid, "main", "CreateContainerConfigError", 'configmap "x" not found')
    pod = world.get(PODS, "default", "pod")
    waiting = {"reason": "CreateContainerConfigError", "message": 'configmap "x" not found'}
    assert (pod["status"]["phase"], pod["status"]["containerStatuses"][0]["state"]) == ("Pending", {"waiting": waiting})


def test_a_container_that_may_restart_does():
    world = a_world()
    uid = running(world, a_pod(restartPolicy="OnFailure"))
    world.container_terminated(uid, "main", 1)
    assert phase(world) == "Running"
    world.pod_started(uid)
    status = world.get(PODS, "default", "pod")["status"]["containerStatuses"][0]
    assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"]) == (1, 1)
    world.container_terminated(uid, "main", 0)
    assert phase(world) == "Succeeded"


def test_a_condition_keeps_the_time_at_which_it_came_true():
    world = a_world()
    uid = claimed(world, a_pod())
    world.now = START + 60
    world.pod_started(uid)
    times = {each["type"]: each["lastTransitionTime"] for each in the_pod(world)["status"]["conditions"]}
    assert (times["Initialized"], times["Ready"]) == ("2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z")


def test_a_condition_that_only_changes_its_reason_keeps_its_time():
    world = a_world()
    uid = claimed(world, a_pod())
    world.now = START + 60
    world.container_terminated(uid, "main", 1)
    (ready,) = [each for each in the_pod(world)["status"]["conditions"] if each["type"] == "Ready"]
    assert (ready["reason"], ready["lastTransitionTime"]) == ("PodFailed", "2027-01-15T08:00:00Z")


def test_a_deleted_pod_stays_until_nothing_of_it_runs():
    world = a_world()
    uid = running(world, a_pod(terminationGracePeriodSeconds=5))
    world.delete(PODS, "default", "pod")
    world.step(START + 1)
    pod = the_pod(world)
    assert pod["metadata"]["deletionTimestamp"] == "2027-01-15T08:00:05Z"
    assert [(each["metadata"]["uid"], until) for each, until in world.pods_to_kill()] == [(uid, START + 5)]
    world.container_terminated(uid, "main", 143)
    assert the_pod(world)["status"]["phase"] == "Failed"
    world.pod_gone(uid)
    assert (world.list(PODS), world.pods_to_kill()) == ([], [])


def test_a_second_deletion_can_only_hasten_the_end():
    world = a_world()
    running(world, a_pod())
    world.delete(PODS, "default", "pod")
    for grace, until in ((60, START + 30), (2, START + 2), (10, START + 2)):
        world.delete(PODS, "default", "pod", grace=grace)
        assert [when for _, when in world.pods_to_kill()] == [until]


def test_a_forced_deletion_frees_the_name_and_still_kills():
    world = a_world()
    uid = running(world, a_pod())
    world.delete(PODS, "default", "pod", grace=0)
    assert world.list(PODS) == []
    assert [(pod["metadata"]["uid"], until) for pod, until in world.pods_to_kill()] == [(uid, START)]
    world.pod_gone(uid)
    assert world.pods_to_kill() == []


def test_a_pod_that_nothing_has_begun_goes_at_once():
    world = a_world()
    world.create(PODS, a_pod())
    world.step(START)
    world.delete(PODS, "default", "pod")
    world.step(START)
    assert (world.list(PODS), world.pods_to_start()) == ([], [])


def test_a_finished_pod_with_a_foreign_finalizer_does_not_disturb():
    world = a_world()
    pod = a_pod()
    pod["metadata"]["finalizers"] = ["example.com/hold"]
    uid = running(world, pod)
    world.container_terminated(uid, "main", 0)
    world.delete(PODS, "default", "pod")
    assert world.step(START) is None
    world.patch_merge(PODS, "default", "pod", {"metadata": {"finalizers": None}})
    assert world.list(PODS) == []


def test_the_deadline_of_a_pod_counts_from_its_start_not_from_its_creation():
    world = a_world()
    uid = world.create(PODS, a_pod(activeDeadlineSeconds=10, terminationGracePeriodSeconds=3))["metadata"]["uid"]
    world.step(START + 100)
    world.claim(uid)
    world.pod_started(uid)
    assert world.step(START + 109.9) == START + 110
    assert world.pods_to_kill() == []
    world.step(START + 110)
    assert [until for _, until in world.pods_to_kill()] == [START + 113]
    assert phase(world) == "Running"
    world.container_terminated(uid, "main", 0)
    world.pod_gone(uid)
    status = the_pod(world)["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert world.pods_to_kill() == []


def test_a_later_write_does_not_prolong_the_end_of_a_deleted_pod():
    world = a_world()
    running(world, a_pod())
    world.delete(PODS, "default", "pod", grace=10)
    world.step(START + 5)
    world.patch_merge(PODS, "default", "pod", {"metadata": {"labels": {"a": "b"}}})
    assert [until for _, until in world.pods_to_kill()] == [START + 10]


def test_a_deadline_does_not_prolong_the_end_of_a_deleted_pod():
    world = a_world()
    running(world, a_pod(activeDeadlineSeconds=5))
    world.step(START)
    world.delete(PODS, "default", "pod", grace=10)
    world.step(START + 5)
    assert [until for _, until in world.pods_to_kill()] == [START + 10]


def test_an_evicted_pod_bears_the_cause_before_it_is_marked():
    world = a_world()
    uid = begin(world, a_job())
    since = world.resource_version
    world.evict(uid)
    first, second = [pod for _, pod, _ in world.events_since(PODS, since)]
    assert ("DisruptionTarget", "True", "EvictionByEvictionAPI") in conditions(first)
    assert "deletionTimestamp" not in first["metadata"]
    assert "deletionTimestamp" in second["metadata"]
    world.pod_gone(uid)
    assert ("DisruptionTarget", "True", "EvictionByEvictionAPI") in conditions(the_pod(world))


def test_a_finished_pod_is_evicted_without_a_cause():
    world = a_world()
    uid = running(world, a_pod())
    world.container_terminated(uid, "main", 0)
    world.evict(uid)
    assert world.list(PODS) == []


@pytest.mark.parametrize(("reason", "disrupted"), [("Evicted", True), ("UnexpectedAdmissionError", False)])
def test_a_node_may_give_up_a_pod(reason, disrupted):
    world = a_world()
    uid = running(world, a_pod())
    world.pod_failed(uid, reason, "no more room")
    status = the_pod(world)["status"]
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", reason, "no more room")
    assert any(each["type"] == "DisruptionTarget" for each in status["conditions"]) is disrupted
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    assert [pod["metadata"]["uid"] for pod, _ in world.pods_to_kill()] == [uid]
    world.pod_gone(uid)
    assert (phase(world), world.pods_to_kill()) == ("Failed", [])


def test_a_pod_may_be_given_up_before_it_is_claimed():
    world = a_world()
    world.create(JOBS, a_job())
    world.step(START)
    world.pod_failed(the_pod(world)["metadata"]["uid"], "UnexpectedAdmissionError", "no")
    world.step(START)
    assert (the_pod(world)["status"]["phase"], world.pods_to_start()) == ("Failed", [])


def test_late_reports_are_ignored():
    world = a_world()
    uid = running(world, a_pod())
    world.container_terminated(uid, "main", 0)
    before = world.snapshot()
    for report in (
        lambda: world.pod_started(uid),
        lambda: world.container_terminated(uid, "main", 1),
        lambda: world.pod_waiting(uid, "main", "x", ""),
        lambda: world.pod_failed(uid, "Evicted", ""),
        lambda: world.pod_gone(uid),
        lambda: world.pod_settled(uid),
        lambda: world.evict("unknown"),
        lambda: world.pod_gone("unknown"),
    ):
        report()
    assert world.snapshot() == before


def test_a_report_about_an_unknown_container_says_which_there_are():
    world = a_world()
    uid = claimed(world, a_pod())
    with pytest.raises(ValueError, match=r"container 'other'.*expected one of.*'main'"):
        world.pod_started(uid, "other")


def test_after_a_restart_what_ran_has_failed_and_what_waited_starts():
    old = a_world()
    begin(old, a_job("ran"))
    end(old, begin(old, a_job("done")))
    old.create(JOBS, a_job("waited"))
    old.step(START)
    world = a_world(START + 60)
    world.restore(old.snapshot())
    world.step(START + 60)
    outcome = {job["metadata"]["name"]: conditions(job)[-1:] for job in world.list(JOBS)}
    assert outcome == {
        "done": [("Complete", "True", "CompletionsReached")],
        "ran": [("Failed", "True", "BackoffLimitExceeded")],
        "waited": [],
    }
    assert [pod["metadata"]["labels"]["job-name"] for pod in world.pods_to_start()] == ["waited"]
