"""Logs of containers: the whole, the end, since a moment, with times, and while they grow."""

import asyncio
import time
from datetime import datetime

import pytest

from sandbox.machine import a_machine
from tidegate.errors import NotFound, Rejected
from tidegate.sandbox.kinds import PODS
from tidegate.sandbox.logfiles import Selection, read_log


@pytest.fixture
async def machine(tmp_path):
    async with a_machine(tmp_path) as made:
        yield made


async def test_both_streams_come_in_order(machine):
    assert await machine.printed("echo a; echo b >&2; echo c; printf d") == "a\nb\nc\nd"


async def test_the_end_of_a_log(machine):
    await machine.run(command=["seq", "100"])
    assert await machine.log(tail_lines=2) == "99\n100\n"
    assert await machine.log(tail_lines=0) == ""
    assert (await machine.log(tail_lines=1000)).startswith("1\n2\n")
    assert await machine.log(limit_bytes=3) == "1\n2"


async def test_times_are_those_of_the_printing(machine):
    before = time.time()
    await machine.run(command=["sh", "-c", "echo a; printf b"])
    after = time.time()
    lines = (await machine.log(timestamps=True)).splitlines()
    assert [line.split(" ")[1] for line in lines] == ["a", "b"]
    for line in lines:
        assert before <= datetime.fromisoformat(line.split(" ")[0]).timestamp() <= after


async def test_bytes_are_kept(machine):
    await machine.run(command=["printf", r"a\rb\000\377\n\n"])
    parts = [part async for part in machine.processes.logs("default", "p")]
    assert b"".join(parts) == b"a\rb\x00\xff\n\n"


async def test_much_output_is_kept_whole(machine):
    await machine.run(command=["sh", "-c", "seq 200000"])
    assert await machine.log() == "".join(f"{n}\n" for n in range(1, 200_001))


async def test_following_ends_with_the_container(machine):
    machine.pod(command=["sh", "-c", "echo first; read go < pipe/go; echo last"], **_pipe())
    await machine.until("p", lambda pod: pod["status"]["phase"] == "Running")
    text = b""
    async with asyncio.timeout(20):
        async for part in machine.processes.logs("default", "p", follow=True):
            text += part
            if text == b"first\n":
                place = machine.processes._host.place_of(machine.world.get(PODS, "default", "p"))
                (place / "volumes" / "pipe" / "go").write_text("go\n", encoding="ascii")
    assert text == b"first\nlast\n"


def _pipe():
    mounts = [{"name": "pipe", "mountPath": "pipe"}]
    make = {"name": "make", "image": "none", "command": ["mkfifo", "pipe/go"], "volumeMounts": mounts}
    return {"volumes": [{"name": "pipe", "emptyDir": {}}], "initContainers": [make], "volumeMounts": mounts}


async def test_logs_go_with_their_pod(machine, tmp_path):
    await machine.run(command=["echo", "a"])
    machine.world.delete(PODS, "default", "p")
    machine.step()
    await machine.until_gone("p")
    with pytest.raises(NotFound):
        machine.processes.logs("default", "p")
    await asyncio.gather(*machine.processes._tasks)
    assert not list((tmp_path / "pods").iterdir())


async def test_what_cannot_be_read_is_told_as_an_api_server_does(machine):
    two = [{"name": name, "image": "none", "command": ["true"]} for name in ("a", "b")]
    await machine.run(containers=two)
    with pytest.raises(Rejected, match=r"a container name must be specified for pod p, choose one of: \[a b\]"):
        machine.processes.logs("default", "p")
    with pytest.raises(Rejected, match="container c is not valid for pod p"):
        machine.processes.logs("default", "p", "c")
    machine.pod("late", command=["true"], envFrom=[{"configMapRef": {"name": "absent"}}])
    await machine.until("late", lambda pod: "CreateContainerConfigError" in str(pod["status"]))
    with pytest.raises(
        Rejected, match='container "main" in pod "late" is waiting to start: CreateContainerConfigError'
    ):
        machine.processes.logs("default", "late")


def test_since_and_parts_of_lines(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(
        b"2026-01-01T00:00:01.000000000Z F old\n"
        b"2026-01-01T00:00:02.500000000Z P new-\n"
        b"2026-01-01T00:00:03.000000000Z F er\n"
        b"2026-01-01T00:00:04.000000000Z F last\n"
        b"2026-01-01T00:00:05.000000000Z F being wri"
    )
    since = datetime.fromisoformat("2026-01-01T00:00:02Z").timestamp()
    assert read_log(log, Selection(since=since)) == b"new-er\nlast\n"
    assert read_log(log, Selection(tail_lines=2)) == b"new-er\nlast\n"
    with_times = read_log(log, Selection(tail_lines=2, timestamps=True))
    assert with_times == b"2026-01-01T00:00:02.500000000Z new-er\n2026-01-01T00:00:04.000000000Z last\n"
