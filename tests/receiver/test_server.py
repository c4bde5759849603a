"""The receiver over loopback, with its own client, on the API server of the sandbox: what senders of events see."""

import asyncio
import base64
import contextlib
import json
import random
import re
import time

import aiohttp
import pytest

from receiver.test_signatures import SECRET, signed
from tidegate.kube.clocks import Clocks
from tidegate.kube.credentials import load_credentials
from tidegate.kube.http import HttpClient
from tidegate.kube.resources import FLOWRUNS, FLOWS, SECRETS
from tidegate.receiver import server
from tidegate.receiver.reading import MOST_BYTES
from tidegate.receiver.service import Receiver
from tidegate.sandbox.sandbox import Sandbox
from tidegate.settings import Settings

WEBHOOK = {"secretRef": {"name": "hook", "key": "key"}}
FLOW = {
    "apiVersion": "tidegate.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "etl", "namespace": "default"},
    "spec": {
        "tasks": [{"name": "a", "set": {"x": 1}}],
        "params": [{"name": "n", "type": "integer", "minimum": 1}],
        "triggers": [
            {"name": "hook", "webhook": WEBHOOK, "when": "event.data.n != 0", "params": {"n": "$[[ event.data.n ]]"}}
        ],
    },
}
NOW = 1_800_000_000


class World:
    """A sandbox, a receiver beside it, and a client of each."""

    def __init__(self, client, http, port):
        self.client, self.http, self.port = client, http, port

    async def post(self, data=b'{"n": 1}', path="/hooks/default/etl/hook", **headers):
        body = data if isinstance(data, bytes) else b""
        identity = headers.pop("identity", "msg_1")
        sent = {"Content-Type": "application/json", **signed(body, identity, NOW), **headers}
        return await self.request("POST", path, data=data, headers=sent)

    async def request(self, method, path, **more):
        async with self.http.request(method, f"http://127.0.0.1:{self.port}{path}", **more) as response:
            return response.status, await response.json(), response.headers

    async def runs(self):
        return [run["metadata"]["name"] for run in (await self.client.list(FLOWRUNS, "default")).items]


@contextlib.asynccontextmanager
async def world(folder):
    path = folder / "kubeconfig"
    async with Sandbox() as sandbox, contextlib.AsyncExitStack() as stack:
        sandbox.write_kubeconfig(path)
        credentials = load_credentials(kubeconfig=str(path))
        client = HttpClient(credentials, rng=random.Random(1))
        stack.push_async_callback(client.close)
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook"}}
        data = {"key": base64.b64encode(SECRET).decode()}
        await client.create(SECRETS, "default", {**secret, "data": data})
        await client.create(FLOWS, "default", FLOW)
        clocks = Clocks(lambda: NOW, time.monotonic)
        receiver = Receiver(Settings(hooks_host="127.0.0.1", hooks_port=0), credentials, clocks)
        work = asyncio.create_task(receiver.serve())
        stack.push_async_callback(_end, work)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        await receiver.ready.wait()
        yield World(client, http, receiver.port)


async def _end(work):
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


@pytest.fixture
async def here(tmp_path):
    async with world(tmp_path) as found:
        yield found


async def test_a_signed_event_starts_a_run_once(here):
    status, body, headers = await here.post()
    assert (status, await here.runs()) == (202, [body["run"]])
    assert headers["Server"] == "tidegate"
    assert headers["Content-Type"].startswith("application/json")
    run = await here.client.get(FLOWRUNS, "default", body["run"])
    assert run["spec"]["params"] == {"n": 1}
    assert (await here.post())[:2] == (200, body)
    assert (await here.post(b'{"n": 0}', identity="msg_2"))[:2] == (200, {"filtered": True})
    assert len(await here.runs()) == 1


async def test_a_whole_cloud_event(here):
    event = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "t", "data": {"n": 7}}
    content = {"Content-Type": "application/cloudevents+json"}
    status, body, _ = await here.post(json.dumps(event).encode(), **content)
    run = await here.client.get(FLOWRUNS, "default", body["run"])
    assert (status, run["spec"]["params"], run["spec"]["trigger"]["id"]) == (202, {"n": 7}, "msg_1")


WRONG = [
    ({"webhook-id": "msg_2"}, b'{"n": 1}', 401),
    ({"webhook-timestamp": str(NOW - 301)}, b'{"n": 1}', 401),
    ({"webhook-signature": "v1,AAAA"}, b'{"n": 1}', 401),
    ({"webhook-signature": "\u00ff"}, b'{"n": 1}', 401),
    ({"Content-Encoding": "gzip"}, b'{"n": 1}', 415),
    ({"Content-Type": "text/plain"}, b'{"n": 1}', 415),
    ({}, b'{"n": 1', 400),
    ({}, b'{"n": "\xf0"}', 401),
    ({}, b"", 422),
    ({}, b'{"n": "one"}', 422),
    ({}, b'{"n": -1}', 422),
    ({}, b"x" * (MOST_BYTES + 1), 413),
]


@pytest.mark.parametrize(("headers", "data", "status"), WRONG)
async def test_what_is_wrong_is_told_in_a_sentence(here, headers, data, status):
    found, body, answered = await here.post(data, **headers)
    assert found == status
    assert re.fullmatch(r".{10,400}", body["error"])
    assert ("WWW-Authenticate" in answered) is (status == 401)
    assert await here.runs() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/hooks/default/etl/hook", 405),
        ("POST", "/hooks/default/etl", 404),
        ("POST", "/hooks/default/etl/hook/", 404),
        ("POST", "/hooks/default/etl/other", 404),
        ("POST", "/hooks//etl/hook", 404),
        ("POST", "/hooks/default/%65tl/h%C3%B6%00%2Fok", 404),
        ("GET", "/metrics", 404),
        ("GET", "/", 404),
    ],
)
async def test_there_is_nothing_else(here, method, path, status):
    found, body, _ = await here.request(method, path)
    assert found == status
    assert "expected" in body["error"]


async def test_chunks_without_a_length_are_counted_as_they_come(here):
    async def chunks():
        for _ in range(64):
            yield b" " * 65_536

    with contextlib.suppress(aiohttp.ClientOSError):  # the receiver does not wait for the rest
        status, body, _ = await here.post(chunks())
        assert (status, "larger" in body["error"]) == (413, True)
    assert (await here.post())[0] == 202


async def test_what_is_compressed_is_not_unpacked(here):
    headers = {"Content-Encoding": "deflate"}
    assert (await here.post(b"\x78\x9c" + b"\x00" * 100, **headers))[0] == 415


async def test_a_connection_that_says_nothing_is_closed(here, monkeypatch):
    monkeypatch.setattr(server, "_HEAD_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    writer.write(b"POST /hooks/default/etl/hook HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    assert (await here.post())[0] == 202


async def test_what_breaks_off_starts_nothing(here):
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(b'{"n": 1}', "msg_1", NOW).items())
    _, writer = await asyncio.open_connection("127.0.0.1", here.port)
    writer.write(f"POST /hooks/default/etl/hook HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 8\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    assert (await here.post(identity="msg_2"))[0] == 202
    assert len(await here.runs()) == 1


async def test_a_flow_is_known_as_soon_as_it_is_there_and_gone_when_it_is_gone(here):
    other = {**FLOW, "metadata": {"name": "late"}}
    await here.client.create(FLOWS, "default", other)
    path = "/hooks/default/late/hook"
    status = 404
    while status == 404:
        status = (await here.post(path=path))[0]
    assert status == 202
    await here.client.delete(FLOWS, "default", "late")
    while status != 404:
        status = (await here.post(path=path))[0]


async def test_many_at_once_start_a_run_for_each_id(here):
    answers = await asyncio.gather(*(here.post(identity=f"msg_{number % 50}") for number in range(400)))
    statuses = [status for status, *_ in answers]
    assert sorted(set(statuses)) == [200, 202]
    assert statuses.count(202) == 50 == len(await here.runs())


class Clumsy:
    async def answer(self, place, request):
        raise RuntimeError("a bug of ours: secret words")


async def test_a_bug_of_ours_ends_one_request_and_tells_nothing():
    clumsy = server.Server(Clumsy(), host="127.0.0.1", port=0)
    port = await clumsy.start()
    try:
        async with aiohttp.ClientSession() as http:
            here = World(None, http, port)
            for _ in range(2):
                status, body, _ = await here.post()
                assert (status, "secret words" in body["error"]) == (500, False)
    finally:
        await clumsy.stop()
