"""The sandbox as a whole: a Job becomes a process, and the state survives in a folder."""

import asyncio
import json
import stat

import aiohttp
import pytest
import yaml

from sandbox.servers import a_config_map
from tidegate.errors import UsageError
from tidegate.sandbox.kinds import CONFIGMAPS, JOBS, PODS
from tidegate.sandbox.sandbox import Sandbox

JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "j"},
    "spec": {
        "backoffLimit": 0,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "none", "command": ["sh", "-c", "echo hello"]}],
            }
        },
    },
}


async def ended(sandbox: Sandbox, name: str) -> dict:
    """Give the Job once it is complete or has failed."""
    done = asyncio.Event()

    def note(kind, _change, obj):
        conditions = obj.get("status", {}).get("conditions") or ()
        if kind is JOBS and any(condition["type"] in ("Complete", "Failed") for condition in conditions):
            done.set()

    sandbox.world.on_change(note)
    async with asyncio.timeout(30):
        await done.wait()
    return sandbox.world.get(JOBS, "default", name)


async def test_a_job_posted_to_the_api_runs_as_a_process_and_leaves_its_log():
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        base = sandbox.kubeconfig()["clusters"][0]["cluster"]["server"]
        async with session.post(f"{base}/apis/batch/v1/namespaces/default/jobs", json=JOB) as response:
            assert response.status == 201
        assert (await ended(sandbox, "j"))["status"]["succeeded"] == 1
        pod = sandbox.world.list(PODS, "default")[0]["metadata"]["name"]
        async with session.get(f"{base}/api/v1/namespaces/default/pods/{pod}/log") as response:
            assert await response.text() == "hello\n"


async def test_time_alone_makes_the_controllers_act():
    brief = {**JOB, "metadata": {"name": "brief"}, "spec": {**JOB["spec"], "ttlSecondsAfterFinished": 0}}
    async with Sandbox() as sandbox:
        gone = asyncio.Event()
        sandbox.world.on_change(lambda kind, change, _: gone.set() if (kind, change) == (JOBS, "DELETED") else None)
        sandbox.world.create(JOBS, brief, namespace="default")
        async with asyncio.timeout(30):
            await gone.wait()


async def test_the_kubeconfig_is_its_owners_secret(tmp_path):
    async with Sandbox() as sandbox:
        path = tmp_path / "kubeconfig"
        path.write_text("old")
        path.chmod(0o644)
        sandbox.write_kubeconfig(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        config = yaml.safe_load(path.read_text())
        assert config["users"][0]["user"]["token"] == sandbox.token
        assert config["clusters"][0]["cluster"]["server"].startswith(sandbox.url)


async def test_every_sandbox_has_a_token_of_its_own():
    assert Sandbox().token != Sandbox().token


async def test_the_state_is_found_again_in_its_folder(tmp_path):
    async with Sandbox(data_dir=tmp_path) as first:
        stored = first.world.create(CONFIGMAPS, a_config_map("a", x="1"), namespace="default")
        version = first.world.resource_version
    async with Sandbox(data_dir=tmp_path) as second:
        assert second.world.get(CONFIGMAPS, "default", "a") == stored
        assert second.world.resource_version >= version
    assert [entry.name for entry in tmp_path.iterdir()] == ["world.json"]


async def test_a_state_that_cannot_be_read_is_told_and_kept(tmp_path):
    (tmp_path / "world.json").write_text("{")
    with pytest.raises(UsageError, match="remove it to start anew"):
        async with Sandbox(data_dir=tmp_path):
            pass
    assert (tmp_path / "world.json").read_text() == "{"


async def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with Sandbox() as sandbox:
        sandbox.world.create(CONFIGMAPS, a_config_map("a"), namespace="default")
        assert json.dumps(sandbox.world.snapshot())
    assert list(tmp_path.iterdir()) == []
