"""The API of the sandbox: who may speak, what is served, and what becomes of objects."""

import base64

import aiohttp
import pytest

from sandbox.servers import CORE, FLOWRUNS, FLOWS, NOW, TOKEN, a_config_map, a_flow, a_pod, a_run, a_server
from tidegate.api.crd import crds
from tidegate.sandbox.founding import found
from tidegate.sandbox.kinds import CONFIGMAPS, CRDS, NODES, PODS

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
JSON_PATCH = "application/json-patch+json"
KINDS = ["backfills", "cacheentries", "flowapprovals", "flowruns", "flows"]
"""Of Tidegate."""
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture
async def server():
    async with a_server() as client:
        yield client


async def test_nobody_is_let_in_without_the_token(server):
    async with aiohttp.ClientSession() as stranger:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            async with stranger.get(f"{server.url}/version", headers=headers) as response:
                assert response.status == 401
                assert (await response.json())["reason"] == "Unauthorized"


async def test_the_token_at_the_head_of_the_path_is_as_good_as_the_header(server):
    async with (
        aiohttp.ClientSession() as stranger,
        stranger.get(f"{server.url}/{TOKEN}/api/v1/namespaces/default") as response,
    ):
        assert (await response.json())["metadata"]["name"] == "default"


async def test_a_request_for_another_host_is_refused_even_with_the_token(server):
    assert (await server.get("/version", Host="evil.example:80")).status == 403
    assert (await server.get("/version", Host="localhost:1")).status == 200
    assert (await server.get("/version", Host="[::1]:1")).status == 200


async def test_the_server_listens_on_loopback(server):
    assert server.url.startswith("http://127.0.0.1:")


async def test_aggregated_and_plain_discovery_tell_the_same_resources(server):
    aggregated = {}
    for root in ("/api", "/apis"):
        answer = await server.get(root, Accept=DISCOVERY)
        assert answer.headers["Content-Type"] == DISCOVERY
        for group in answer.body["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                key = f"{name}/{version['version']}" if name else version["version"]
                aggregated[key] = sorted(resource["resource"] for resource in version["resources"])
    plain = {"v1": "/api/v1"}
    for group in (await server.get("/apis")).body["groups"]:
        plain[group["preferredVersion"]["groupVersion"]] = f"/apis/{group['preferredVersion']['groupVersion']}"
    listed = {}
    for version, path in plain.items():
        resources = (await server.get(path)).body["resources"]
        listed[version] = sorted(resource["name"] for resource in resources if "/" not in resource["name"])
    assert listed == aggregated
    assert listed["tidegate.dev/v1alpha1"] == KINDS


async def test_openapi_tells_kubectl_that_writes_are_validated_by_the_server(server):
    index = (await server.get("/openapi/v3")).body["paths"]
    document = (await server.get(index["apis/tidegate.dev/v1alpha1"]["serverRelativeURL"])).body
    patch = document["paths"]["/apis/tidegate.dev/v1alpha1/namespaces/{namespace}/flows/{name}"]["patch"]
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}
    flow = document["components"]["schemas"]["dev.tidegate.v1alpha1.Flow"]
    assert "tasks" in flow["properties"]["spec"]["properties"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/apis/nobody.example/v1",
        "/api/v1/gadgets",
        "/api/v1/configmaps/a",
        f"{CORE}/configmaps/a/scale",
        "/apis/batch/v2",
    ],
)
async def test_what_is_not_served_is_not_found(server, path):
    answer = await server.get(path)
    assert (answer.status, answer.body["reason"]) == (404, "NotFound")


async def test_an_object_lives_from_post_to_delete(server):
    created = await server.post(f"{CORE}/configmaps", a_config_map("a", x="1"))
    assert created.status == 201
    again = await server.post(f"{CORE}/configmaps", a_config_map("a"))
    assert (again.status, again.body["reason"]) == (409, "AlreadyExists")
    changed = await server.send("PUT", f"{CORE}/configmaps/a", {**created.body, "data": {"x": "2"}})
    assert changed.body["data"] == {"x": "2"}
    stale = await server.send("PUT", f"{CORE}/configmaps/a", {**created.body, "data": {"x": "3"}})
    assert (stale.status, stale.body["reason"]) == (409, "Conflict")
    other = {"preconditions": {"uid": "another"}}
    assert (await server.send("DELETE", f"{CORE}/configmaps/a", other)).status == 409
    deleted = await server.send("DELETE", f"{CORE}/configmaps/a")
    assert deleted.body["status"] == "Success"
    assert deleted.body["details"]["uid"] == created.body["metadata"]["uid"]
    gone = await server.get(f"{CORE}/configmaps/a")
    assert gone.body["message"] == 'configmaps "a" not found'


async def test_a_status_is_written_apart_from_the_spec(server):
    await server.post(FLOWS, a_flow())
    run = (await server.post(FLOWRUNS, a_run())).body
    assert run["status"] == {"observedGeneration": -1}
    written = await server.send("PUT", f"{FLOWRUNS}/r/status", {**run, "spec": {}, "status": {"why": "waits"}})
    assert (written.body["status"], written.body["spec"]) == ({"why": "waits"}, run["spec"])
    plain = await server.send("PUT", f"{FLOWRUNS}/r", {**written.body, "status": {"why": "other"}})
    assert plain.body["status"] == {"why": "waits"}


async def test_a_delete_of_a_collection_keeps_what_the_selector_does_not_choose(server):
    for name, team in (("a", "x"), ("b", "x"), ("c", "y")):
        await server.post(f"{CORE}/configmaps", a_config_map(name, {"team": team}))
    assert (await server.send("DELETE", f"{CORE}/configmaps?labelSelector=team%3Dx")).status == 200
    assert [obj["metadata"]["name"] for obj in server.world.list(CONFIGMAPS, "default")] == ["c"]


async def test_a_pod_is_evicted(server):
    await server.post(f"{CORE}/pods", a_pod("p"))
    server.world.step(server.clock[0])
    uid = server.world.get(PODS, "default", "p")["metadata"]["uid"]
    server.world.claim(uid)
    server.world.pod_started(uid)
    assert (await server.post(f"{CORE}/pods/p/eviction", {})).status == 201
    pod = server.world.get(PODS, "default", "p")
    assert "deletionTimestamp" in pod["metadata"]
    assert "DisruptionTarget" in {condition["type"] for condition in pod["status"]["conditions"]}


async def test_a_new_namespace_has_its_service_account(server):
    await server.post("/api/v1/namespaces", {"metadata": {"name": "data"}})
    for namespace in ("default", "data"):
        answer = await server.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
        assert answer.status == 200


async def test_plain_text_of_a_secret_is_stored_as_base64(server):
    secret = {"metadata": {"name": "s"}, "data": {"a": "eA=="}, "stringData": {"b": "hello"}}
    stored = (await server.post(f"{CORE}/secrets", secret)).body
    assert stored["data"] == {"a": "eA==", "b": base64.b64encode(b"hello").decode()}
    assert stored["type"] == "Opaque"
    assert "stringData" not in stored
    wrong = await server.post(f"{CORE}/secrets", {"metadata": {"name": "t"}, "data": {"a": "not base64!"}})
    assert wrong.status == 422
    assert wrong.body["details"]["causes"][0]["field"] == "data[a]"


async def test_an_event_shows_both_faces(server):
    event = {
        "metadata": {"name": "e", "namespace": "default"},
        "regarding": {"kind": "Flow", "name": "hello"},
        "note": "it went well",
        "reportingController": "tidegate.dev/operator",
        "type": "Normal",
    }
    await server.post("/apis/events.k8s.io/v1/namespaces/default/events", event)
    core = (await server.get(f"{CORE}/events?fieldSelector=involvedObject.name%3Dhello")).body
    assert (core["kind"], core["apiVersion"]) == ("EventList", "v1")
    assert core["items"][0]["message"] == "it went well"
    assert core["items"][0]["involvedObject"] == {"kind": "Flow", "name": "hello"}
    assert (await server.get(f"{CORE}/events?fieldSelector=involvedObject.name%3Dother")).body["items"] == []
    written = {"metadata": {"name": "f"}, "involvedObject": {"kind": "Pod", "name": "p"}, "message": "hm", "count": 2}
    await server.post(f"{CORE}/events", written)
    new = (await server.get("/apis/events.k8s.io/v1/namespaces/default/events/f")).body
    assert (new["note"], new["regarding"]["name"], new["deprecatedCount"]) == ("hm", "p", 2)


async def test_whoever_has_the_token_may_do_everything(server):
    review = await server.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {}})
    assert (review.status, review.body["status"]["allowed"]) == (201, True)


async def test_a_dry_run_answers_as_if_and_changes_nothing(server):
    before = server.world.resource_version
    created = await server.post(f"{CORE}/configmaps?dryRun=All", a_config_map("a"))
    assert created.status == 201
    assert created.body["metadata"]["uid"]
    assert (await server.post(f"{CORE}/configmaps?dryRun=All", {"metadata": {"name": "NO"}})).status == 422
    assert server.world.resource_version == before


async def test_pages_show_the_moment_of_the_first(server):
    for name in "abcde":
        await server.post(f"{CORE}/configmaps", a_config_map(name))
    first = (await server.get(f"{CORE}/configmaps?limit=2")).body
    assert first["metadata"]["remainingItemCount"] == 3
    await server.send("DELETE", f"{CORE}/configmaps/d")
    names, page = [item["metadata"]["name"] for item in first["items"]], first
    while token := page["metadata"].get("continue"):
        page = (await server.get(f"{CORE}/configmaps?limit=2&continue={token}")).body
        names += [item["metadata"]["name"] for item in page["items"]]
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert names == list("abcde")
    forgotten = await server.get(f"{CORE}/configmaps?limit=2&continue=77-2")
    assert (forgotten.status, forgotten.body["reason"]) == (410, "Expired")


async def test_only_metadata_is_sent_when_only_that_is_wanted(server):
    await server.post(f"{CORE}/configmaps", a_config_map("a", x="1"))
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
    listed = (await server.get(f"{CORE}/configmaps", Accept=accept)).body
    assert listed["kind"] == "PartialObjectMetadataList"
    assert [set(item) for item in listed["items"]] == [{"kind", "apiVersion", "metadata"}]


async def test_a_log_request_says_which_part_is_wanted(server):
    path = f"{CORE}/pods/p/log?container=main&tailLines=3&follow=true&timestamps=true&sinceSeconds=60"
    first, second = (await server.get(path)).raw.split(b"\n")
    assert first == b"default/p/main"
    assert second == b'{"follow": true, "since_seconds": 60, "tail_lines": 3, "timestamps": true}'
    assert (await server.get(f"{CORE}/pods/p/log?tailLines=x")).status == 400
    assert (await server.get(f"{CORE}/pods/p/log?previous=true")).status == 400


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "expected an object"),
        ({"kind": "Secret", "metadata": {"name": "a"}}, "cannot be handled as a ConfigMap"),
        ({"apiVersion": "v2", "metadata": {"name": "a"}}, "does not match the expected API version"),
        ({"metadata": {"name": "a", "namespace": "other"}}, "does not match the namespace"),
    ],
)
async def test_a_body_that_is_not_the_object_of_the_path_is_refused(server, body, said):
    answer = await server.post(f"{CORE}/configmaps", body)
    assert answer.status == 400
    assert said in answer.body["message"]


async def test_a_body_that_is_too_large_is_refused(server):
    answer = await server.post(f"{CORE}/configmaps", a_config_map("a", x="y" * 3_200_000))
    assert answer.status == 413


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", f"{CORE}/configmaps/a"), ("PUT", f"{CORE}/configmaps"), ("DELETE", "/api/v1/configmaps")],
)
async def test_a_verb_that_a_path_does_not_have_is_refused(server, method, path):
    assert (await server.send(method, path, {})).status == 405


async def test_no_kind_can_be_added_to_the_sandbox(server):
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    names = {item["metadata"]["name"] for item in (await server.get(path)).body["items"]}
    assert names == {f"{kind}.tidegate.dev" for kind in KINDS}
    assert (await server.post(path, {"metadata": {"name": "gadgets.example.com"}})).status == 405


async def test_a_restored_world_gets_the_crds_of_this_version():
    async with a_server() as server:
        world = server.world
        before = world.resource_version
        old = world.list(CRDS)[0]
        found(world, crds(), NOW)
        assert world.resource_version == before
        world.replace(CRDS, {**old, "spec": {**old["spec"], "scope": "Cluster"}})
        found(world, crds(), NOW)
        assert [crd["spec"] for crd in world.list(CRDS)] == [crd["spec"] for crd in sorted(crds(), key=name_of)]


def name_of(obj):
    return obj["metadata"]["name"]


async def test_the_crds_are_established_and_the_node_is_ready():
    async with a_server() as server:
        for kind, condition in ((CRDS, "Established"), (NODES, "Ready")):
            for obj in server.world.list(kind):
                assert condition in {entry["type"] for entry in obj["status"]["conditions"]}


class TestPatches:
    async def test_a_merge_patch_changes_what_it_names_and_removes_nulls(self, server):
        await server.post(f"{CORE}/configmaps", a_config_map("a", x="1", y="2"))
        answer = await server.patch(f"{CORE}/configmaps/a", {"data": {"x": None, "z": "3"}})
        assert answer.body["data"] == {"y": "2", "z": "3"}

    async def test_a_patch_that_carries_an_old_version_is_a_conflict(self, server):
        await server.post(f"{CORE}/configmaps", a_config_map("a"))
        answer = await server.patch(f"{CORE}/configmaps/a", {"metadata": {"resourceVersion": "1"}, "data": {"x": "1"}})
        assert answer.status == 409

    async def test_a_json_patch_runs_its_operations(self, server):
        await server.post(f"{CORE}/configmaps", a_config_map("a", x="1"))
        patch = [{"op": "test", "path": "/data/x", "value": "1"}, {"op": "move", "from": "/data/x", "path": "/data/y"}]
        assert (await server.patch(f"{CORE}/configmaps/a", patch, JSON_PATCH)).body["data"] == {"y": "1"}
        failed = await server.patch(f"{CORE}/configmaps/a", patch, JSON_PATCH)
        assert failed.status == 422

    async def test_a_strategic_patch_without_lists_is_a_merge_patch(self, server):
        await server.post(f"{CORE}/pods", a_pod("p"))
        answer = await server.patch(f"{CORE}/pods/p", {"metadata": {"labels": {"a": "b"}}}, STRATEGIC)
        assert answer.body["metadata"]["labels"] == {"a": "b"}

    @pytest.mark.parametrize(
        ("patch", "place"),
        [
            ({"spec": {"containers": [{"name": "main", "image": "x"}]}}, "spec.containers"),
            ({"metadata": {"$patch": "replace"}}, "metadata.$patch"),
        ],
    )
    async def test_a_strategic_patch_that_means_more_is_refused(self, server, patch, place):
        await server.post(f"{CORE}/pods", a_pod("p"))
        answer = await server.patch(f"{CORE}/pods/p", patch, STRATEGIC)
        assert answer.status == 415
        assert place in answer.body["message"]

    async def test_custom_kinds_take_no_strategic_patch_as_on_a_real_server(self, server):
        await server.post(FLOWS, a_flow())
        assert (await server.patch(f"{FLOWS}/hello", {}, STRATEGIC)).status == 415

    async def test_server_side_apply_is_refused_with_what_to_do(self, server):
        answer = await server.patch(f"{FLOWS}/hello", a_flow(), "application/apply-patch+yaml")
        assert answer.status == 415
        assert "without --server-side" in answer.body["message"]
