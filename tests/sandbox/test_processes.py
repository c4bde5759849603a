"""Pods as real processes: their ends, their order, and that nothing of them stays behind."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.machine import Machine, a_machine, await_death, terminated
from tidegate.sandbox.kinds import PODS

LINGERING = "sleep 1000 & setsid sleep 1000 & (setsid sleep 1000 & echo $!) & echo $!; wait"
"""A shell that has children in its group, in another session, and an orphan in another session."""


@pytest.fixture
async def machine(tmp_path):
    async with a_machine(tmp_path) as made:
        yield made


def a_container(name, command, **fields):
    return {"name": name, "image": "none", "command": ["sh", "-c", command], **fields}


async def family_of(machine: Machine, name: str = "p") -> list[int]:
    """Give the pids of a container and all its descendants, once it has printed two lines."""
    await started(machine, name)
    lines = 0
    async with asyncio.timeout(20):
        async for part in machine.processes.logs("default", name, follow=True):
            lines += part.count(b"\n")
            if lines >= 2:
                break
    keeper = machine.processes._host.keeping._process
    assert keeper is not None
    return descendants(keeper.pid)


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [found for child in map(int, children) for found in (child, *descendants(child))]


async def started(machine, name="p"):
    return await machine.until(name, lambda pod: pod["status"]["phase"] == "Running")


async def test_a_command_that_ends_well_completes_its_pod(machine):
    pod = await machine.run(command=["true"])
    assert pod["status"]["phase"] == "Succeeded"
    assert terminated(pod)["exitCode"] == 0
    assert terminated(pod)["reason"] == "Completed"


async def test_an_exit_code_is_told(machine):
    pod = await machine.run(command=["sh", "-c"], args=["exit 42"])
    assert pod["status"]["phase"] == "Failed"
    assert (terminated(pod)["exitCode"], terminated(pod)["reason"]) == (42, "Error")


async def test_a_signal_counts_as_128_and_its_number(machine):
    pod = await machine.run(command=["sh", "-c", "kill -9 $$$$"])
    assert terminated(pod)["exitCode"] == 137


async def test_a_missing_command_says_where_it_was_looked_for(machine):
    pod = await machine.run(command=["no-such-command"])
    end = terminated(pod)
    assert (end["exitCode"], end["reason"]) == (128, "StartError")
    assert '"no-such-command": executable file not found in $PATH' in end["message"]
    assert "on this machine, not in the image" in end["message"]


async def test_a_container_without_command_is_refused_with_a_sentence(machine):
    pod = await machine.run(image="postgres:17")
    assert pod["status"]["phase"] == "Failed"
    assert "image postgres:17 would have to be started by its own entrypoint" in pod["status"]["message"]
    assert "give `command`" in pod["status"]["message"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"restartPolicy": "OnFailure"}, "restartPolicy OnFailure"),
        ({"initContainers": [a_container("side", "true", restartPolicy="Always")]}, "sidecars"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {}}]}}]}, "serviceAccountToken"),
        ({"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]}, "resourceFieldRef"),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nope"}}}]}, "spec.nope"),
    ],
)
async def test_what_local_processes_cannot_give_fails_the_pod(machine, fields, word):
    pod = await machine.run(command=["true"], **fields)
    assert pod["status"]["phase"] == "Failed"
    assert word in pod["status"]["message"]


async def test_a_refusal_in_one_container_ends_the_others(machine):
    bad = a_container("bad", "true", env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nope"}}}])
    pod = await machine.run(containers=[a_container("good", "sleep 1000"), bad])
    assert pod["status"]["phase"] == "Failed"
    assert "spec.nope" in pod["status"]["message"]


async def test_init_containers_run_in_order_before_the_others(machine):
    mounts = [{"name": "shared", "mountPath": "shared"}]
    pod = await machine.run(
        volumes=[{"name": "shared", "emptyDir": {}}],
        initContainers=[
            a_container("first", "echo first >> shared/order", volumeMounts=mounts),
            a_container("second", "echo second >> shared/order", volumeMounts=mounts),
        ],
        containers=[a_container("main", "cat shared/order", volumeMounts=mounts)],
    )
    assert pod["status"]["phase"] == "Succeeded"
    assert await machine.log() == "first\nsecond\n"


async def test_a_failed_init_container_ends_the_pod_before_the_others_start(machine):
    pod = await machine.run(
        initContainers=[a_container("first", "exit 3")], containers=[a_container("main", "echo started")]
    )
    assert pod["status"]["phase"] == "Failed"
    assert terminated(pod, "first")["exitCode"] == 3
    assert "terminated" not in pod["status"]["containerStatuses"][0]["state"]


async def test_containers_of_a_pod_run_side_by_side(machine):
    # Each opens the pipe from its own side: neither can go on without the other.
    mounts = [{"name": "shared", "mountPath": "shared"}]
    pod = await machine.run(
        volumes=[{"name": "shared", "emptyDir": {}}],
        initContainers=[a_container("pipe", "mkfifo shared/pipe", volumeMounts=mounts)],
        containers=[
            a_container("writer", "echo hello > shared/pipe", volumeMounts=mounts),
            a_container("reader", "cat shared/pipe", volumeMounts=mounts),
        ],
    )
    assert pod["status"]["phase"] == "Succeeded"
    assert await machine.log(container="reader") == "hello\n"


async def test_each_container_has_a_working_directory_of_its_own(machine):
    assert await machine.printed("touch here; pwd; echo $HOME; ls") != await machine.printed("pwd", name="q")
    here, home, listing = (await machine.log("p")).split()
    assert (here, listing) == (home, "here")


async def test_python_is_the_interpreter_that_runs_the_sandbox(machine):
    version = "import sys; print(sys.version_info[:3])"
    pod = await machine.run(command=["python3", "-c", version])
    assert pod["status"]["phase"] == "Succeeded"
    assert await machine.log() == f"{sys.version_info[:3]}\n"


async def test_what_a_container_leaves_running_dies_with_it(machine):
    machine.pod(command=["sh", "-c", f"({LINGERING}) & read line < shared/go"], **go_volume())
    pids = await family_of(machine)
    assert len(pids) > 4
    machine.processes._host.keeping.kill("nobody")  # an order about a container that is unknown does no harm
    release(machine)
    pod = await machine.end_of()
    assert pod["status"]["phase"] == "Succeeded"
    for pid in pids:
        await_death(pid)


def go_volume():
    mounts = [{"name": "shared", "mountPath": "shared"}]
    return {
        "volumes": [{"name": "shared", "emptyDir": {}}],
        "initContainers": [a_container("pipe", "mkfifo shared/go", volumeMounts=mounts)],
        "volumeMounts": mounts,
    }


def release(machine, name="p"):
    place = machine.processes._host.place_of(machine.world.get(PODS, "default", name))
    (place / "volumes" / "shared" / "go").write_text("go\n", encoding="ascii")


async def test_a_deleted_pod_gets_sigterm_and_its_grace(machine):
    machine.pod(command=["sh", "-c", "trap 'echo bye; exit 7' TERM; echo a; echo b; while :; do sleep 0.01; done"])
    pids = await family_of(machine)
    machine.world.delete(PODS, "default", "p")
    machine.step()
    await machine.until_gone("p")
    assert terminated(machine.history[-1])["exitCode"] == 7
    for pid in pids:
        await_death(pid)


async def test_who_ignores_sigterm_is_killed_after_the_grace(machine):
    machine.pod(command=["sh", "-c", "trap '' TERM; echo a; echo b; while :; do sleep 1000; done"])
    pids = await family_of(machine)
    machine.world.delete(PODS, "default", "p", grace=1)
    machine.step()
    await machine.until_gone("p")
    assert terminated(machine.history[-1])["exitCode"] == 137
    for pid in pids:
        await_death(pid)


async def test_a_pod_deleted_by_force_dies_at_once(machine):
    machine.pod(command=["sh", "-c", LINGERING])
    pids = await family_of(machine)
    machine.world.delete(PODS, "default", "p", grace=0)
    machine.step()
    for pid in pids:
        await asyncio.to_thread(await_death, pid)


async def test_a_pod_that_is_deleted_while_it_waits_goes(machine):
    machine.pod(command=["true"], envFrom=[{"configMapRef": {"name": "absent"}}])
    await machine.until("p", lambda pod: "CreateContainerConfigError" in str(pod["status"]))
    machine.world.delete(PODS, "default", "p")
    machine.step()
    await machine.until_gone("p")


async def test_a_deadline_ends_the_pod(machine):
    machine.pod(command=["sh", "-c", LINGERING], activeDeadlineSeconds=1, terminationGracePeriodSeconds=1)
    pids = await family_of(machine)
    pod = await machine.end_of()
    assert pod["status"]["reason"] == "DeadlineExceeded"
    for pid in pids:
        await asyncio.to_thread(await_death, pid)


async def test_stopping_the_sandbox_leaves_no_process(tmp_path):
    async with a_machine(tmp_path) as machine:
        machine.pod(command=["sh", "-c", f"trap '' TERM; {LINGERING}"])
        pids = await family_of(machine)
    assert len(pids) > 4
    for pid in pids:
        await_death(pid)
    assert not list((tmp_path / "pods").glob("*"))


async def test_a_killed_keeper_takes_its_processes_along_and_fails_the_pods(machine):
    machine.pod(command=["sh", "-c", LINGERING])
    pids = await family_of(machine)
    os.kill(machine.processes._host.keeping._process.pid, 9)
    pod = await machine.end_of()
    assert terminated(pod)["exitCode"] == 137
    for pid in pids:
        await asyncio.to_thread(await_death, pid)
    later = await machine.run("q", command=["true"])
    assert "start the sandbox anew" in terminated(later)["message"]


async def test_a_killed_shim_leaves_nothing_behind(machine):
    machine.pod(command=["sh", "-c", LINGERING])
    shim, *pids = await family_of(machine)
    os.kill(shim, 9)
    pod = await machine.end_of()
    assert terminated(pod)["exitCode"] == 137
    for pid in pids:
        await asyncio.to_thread(await_death, pid)
    assert (await machine.run("q", command=["true"]))["status"]["phase"] == "Succeeded"


SANDBOX = f"""
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from sandbox.machine import Machine
from sandbox.test_processes import LINGERING, family_of

async def main():
    machine = Machine(Path(sys.argv[1]))
    await machine.processes.start()
    machine.pod(command=["sh", "-c", "trap '' TERM; " + LINGERING])
    print(machine.processes._host.keeping._process.pid, *await family_of(machine), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_no_process_survives_a_sandbox_that_was_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", SANDBOX, str(tmp_path)], stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        pids = [int(pid) for pid in sandbox.stdout.readline().split()]
        sandbox.kill()
    assert len(pids) > 5
    for pid in pids:
        await_death(pid)
