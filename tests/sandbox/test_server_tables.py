"""What `kubectl get` shows."""

import pytest

from sandbox.servers import CORE, FLOWRUNS, NOW, TABLE, a_pod, a_run, a_server
from tidegate.sandbox.durations import age, duration
from tidegate.sandbox.jsonpaths import reader
from tidegate.sandbox.podcolumns import pod_ready, pod_restarts, pod_status
from tidegate.sandbox.tables import shape_of


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (12_000, "3h20m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (180_000, "2d2h"),
        (691_200, "8d"),
        (63_072_000, "2y"),
        (64_000_000, "2y10d"),
        (400_000_000, "12y"),
    ],
)
def test_a_duration_is_written_as_kubectl_writes_it(seconds, text):
    assert duration(seconds) == text


def test_an_age_without_a_beginning_is_unknown():
    assert age(None, NOW) == "<unknown>"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".spec.flowRef.name", "hello"),
        (".status.conditions[?(@.type=='Ready')].status", "True"),
        ('.status.conditions[?(@.type=="Ready")].status', "True"),
        (".status.conditions[?(@.type=='Other')].status", None),
        (".status.conditions[0].type", "Ready"),
        (".status.conditions[7].type", None),
        (".metadata['dotted.name/x']", 1),
        (r".metadata.dotted\.name/x", 1),
        (".nothing.at.all", None),
    ],
)
def test_a_column_reads_the_value_at_its_path(path, value):
    obj = {
        "spec": {"flowRef": {"name": "hello"}},
        "metadata": {"dotted.name/x": 1},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    assert reader(path)(obj) == value


def test_a_path_beyond_what_columns_need_is_refused_at_once():
    with pytest.raises(ValueError, match="not understood"):
        reader(".spec..name")


@pytest.mark.parametrize(
    ("accept", "shape"),
    [
        (TABLE, "Table"),
        ("application/json", ""),
        ("*/*", ""),
        ("", ""),
        ("application/json;as=Table;v=v1;g=meta.k8s.io", "Table"),
        ("application/vnd.kubernetes.protobuf,application/json;as=Table;g=meta.k8s.io;v=v1", "Table"),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json", "PartialObjectMetadata"),
        ("application/json,application/json;as=Table;g=meta.k8s.io;v=v1", ""),
    ],
)
def test_the_first_shape_that_the_client_accepts_is_taken(accept, shape):
    assert shape_of(accept) == shape


async def test_our_kinds_have_the_columns_of_their_crds():
    async with a_server() as server:
        run = (await server.post(FLOWRUNS, a_run())).body
        conditions = [
            {
                "type": "Succeeded",
                "status": "Unknown",
                "reason": "Running",
                "message": "",
                "lastTransitionTime": "2023-11-14T22:13:20Z",
            }
        ]
        status = {"progress": "1/2", "conditions": conditions, "why": "waits"}
        await server.send("PUT", f"{FLOWRUNS}/r/status", {**run, "status": status})
        server.clock[0] += 200
        table = (await server.get(FLOWRUNS, Accept=TABLE)).body
    names = [column["name"] for column in table["columnDefinitions"]]
    row = dict(zip(names, table["rows"][0]["cells"], strict=True))
    assert row == {
        "Name": "r",
        "Flow": "hello",
        "Progress": "1/2",
        "Succeeded": "Unknown",
        "Reason": "Running",
        "Why": "waits",
        "Completed": None,
        "Age": "3m20s",
    }
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


async def test_a_row_carries_as_much_of_its_object_as_was_asked_for():
    async with a_server() as server:
        await server.post(f"{CORE}/pods", a_pod("p"))
        whole = (await server.get(f"{CORE}/pods?includeObject=Object", Accept=TABLE)).body
        none = (await server.get(f"{CORE}/pods?includeObject=None", Accept=TABLE)).body
    assert whole["rows"][0]["object"]["spec"]["containers"]
    assert "object" not in none["rows"][0]


def a_pod_with(phase, *states, inits=(), **metadata):
    names = [f"c{index}" for index in range(len(states))]
    return {
        "metadata": metadata,
        "spec": {
            "containers": [{"name": name} for name in names],
            "initContainers": [{"name": f"i{index}"} for index in range(len(inits))],
        },
        "status": {
            "phase": phase,
            "containerStatuses": [
                {"name": name, "state": state, "ready": "running" in state, "restartCount": 1}
                for name, state in zip(names, states, strict=True)
            ],
            "initContainerStatuses": [{"name": f"i{index}", "state": state} for index, state in enumerate(inits)],
        },
    }


DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}
RUNNING = {"running": {}}


@pytest.mark.parametrize(
    ("pod", "word"),
    [
        (a_pod_with("Running", RUNNING), "Running"),
        (a_pod_with("Running", RUNNING, deletionTimestamp="x"), "Terminating"),
        (a_pod_with("Succeeded", DONE), "Completed"),
        (a_pod_with("Failed", {"terminated": {"exitCode": 3, "reason": "Error"}}), "Error"),
        (a_pod_with("Failed", {"terminated": {"exitCode": 3}}), "ExitCode:3"),
        (a_pod_with("Failed", {"terminated": {"exitCode": 137, "signal": 9}}), "Signal:9"),
        (a_pod_with("Pending", {"waiting": {"reason": "ErrImagePull"}}), "ErrImagePull"),
        (a_pod_with("Pending", {"waiting": {"reason": "PodInitializing"}}, inits=[DONE, RUNNING]), "Init:1/2"),
        (a_pod_with("Pending", inits=[{"terminated": {"exitCode": 1, "reason": "Error"}}]), "Init:Error"),
        ({"metadata": {}, "spec": {}, "status": {"phase": "Failed", "reason": "Evicted"}}, "Evicted"),
        ({"metadata": {}, "spec": {}, "status": {"phase": "Pending"}}, "Pending"),
    ],
)
def test_one_word_tells_where_a_pod_stands(pod, word):
    assert pod_status(pod, NOW) == word


def test_ready_containers_and_restarts_are_counted():
    pod = a_pod_with("Running", RUNNING, DONE)
    assert (pod_ready(pod, NOW), pod_restarts(pod, NOW)) == ("1/2", "2")
