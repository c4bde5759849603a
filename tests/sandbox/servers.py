"""A server on loopback with a world whose clock the test holds, and a client that speaks to it."""

import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tidegate.api.crd import crds
from tidegate.errors import Problem, api_error
from tidegate.sandbox.server import Server
from tidegate.sandbox.world import World

NOW = 1_700_000_000.0
TOKEN = "secret-token"

CORE = "/api/v1/namespaces/default"
FLOWS = "/apis/tidegate.dev/v1alpha1/namespaces/default/flows"
FLOWRUNS = "/apis/tidegate.dev/v1alpha1/namespaces/default/flowruns"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def a_config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels or {}},
        "data": data,
    }


def a_flow(name: str = "hello", **spec: Any) -> dict[str, Any]:
    tasks = [{"name": "greet", "image": "busybox"}]
    return {
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "Flow",
        "metadata": {"name": name},
        "spec": {"tasks": tasks, **spec},
    }


def a_run(name: str = "r", flow: str = "hello") -> dict[str, Any]:
    return {
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "FlowRun",
        "metadata": {"name": name},
        "spec": {"flowRef": {"name": flow}},
    }


def a_pod(name: str) -> dict[str, Any]:
    spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def refuse_the_word_bad(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Problem]:
    """An admission: a description may not be `bad`, nor may it change from `final`."""
    description = obj["spec"].get("description")
    problems = [Problem(0, 0, "spec.description", "it is bad")] if description == "bad" else []
    if old and old["spec"].get("description") == "final" != description:
        problems.append(Problem(0, 0, "spec.description", "it was final"))
    return problems


async def some_logs(namespace: str, pod: str, container: str = "", **options: Any) -> AsyncIterator[bytes]:
    if pod == "missing":
        raise api_error(404, "NotFound", 'pods "missing" not found')
    chosen = {name: value for name, value in options.items() if value}
    yield f"{namespace}/{pod}/{container}\n".encode()
    yield json.dumps(chosen, sort_keys=True).encode()


class Answer:
    """A response: status, parsed or raw body, headers."""

    def __init__(self, status: int, raw: bytes, headers: dict[str, str]) -> None:
        self.status, self.raw, self.headers = status, raw, headers

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Client:
    """Sends requests as kubectl would."""

    world: World
    server: Server
    url: str
    session: aiohttp.ClientSession
    clock: list[float] = field(default_factory=lambda: [NOW])

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            named.setdefault("Content-Type", "application/json")
        async with self.session.request(method, self.url + path, data=data, headers=named) as response:
            return Answer(response.status, await response.read(), dict(response.headers))

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, **headers)

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        return await self.send("POST", path, body, **headers)

    async def patch(self, path: str, patch: Any, form: str = "application/merge-patch+json") -> Answer:
        return await self.send("PATCH", path, patch, Content_Type=form)

    @contextlib.asynccontextmanager
    async def watching(self, path: str, **headers: str) -> AsyncIterator["Lines"]:
        async with self.session.get(self.url + path, headers=headers) as response:
            assert response.status == 200, await response.text()
            yield Lines(response)


class Lines:
    """The lines of a watch as they come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self) -> tuple[str, dict[str, Any]]:
        event = json.loads(await self._response.content.readline())
        return event["type"], event["object"]

    async def rest(self) -> list[tuple[str, dict[str, Any]]]:
        """Read to the end, which must come."""
        lines = (await self._response.content.read()).splitlines()
        return [(event["type"], event["object"]) for event in map(json.loads, lines)]


@contextlib.asynccontextmanager
async def a_server(**options: Any) -> AsyncIterator[Client]:
    uids = itertools.count(1)
    clock = [NOW]
    world = World(now=NOW, new_uid=lambda: f"uid-{next(uids)}")
    server = Server(
        world,
        clock=lambda: clock[0],
        crds=crds(),
        admit=refuse_the_word_bad,
        logs=some_logs,
        token=TOKEN,
        **options,
    )
    await server.start()
    try:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
            yield Client(world, server, server.url, session, clock)
    finally:
        await server.stop()
