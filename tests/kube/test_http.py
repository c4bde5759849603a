"""The HTTP client against a small API server on loopback."""

import asyncio
import json
import random
import socket

import pytest
from aiohttp import web

from kube.api_server import ApiServer, status
from tidegate.errors import AlreadyExists, ApiError, Conflict, Forbidden, Gone, NotFound, Rejected, Unavailable
from tidegate.kube.authorization import Fixed
from tidegate.kube.credentials import Credentials
from tidegate.kube.http import HttpClient
from tidegate.kube.resources import FLOWRUNS, JOBS, LEASES, NAMESPACES, PODS

NAMESPACE = "team-a"


def a_client(server, **options):
    credentials = Credentials(server.url, "default", None, Fixed("Bearer secret"))
    return HttpClient(credentials, rng=random.Random(1), **options)


@pytest.fixture
async def server():
    async with ApiServer().serving() as serving:
        yield serving


@pytest.fixture
async def client(server):
    client = a_client(server)
    yield client
    await client.close()


def a_job(name, **labels):
    return {"metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}, "spec": {}}


async def test_create_get_replace_delete(client, server):
    created = await client.create(JOBS, NAMESPACE, a_job("a"))
    assert created["metadata"]["uid"]
    assert await client.get(JOBS, NAMESPACE, "a") == created
    replaced = await client.replace(JOBS, {**created, "status": {"active": 1}}, subresource="status")
    assert replaced["status"] == {"active": 1}
    await client.delete(JOBS, NAMESPACE, "a", uid=created["metadata"]["uid"])
    with pytest.raises(NotFound):
        await client.get(JOBS, NAMESPACE, "a")
    assert [(seen.method, seen.path) for seen in server.seen[:4]] == [
        ("POST", "/apis/batch/v1/namespaces/team-a/jobs"),
        ("GET", "/apis/batch/v1/namespaces/team-a/jobs/a"),
        ("PUT", "/apis/batch/v1/namespaces/team-a/jobs/a/status"),
        ("DELETE", "/apis/batch/v1/namespaces/team-a/jobs/a"),
    ]
    assert {seen.headers["Authorization"] for seen in server.seen} == {"Bearer secret"}


async def test_a_delete_takes_the_children_along_and_only_the_object_that_was_meant(client, server):
    server.api.put(JOBS, NAMESPACE, "a")
    with pytest.raises(Conflict):
        await client.delete(JOBS, NAMESPACE, "a", uid="another")
    await client.delete(JOBS, NAMESPACE, "a")
    assert [seen.body["propagationPolicy"] for seen in server.seen] == ["Background", "Background"]


async def test_a_stale_write_is_a_conflict_and_a_taken_name_is_told_apart(client, server):
    old = await client.create(JOBS, NAMESPACE, a_job("a"))
    server.api.put(JOBS, NAMESPACE, "a")
    with pytest.raises(Conflict):
        await client.replace(JOBS, old)
    with pytest.raises(AlreadyExists):
        await client.create(JOBS, NAMESPACE, a_job("a"))


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (400, "BadRequest", Rejected),
        (401, "Unauthorized", ApiError),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "AlreadyExists", AlreadyExists),
        (409, "Conflict", Conflict),
        (410, "Expired", Gone),
        (413, "RequestEntityTooLarge", Rejected),
        (422, "Invalid", Rejected),
        (429, "TooManyRequests", Unavailable),
        (500, "InternalError", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
        (504, "Timeout", Unavailable),
    ],
)
async def test_each_refusal_has_its_error_with_the_servers_words(client, server, code, reason, error):
    server.scripted = [status(code, reason, "because"), status(code, reason, "because")]
    with pytest.raises(error) as caught:
        await client.get(JOBS, NAMESPACE, "a")
    assert (caught.value.status, caught.value.reason, caught.value.message) == (code, reason, "because")


async def test_retry_after_reaches_the_caller(client, server):
    server.scripted = [status(503, "ServiceUnavailable", "later", Retry_After="7")]
    with pytest.raises(Unavailable) as caught:
        await client.get(JOBS, NAMESPACE, "a")
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("page", ["<html>Bad gateway</html>", "", "[]", "null", '"text"'])
async def test_a_refusal_that_is_no_status_object_is_still_told(client, server, page):
    server.scripted = [web.Response(status=502, text=page)]
    with pytest.raises(Unavailable) as caught:
        await client.get(JOBS, NAMESPACE, "a")
    assert caught.value.message == page


@pytest.mark.parametrize("page", ["<html>Log in first</html>", "", "[]"])
async def test_an_answer_that_is_no_object_is_unavailable(client, server, page):
    server.scripted = [web.Response(text=page)]
    with pytest.raises(Unavailable, match="the answer is"):
        await client.get(JOBS, NAMESPACE, "a")


async def test_a_redirect_is_not_followed_with_our_token(client, server):
    server.api.put(JOBS, NAMESPACE, "elsewhere")
    location = f"{server.url}{JOBS.path(NAMESPACE, 'elsewhere')}"
    server.scripted = [web.Response(status=302, headers={"Location": location})]
    with pytest.raises(ApiError) as caught:
        await client.get(JOBS, NAMESPACE, "a")
    assert caught.value.status == 302
    assert len(server.seen) == 1


async def test_nobody_there_is_unavailable():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = ApiServer(url=f"http://127.0.0.1:{unused.getsockname()[1]}")
    client = a_client(server)
    with pytest.raises(Unavailable) as caught:
        await client.get(JOBS, NAMESPACE, "a")
    assert caught.value.status == 0
    assert "get /apis/batch/v1/namespaces/team-a/jobs/a" in caught.value.message
    await client.close()


async def test_a_connection_that_breaks_is_unavailable_and_a_post_is_sent_once(client, server):
    server.gate = asyncio.Event()
    request = asyncio.create_task(client.create(JOBS, NAMESPACE, a_job("a")))
    await server.arrivals.get()
    client._creates.abort()
    with pytest.raises(Unavailable):
        await request
    assert len(server.seen) == 1


async def test_lists_are_paged_and_complete(client, server):
    for index in range(1203):
        server.api.put(PODS, NAMESPACE, f"pod-{index}", {"metadata": {"labels": {"app": "x"}}})
    server.api.put(PODS, "team-b", "other", {"metadata": {"labels": {"app": "x"}}})
    page = await client.list(PODS, NAMESPACE, labels="app=x")
    assert len(page.items) == 1203
    assert page.resource_version == str(server.api.version)
    assert page.items[0]["kind"] == "Pod"
    assert page.items[0]["apiVersion"] == "v1"
    assert [seen.query.get("continue") for seen in server.seen] == [None, "500", "1000"]
    assert {seen.query["limit"] for seen in server.seen} == {"500"}
    assert len((await client.list(PODS, None)).items) == 1204
    assert [len(page.items) async for page in client.pages(PODS, None)] == [500, 500, 204]


async def test_a_list_whose_pages_expired_is_asked_for_as_a_whole(client, server):
    for index in range(600):
        server.api.put(PODS, NAMESPACE, f"pod-{index}")
    server.expire_pages = True
    assert len((await client.list(PODS, NAMESPACE)).items) == 600
    assert "limit" not in server.seen[-1].query
    with pytest.raises(Gone):
        [page async for page in client.pages(PODS, NAMESPACE)]


async def test_metadata_alone_can_be_asked_for(client, server):
    server.api.put(JOBS, NAMESPACE, "a", {"spec": {"parallelism": 1}})
    (item,) = (await client.list(JOBS, NAMESPACE, metadata_only=True)).items
    assert item["metadata"]["name"] == "a"
    assert "spec" not in item


async def test_cluster_scoped_kinds_have_no_namespace_in_their_path(client, server):
    await client.create(NAMESPACES, None, {"metadata": {"name": "team-a"}})
    assert server.seen[0].path == "/api/v1/namespaces"


async def test_a_watch_tells_changes_from_the_version_on(client, server):
    server.api.put(JOBS, NAMESPACE, "before")
    version = str(server.api.version)
    changes = client.watch(JOBS, NAMESPACE, resource_version=version, labels="")
    first = await anext(changes)
    assert (first.type, first.object["metadata"]["resourceVersion"]) == ("BOOKMARK", version)
    await anext(changes)  # the bookmark that this server sends itself
    server.api.put(JOBS, NAMESPACE, "a")
    server.api.remove(JOBS, NAMESPACE, "a")
    told = [await anext(changes), await anext(changes)]
    assert [(change.type, change.object["metadata"]["name"]) for change in told] == [("ADDED", "a"), ("DELETED", "a")]
    server.api.end_watches()
    with pytest.raises(StopAsyncIteration):
        await anext(changes)
    query = server.seen[0].query
    assert query["allowWatchBookmarks"] == "true"
    assert 240 <= int(query["timeoutSeconds"]) <= 480


async def test_lines_of_any_length_cut_at_any_place_are_put_together(client, server):
    large = {"type": "ADDED", "object": {"metadata": {"name": "large"}, "data": "x" * 3_000_000}}
    small = {"type": "MODIFIED", "object": {"metadata": {"name": "ünï"}}}
    stream = json.dumps(large).encode() + b"\n" + json.dumps(small, ensure_ascii=False).encode() + b"\n\n"
    server.watch_lines = [stream[:1], stream[1:2_999_999], stream[2_999_999:-5], stream[-5:]]
    changes = [change async for change in client.watch(JOBS, None, resource_version="1")][1:]
    assert [change.object["metadata"]["name"] for change in changes] == ["large", "ünï"]
    assert len(changes[0].object["data"]) == 3_000_000


async def test_a_watch_from_a_forgotten_version_is_gone(client, server):
    server.api.put(JOBS, NAMESPACE, "a")
    server.api.forget_history()
    with pytest.raises(Gone):
        [change async for change in client.watch(JOBS, NAMESPACE, resource_version="1")]
    server.scripted = [status(410, "Expired", "too old")]
    with pytest.raises(Gone):
        [change async for change in client.watch(JOBS, NAMESPACE, resource_version="1")]


@pytest.mark.parametrize(
    "line", [b"nonsense\n", b'{"type": "ADDED"}\n', b'{"type": "ERROR", "object": {"code": "x"}}\n']
)
async def test_a_watch_that_talks_nonsense_is_unavailable(client, server, line):
    server.watch_lines = [line]
    with pytest.raises(Unavailable):
        [change async for change in client.watch(JOBS, NAMESPACE, resource_version="1")]


async def test_a_half_line_at_the_end_is_not_taken_for_a_change(client, server):
    server.watch_lines = [b'{"type": "ADDED", "object": {"meta']
    assert [change.type async for change in client.watch(JOBS, None, resource_version="1")] == ["BOOKMARK"]


async def test_writes_are_not_sent_without_leadership_but_reads_and_the_lease_are(server):
    client = a_client(server, may_write=lambda: False)
    existing = server.api.put(JOBS, NAMESPACE, "a")
    for write in (
        client.create(JOBS, NAMESPACE, a_job("b")),
        client.replace(JOBS, existing),
        client.delete(JOBS, NAMESPACE, "a"),
    ):
        with pytest.raises(Unavailable, match="does not lead"):
            await write
    assert server.seen == []
    await client.get(JOBS, NAMESPACE, "a")
    lease = await client.create(LEASES, NAMESPACE, {"metadata": {"name": "l", "namespace": NAMESPACE}})
    await client.replace(LEASES, lease)
    await client.close()


async def test_leadership_is_asked_about_when_a_write_gets_its_turn_not_when_it_is_ordered(server):
    leads = True
    client = a_client(server, may_write=lambda: leads, max_creates=1)
    server.gate = asyncio.Event()
    first = asyncio.create_task(client.create(JOBS, NAMESPACE, a_job("a")))
    await server.arrivals.get()
    second = asyncio.create_task(client.create(JOBS, NAMESPACE, a_job("b")))
    await asyncio.sleep(0)
    leads = False
    server.gate.set()
    await first
    with pytest.raises(Unavailable, match="does not lead"):
        await second
    assert len(server.seen) == 1
    await client.close()


async def test_aborting_writes_fails_those_in_flight_and_spares_the_rest(server):
    client = a_client(server)
    existing = server.api.put(FLOWRUNS, NAMESPACE, "run")
    lease = server.api.put(LEASES, NAMESPACE, "l")
    server.gate = asyncio.Event()
    writes = [
        asyncio.create_task(client.create(JOBS, NAMESPACE, a_job("a"))),
        asyncio.create_task(client.replace(FLOWRUNS, existing, subresource="status")),
        asyncio.create_task(client.delete(FLOWRUNS, NAMESPACE, "run")),
    ]
    others = [
        asyncio.create_task(client.get(FLOWRUNS, NAMESPACE, "run")),
        asyncio.create_task(client.replace(LEASES, lease)),
    ]
    for _ in range(5):
        await server.arrivals.get()
    client.abort_writes()
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 3
    server.gate.set()
    await asyncio.gather(*others)
    assert len(server.seen) == 5  # not sent again behind our back
    created = await client.create(JOBS, NAMESPACE, a_job("later"))
    assert created["metadata"]["name"] == "later"
    await client.close()


async def test_an_aborted_connection_is_reset():
    lost = asyncio.get_running_loop().create_future()

    class Listener(asyncio.Protocol):
        def data_received(self, data):
            arrived.set()

        def connection_lost(self, exc):
            lost.set_result(exc)

    arrived = asyncio.Event()
    listener = await asyncio.get_running_loop().create_server(Listener, "127.0.0.1", 0)
    client = a_client(ApiServer(url=f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"))
    request = asyncio.create_task(client.create(JOBS, NAMESPACE, a_job("a")))
    await arrived.wait()
    client.abort_writes()
    with pytest.raises(Unavailable):
        await request
    assert isinstance(await lost, ConnectionResetError)
    await client.close()
    listener.close()


async def test_lanes_have_connections_of_their_own(client, server):
    run = server.api.put(FLOWRUNS, NAMESPACE, "run")
    lease = server.api.put(LEASES, NAMESPACE, "l")
    watch = client.watch(JOBS, NAMESPACE, resource_version=str(server.api.version))
    await anext(watch)
    await client.create(JOBS, NAMESPACE, a_job("a"))
    await client.replace(FLOWRUNS, run, subresource="status")
    await client.get(FLOWRUNS, NAMESPACE, "run")
    await client.replace(LEASES, lease)
    await client.create(JOBS, NAMESPACE, a_job("b"))
    peers = [seen.peer for seen in server.seen]
    assert len(set(peers)) == 5
    assert peers[5] == peers[1]
    await watch.aclose()


@pytest.mark.usefixtures("server")
async def test_sockets_notice_a_dead_peer_in_seconds(client):
    await client.create(JOBS, NAMESPACE, a_job("a"))
    (sock,) = client._creates._sockets
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000


async def test_no_more_writes_are_in_flight_than_allowed(server):
    client = a_client(server, max_creates=3)
    server.gate = asyncio.Event()
    writes = [asyncio.create_task(client.create(JOBS, NAMESPACE, a_job(f"j{index}"))) for index in range(10)]
    for _ in range(3):
        await server.arrivals.get()
    await asyncio.sleep(0)
    assert len(server.seen) == 3
    server.gate.set()
    await asyncio.gather(*writes)
    assert len(server.seen) == 10
    await client.close()


async def test_429_narrows_the_lane_and_success_widens_it_again(client, server):
    gate = client._creates.gate
    wide = gate.limit
    server.scripted = [status(429, "TooManyRequests", "slow down")]
    with pytest.raises(Unavailable):
        await client.create(JOBS, NAMESPACE, a_job("a"))
    assert gate.limit == wide // 2
    for index in range(60):
        await client.create(JOBS, NAMESPACE, a_job(f"j{index}"))
    assert gate.limit > wide


async def test_requests_are_reported_for_metrics(server):
    reported = []
    client = a_client(server, on_request=lambda *report: reported.append(report))
    run = server.api.put(FLOWRUNS, NAMESPACE, "run")
    await client.replace(FLOWRUNS, run, subresource="status")
    await client.list(JOBS, None)
    with pytest.raises(NotFound):
        await client.get(PODS, NAMESPACE, "a")
    await anext(client.watch(JOBS, None, resource_version=str(server.api.version)))
    server.gate = asyncio.Event()
    request = asyncio.create_task(client.delete(FLOWRUNS, NAMESPACE, "run"))
    for _ in range(5):
        await server.arrivals.get()
    client.abort_writes()
    with pytest.raises(Unavailable):
        await request
    assert [(verb, resource, code) for verb, resource, code, _ in reported] == [
        ("replace", "flowruns/status", 200),
        ("list", "jobs", 200),
        ("get", "pods", 404),
        ("watch", "jobs", 200),
        ("delete", "flowruns", 0),
    ]
    assert all(seconds >= 0 for *_, seconds in reported)
    await client.close()


@pytest.mark.parametrize(("ours", "skew"), [(1_800_000_000.3, 0.0), (1_799_999_990.0, 10.0), (1_800_000_061.0, -60.0)])
async def test_the_servers_clock_is_compared_with_ours(server, ours, skew):
    server.date = "Fri, 15 Jan 2027 08:00:00 GMT"
    server.api.put(JOBS, NAMESPACE, "a")
    client = a_client(server, wall_clock=lambda: ours)
    assert client.clock_skew is None
    await client.get(JOBS, NAMESPACE, "a")
    assert client.clock_skew == pytest.approx(skew)
    await client.close()
