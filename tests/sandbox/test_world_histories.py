"""Whatever happens, in any order: what must hold in every history of the model."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.worlds import START, a_job, a_world
from tidegate.api.keys import ANNOTATION_INDEX
from tidegate.errors import ApiError
from tidegate.sandbox.kinds import JOBS, KINDS, PODS

NAMES = ("a", "b", "indexed")
RUN = "tidegate.dev/run-uid"
ENDINGS = [["SuccessCriteriaMet"], ["SuccessCriteriaMet", "Complete"], ["FailureTarget"], ["FailureTarget", "Failed"]]


def create(world, name, number):
    spec = {"backoffLimit": number % 3, "activeDeadlineSeconds": 40, "suspend": number == 4}
    if name == "indexed":
        spec |= {"completionMode": "Indexed", "completions": 2 + number, "parallelism": 2 + number % 2}
        spec |= {
            "backoffLimitPerIndex": number % 2,
            "maxFailedIndexes": 1,
            "backoffLimit": 9,
            "activeDeadlineSeconds": 90,
        }
    world.create(JOBS, a_job(name, labels={RUN: str(number)}, **spec))


def with_pods(report):
    """Report about the pods of a Job, of an Indexed one about every second."""

    def act(world, name, number):
        for pod in world.list(PODS, labels=f"job-name={name}"):
            if "startTime" in pod["status"] and index_of(pod) % 2 in (0, number % 2):
                report(world, pod["metadata"], number)

    return act


def index_of(pod):
    return int(pod["metadata"]["annotations"].get(ANNOTATION_INDEX, 0))


def numbers(text):
    """Read `0-3,5`."""
    spans = [[int(each) for each in part.split("-")] for part in text.split(",") if part]
    return [number for span in spans for number in range(span[0], span[-1] + 1)]


ACTIONS = {
    "create": create,
    "delete": lambda w, name, n: w.delete(
        JOBS, "default", name, propagation=("Background", "Foreground", "Orphan")[n % 3]
    ),
    "suspend": lambda w, name, n: w.patch_merge(JOBS, "default", name, {"spec": {"suspend": n % 2 == 0}}),
    "relabel": lambda w, name, n: w.patch_merge(JOBS, "default", name, {"metadata": {"labels": {RUN: str(n)}}}),
    "claim": lambda w, _name, _n: [w.claim(pod["metadata"]["uid"]) for pod in w.pods_to_start()],
    "start": with_pods(lambda w, pod, _n: w.pod_started(pod["uid"])),
    "end": with_pods(lambda w, pod, n: w.container_terminated(pod["uid"], "main", max(0, n - 2), settle=n != 3)),
    "give up": with_pods(lambda w, pod, n: w.pod_failed(pod["uid"], ("Evicted", "NodeLost")[n % 2], "")),
    "evict": with_pods(lambda w, pod, _n: w.evict(pod["uid"])),
    "kill": lambda w, _name, _n: [w.pod_gone(pod["metadata"]["uid"]) for pod, _ in w.pods_to_kill()],
    "delete pod": with_pods(lambda w, pod, n: w.delete(PODS, "default", pod["name"], grace=(None, 0, 5)[n % 3])),
    "step": lambda w, _name, n: w.step(w.now + n),
    "wait": lambda w, _name, n: w.step(w.now + 10 * n),
}
HISTORIES = st.lists(
    st.tuples(st.sampled_from(sorted(ACTIONS)), st.sampled_from(NAMES), st.integers(0, 4)), max_size=40
)


def play(world, history):
    for action, name, number in history:
        try:
            ACTIONS[action](world, name, number)
        except ApiError:
            continue  # the API server refused: there is no such Job, or it exists already
        yield


@given(HISTORIES)
@settings(max_examples=60)
def test_watching_gives_what_listing_gives(history):
    world = a_world()
    for _ in play(world, history):
        pass
    for kind in KINDS:
        seen = {}
        for change, obj, _ in world.events_since(kind, 0):
            place = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
            seen.pop(place, None) if change == "DELETED" else seen.update({place: obj})
        assert [seen[place] for place in sorted(seen)] == world.list(kind)


@given(HISTORIES)
@settings(max_examples=60)
def test_the_index_of_runs_finds_what_a_scan_finds(history):
    world = a_world()
    for _ in play(world, history):
        pass
    for kind in (JOBS, PODS):
        for value in "01234":
            scan = [obj for obj in world.list(kind) if obj["metadata"].get("labels", {}).get(RUN) == value]
            assert world.list(kind, labels=f"{RUN}={value}") == scan


@given(HISTORIES)
@settings(max_examples=60)
def test_a_job_never_has_two_pods_alive_for_one_piece_of_work_and_ends_only_once(history):
    world = a_world()
    for _ in play(world, history):
        pods = [pod for pod in world.list(PODS) if pod["status"]["phase"] in ("Pending", "Running")]
        work = [(owner["uid"], index_of(pod)) for pod in pods for owner in pod["metadata"]["ownerReferences"]]
        assert len(work) == len(set(work))
    final = {}
    for change, job, _ in world.events_since(JOBS, 0):
        types = [each["type"] for each in job["status"].get("conditions", ()) if each["type"] != "Suspended"]
        assert types == [] or types in ENDINGS
        uid = job["metadata"]["uid"]
        before = final.setdefault(uid, types)
        assert types[: len(before)] == before, change
        final[uid] = types


@given(HISTORIES)
@settings(max_examples=60)
def test_the_indexes_of_a_job_agree_with_its_numbers_and_are_never_taken_back(history):
    world = a_world()
    for _ in play(world, history):
        world.step(world.now)
    before = {}
    for _, job, _ in world.events_since(JOBS, 0):
        status, uid = job["status"], job["metadata"]["uid"]
        if job["spec"]["completionMode"] == "NonIndexed" or not status:
            continue
        done, failed = (numbers(status.get(field, "")) for field in ("completedIndexes", "failedIndexes"))
        assert (len(done), sorted({*done, *failed})) == (status.get("succeeded", 0), sorted([*done, *failed]))
        assert status.get("failed", 0) >= len(failed)
        assert status.get("active", 0) <= job["spec"]["parallelism"]
        assert status["ready"] <= status.get("active", 0)
        assert before.get(uid, set()) <= {*done, *failed} <= set(range(job["spec"]["completions"]))
        before[uid] = {*done, *failed}


@given(HISTORIES, st.integers(0, 40))
@settings(max_examples=60)
def test_what_is_remembered_of_a_job_can_be_made_anew_at_any_time(history, when):
    worlds = a_world(), a_world()
    for moment, (action, _, number) in enumerate(history):
        for world in worlds:
            for _ in play(world, [(action, "indexed", number)]):
                world.step(world.now)
        if moment == when:
            worlds[1]._jobs.recover()
    one, other = ([job["status"] for job in world.list(JOBS)] for world in worlds)
    assert one == other


@given(HISTORIES)
@settings(max_examples=60)
def test_when_faults_stop_every_job_ends_and_silence_follows(history):
    world = a_world()
    for _ in play(world, history):
        pass
    for job in world.list(JOBS):
        world.patch_merge(JOBS, "default", job["metadata"]["name"], {"spec": {"suspend": False}})
    for _ in range(30):
        for action in ("step", "kill", "claim", "start", "end", "wait"):
            for name in NAMES:
                ACTIONS[action](world, name, 2)
    assert all(job["status"]["conditions"][-1]["type"] in ("Complete", "Failed") for job in world.list(JOBS))
    assert (world.pods_to_start(), world.pods_to_kill()) == ([], [])
    before = world.resource_version
    world.step(START + 1_000_000)
    assert world.resource_version == before


@given(HISTORIES)
@settings(max_examples=30)
def test_a_look_without_news_writes_nothing(history):
    world = a_world()
    for _ in play(world, history):
        world.step(world.now)
        before = world.resource_version
        world.step(world.now)
        assert world.resource_version == before
