"""The pods of an Indexed Job as local processes: each finds its own index, item and host name.

`e2e/test_indexed_jobs.py` asks a real cluster for the same.
"""

import json

import pytest

from sandbox.indexed_stories import INDEX, identity
from sandbox.machine import a_machine, terminated
from sandbox.worlds import a_job
from tidegate.sandbox.keeper.probe import isolation
from tidegate.sandbox.kinds import JOBS, PODS

KINDS = ["none", *(["user"] if isolation() != "none" else []), *(["root"] if isolation() == "root" else [])]

ITEM = {
    "env": [
        {"name": "TIDEGATE_ITEM", "value": "/tidegate/item"},
        {"name": "TIDEGATE_INDEX", "value": "/tidegate/index"},
        {"name": "EARLY", "value": "$(JOB_COMPLETION_INDEX)"},
    ],
    "volumeMounts": [
        {"name": "items", "mountPath": "/tidegate/item", "subPathExpr": "$(JOB_COMPLETION_INDEX)"},
        {"name": "items", "mountPath": "/tidegate/index", "subPathExpr": "index-$(JOB_COMPLETION_INDEX)"},
    ],
}
ITEMS = {"volumes": [{"name": "items", "configMap": {"name": "items"}}]}


@pytest.fixture(params=KINDS)
async def machine(tmp_path, request):
    async with a_machine(tmp_path, isolation=request.param) as made:
        yield made


async def run(machine, command, *arguments, completions=2, **spec):
    """Run an Indexed Job to its end; gives it, and its pods by index."""
    container = {"name": "main", "image": "none", "command": ["sh", "-c", command, *arguments], **ITEM}
    limits = {"backoffLimit": 9, "backoffLimitPerIndex": 0}
    pod = {"containers": [container], **ITEMS}
    job = a_job(completionMode="Indexed", completions=completions, parallelism=completions, **limits, pod=pod, **spec)
    machine.world.create(JOBS, job, namespace="default")
    machine.step()
    pods = {identity(pod)[0]: pod["metadata"]["name"] for pod in machine.world.list(PODS)}
    ended = {index: await machine.end_of(name) for index, name in pods.items()}
    machine.step()
    return machine.world.get(JOBS, "default", "job"), ended


async def test_each_index_finds_its_own_item_and_what_it_is(machine):
    machine.config("items", {"0": "zero", "1": "one", "index-0": "500", "index-1": "501", "2": "two"})
    command = 'cat "$TIDEGATE_ITEM" "$TIDEGATE_INDEX"; echo " $HOSTNAME $JOB_COMPLETION_INDEX $0 $EARLY"'
    job, pods = await run(machine, command, "$(JOB_COMPLETION_INDEX)")
    assert job["status"]["completedIndexes"] == "0,1"
    logs = [await machine.log(pods[index]["metadata"]["name"]) for index in (0, 1)]
    assert logs == [
        "zero500 job-0 0 0 $(JOB_COMPLETION_INDEX)\n",
        "one501 job-1 1 1 $(JOB_COMPLETION_INDEX)\n",
    ]


async def test_a_program_reads_its_item_from_the_file_that_a_variable_names(machine):
    machine.config("items", {"0": json.dumps({"a": 1}), "index-0": "0"})
    program = (
        "import json, os; item = json.load(open(os.environ['TIDEGATE_ITEM']));"
        "json.dump({'twice': 2 * item['a']}, open('/dev/termination-log', 'w'))"
    )
    _, pods = await run(machine, f'python3 -c "{program}"', completions=1)
    assert terminated(pods[0])["message"] == '{"twice": 2}', await machine.log(pods[0]["metadata"]["name"])


async def test_an_index_without_a_key_finds_an_empty_directory(machine):
    machine.config("items", {"0": "zero"})
    job, pods = await run(machine, 'test -f "$TIDEGATE_ITEM" && exit; ls -A "$TIDEGATE_ITEM"; exit 3')
    assert (job["status"]["completedIndexes"], job["status"]["failedIndexes"]) == ("0", "1")
    assert terminated(pods[1])["exitCode"] == 3
    assert await machine.log(pods[1]["metadata"]["name"]) == ""


async def test_only_the_files_that_a_pod_sees_are_written(machine, tmp_path):
    machine.config("items", {str(number): "x" for number in range(100)})
    _, pods = await run(machine, "true")
    for index, pod in pods.items():
        place = machine.processes._host.place_of(pod) / "volumes" / "items"
        assert sorted(path.name for path in place.iterdir()) == [str(index), f"index-{index}"]


@pytest.mark.parametrize(
    ("mounts", "seen"),
    [
        ([{"subPath": "a"}, {}], "a b deep"),
        ([{"subPath": "./deep/"}], "deep"),
        ([{"subPath": "deep/c"}], "deep"),
        ([{"subPath": "."}], "a b deep"),
        ([{"subPathExpr": "$(NAME)"}, {"subPath": "b"}], "a b"),
    ],
)
async def test_a_volume_that_one_mount_shows_as_a_whole_is_whole(tmp_path, mounts, seen):
    async with a_machine(tmp_path) as machine:
        machine.config("files", {"a": "A", "b": "B", "c": "C"})
        items = [{"key": "a", "path": "a"}, {"key": "b", "path": "./b"}, {"key": "c", "path": "deep/c"}]
        pod = await machine.run(
            command=["true"],
            env=[{"name": "NAME", "value": "a"}],
            volumes=[{"name": "v", "configMap": {"name": "files", "items": items}}],
            volumeMounts=[{"name": "v", "mountPath": f"m{number}", **each} for number, each in enumerate(mounts)],
        )
        place = machine.processes._host.place_of(pod) / "volumes" / "v"
        assert " ".join(sorted(path.name for path in place.iterdir())) == seen


async def test_a_name_that_is_not_known_in_a_path_is_told_in_the_kubelets_words(machine):
    machine.pod(
        command=["true"],
        volumes=[{"name": "v", "emptyDir": {}}],
        volumeMounts=[{"name": "v", "mountPath": "data", "subPathExpr": "a-$(NOPE)"}],
    )
    pod = await machine.until("p", lambda pod: "missing value" in str(pod["status"]))
    waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": "missing value for NOPE"}


async def test_the_downward_api_tells_the_index(machine):
    source = {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}}
    container = {
        "name": "main",
        "image": "none",
        "command": ["sh", "-c", "echo $A"],
        "env": [{"name": "A", "valueFrom": source}],
    }
    job = a_job(completionMode="Indexed", completions=1, pod={"containers": [container]})
    machine.world.create(JOBS, job, namespace="default")
    machine.step()
    (pod,) = machine.world.list(PODS)
    await machine.end_of(pod["metadata"]["name"])
    assert await machine.log(pod["metadata"]["name"]) == "0\n"
