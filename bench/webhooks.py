"""The receiver of webhooks: how many requests it answers a second, by what becomes of them, and what each costs it."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.operators import OperatorProcess, free_port, operator
from bench.tables import table
from tidegate.sandbox.kinds import FLOWS, SECRETS
from tidegate.sandbox.sandbox import Sandbox

REQUESTS = 20_000
CONNECTIONS = 32
KEY = b"a key of thirty-two bytes, no one"
PATH = "/hooks/default/etl/hook"

_WEBHOOK = {"secretRef": {"name": "hook", "key": "key"}, "maxPending": 10_000}
_PARAMS = {"order": "$[[ event.data.order ]]"}
_TRIGGER = {"name": "hook", "webhook": _WEBHOOK, "when": "event.data.live", "params": _PARAMS}
_FLOW = {
    "apiVersion": "tidegate.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "etl"},
    "spec": {
        "params": [{"name": "order", "type": "string"}],
        "triggers": [_TRIGGER],
        "tasks": [{"name": "a", "set": {"x": 1}}],
    },
}
_SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook"}}
_PADDING = "x" * 1000


@dataclass(slots=True)
class Load:
    """One kind of request, the answer that it must get, and how many are sent."""

    name: str
    make: Callable[[int], bytes]
    status: int
    count: int = field(default_factory=lambda: int(os.environ.get("BENCH_REQUESTS", REQUESTS)))


def run() -> None:
    """Measure one receiver against a sandbox in this process, which is the API server and the senders too."""
    loads = [
        Load("started", lambda number: _request(f"new_{number}"), 202, 2_000),
        Load("duplicate", lambda number: _request(f"new_{number % 1000}"), 200),
        Load("filtered", lambda number: _request(f"f_{number}", live=False), 200),
        Load("forged", lambda number: _request(f"f_{number}", key=b"another"), 401),
        Load("no such path", lambda number: _request(f"f_{number}", path=f"{PATH}s"), 404),
    ]
    rows = asyncio.run(_measured(loads))
    heads = ("requests", "sent", "a second", "CPU each", "a second and core", "answer p50", "p99")
    title = f"one receiver, {CONNECTIONS} connections, bodies of 1 kB with Standard Webhooks signatures"
    table(title, heads, rows)
    print(
        "A second and core: what the receiver's CPU allows; a second: what came out, senders being on the other core."
    )
    print("Started runs are two writers' work: the receiver's, and the API server's, here the sandbox.")


async def _measured(loads: list[Load]) -> list[list[str]]:
    with tempfile.TemporaryDirectory(prefix="bench-webhooks-") as folder:
        async with Sandbox() as sandbox:
            path = Path(folder) / "kubeconfig"
            sandbox.write_kubeconfig(path)
            data = {"key": base64.b64encode(b"whsec_" + base64.b64encode(KEY)).decode()}
            sandbox.world.create(SECRETS, {**_SECRET, "data": data}, namespace="default")
            sandbox.world.create(FLOWS, _FLOW, namespace="default")
            port = free_port()
            where = {"TIDEGATE_HOOKS_HOST": "127.0.0.1", "TIDEGATE_HOOKS_PORT": str(port)}
            context = operator(str(path), command="receiver", **where)
            process = await asyncio.to_thread(context.__enter__)
            try:
                return [await _row(process, port, load) for load in loads]
            finally:
                await asyncio.to_thread(context.__exit__, None, None, None)


async def _row(process: OperatorProcess, port: int, load: Load) -> list[str]:
    requests = [load.make(number) for number in range(load.count)]
    supply, took = iter(requests), list[float]()
    cpu, began = _cpu(process.pid), time.perf_counter()
    await asyncio.gather(*(_sender(port, supply, load.status, took) for _ in range(CONNECTIONS)))
    seconds, cpu = time.perf_counter() - began, _cpu(process.pid) - cpu
    took.sort()
    return [
        load.name,
        f"{load.count:,}",
        f"{load.count / seconds:,.0f}",
        f"{1e6 * cpu / load.count:.0f} µs",
        f"{load.count / cpu:,.0f}",
        f"{1e3 * took[len(took) // 2]:.1f} ms",
        f"{1e3 * took[len(took) * 99 // 100]:.1f} ms",
    ]


async def _sender(port: int, supply: Iterator[bytes], status: int, took: list[float]) -> None:
    """Send one request after another on one connection, with as little work as can be."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in supply:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        body = await reader.readexactly(length)
        took.append(time.perf_counter() - began)
        if int(head[9:12]) != status:
            raise RuntimeError(f"expected {status}: {head.decode()}{body.decode()}")
    writer.close()


def _request(identity: str, *, live: bool = True, key: bytes = KEY, path: str = PATH) -> bytes:
    body = json.dumps({"live": live, "order": identity, "padding": _PADDING}).encode()
    second = int(time.time())
    digest = hmac.new(key, f"{identity}.{second}.".encode() + body, hashlib.sha256).digest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"webhook-id: {identity}\r\nwebhook-timestamp: {second}\r\n"
        f"webhook-signature: v1,{base64.b64encode(digest).decode()}\r\n\r\n"
    )
    return head.encode() + body


def _cpu(pid: int) -> float:
    """Give the CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
