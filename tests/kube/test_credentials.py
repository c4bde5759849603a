"""Credentials: the pod's own account, the order of sources, renewal after a 401."""

import os
import random
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
import yaml

from kube.api_server import ApiServer
from tidegate.errors import ApiError, Unavailable, UsageError
from tidegate.kube.authorization import TokenFile
from tidegate.kube.credentials import Credentials, load_credentials
from tidegate.kube.http import HttpClient
from tidegate.kube.resources import JOBS

CA = (Path(__file__).parent / "pki" / "ca.crt").read_text()
IN_POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def mount(tmp_path):
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    for name, text in (("token", "pod-token\n"), ("ca.crt", CA), ("namespace", "tidegate-system\n")):
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def kubeconfig(tmp_path):
    config = {
        "current-context": "main",
        "clusters": [{"name": "c", "cluster": {"server": "https://from-file.test"}}],
        "contexts": [{"name": "main", "context": {"cluster": "c"}}],
    }
    path = tmp_path / ".kube" / "config"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(config))
    return path


async def test_a_pod_uses_its_own_account(mount):
    credentials = load_credentials(environ=IN_POD, service_account=mount)
    assert credentials.server == "https://10.0.0.1:443"
    assert credentials.namespace == "tidegate-system"
    assert await credentials.authorization.header() == "Bearer pod-token"


def test_an_ipv6_address_is_put_in_brackets(mount):
    environ = {**IN_POD, "KUBERNETES_SERVICE_HOST": "fd00::1"}
    assert load_credentials(environ=environ, service_account=mount).server == "https://[fd00::1]:443"


def test_a_kubeconfig_that_was_asked_for_goes_before_the_pods_account(mount, kubeconfig, tmp_path):
    home = {**IN_POD, "HOME": str(tmp_path)}
    assert load_credentials(environ=home, service_account=mount).server == "https://10.0.0.1:443"
    for source in (
        load_credentials("main", environ=home, service_account=mount),
        load_credentials(None, str(kubeconfig), environ=home, service_account=mount),
        load_credentials(environ={**home, "KUBECONFIG": str(kubeconfig)}, service_account=mount),
        load_credentials(environ={"HOME": str(tmp_path)}, service_account=mount),
    ):
        assert source.server == "https://from-file.test"


@pytest.mark.parametrize("broken", ["ca.crt", "namespace"])
def test_a_broken_account_is_told(mount, broken):
    (mount / broken).unlink()
    with pytest.raises(UsageError, match=f"{broken}"):
        load_credentials(environ=IN_POD, service_account=mount)


async def test_a_rotated_token_is_used_from_the_next_request_on(tmp_path):
    token = tmp_path / "token"
    token.write_text("old")
    async with ApiServer(token="old").serving() as server:
        server.api.put(JOBS, "team-a", "a")
        client = HttpClient(Credentials(server.url, "default", None, TokenFile(token)), rng=random.Random(1))
        await client.get(JOBS, "team-a", "a")
        (tmp_path / "new").write_text("new")
        (tmp_path / "new").replace(token)
        server.token = "new"
        await client.get(JOBS, "team-a", "a")
        assert len(server.seen) == 2
        await client.close()


async def test_a_token_that_cannot_be_read_is_waited_for(tmp_path):
    async with ApiServer().serving() as server:
        client = HttpClient(Credentials(server.url, "d", None, TokenFile(tmp_path / "no")), rng=random.Random(1))
        with pytest.raises(Unavailable, match=r"the token in .* cannot be read"):
            await client.get(JOBS, "team-a", "a")
        await client.close()


class Renewable:
    """Credentials that are renewed on refusal, counted."""

    def __init__(self, *tokens):
        self.tokens, self.refreshes = list(tokens), 0

    async def header(self, *, refresh=False):
        if refresh:
            self.refreshes += 1
            self.tokens.pop(0)
        return f"Bearer {self.tokens[0]}"


async def test_a_refused_token_is_renewed_once_and_the_request_repeated():
    async with ApiServer(token="good").serving() as server:
        login = Renewable("stale", "good")
        client = HttpClient(Credentials(server.url, "default", None, login), rng=random.Random(1))
        body = {"metadata": {"name": "a", "namespace": "team-a"}}
        assert (await client.create(JOBS, "team-a", body))["metadata"]["name"] == "a"
        assert login.refreshes == 1
        assert [seen.body for seen in server.seen] == [body, body]
        await client.close()


async def test_a_token_refused_twice_is_an_error_not_a_loop():
    async with ApiServer(token="good").serving() as server:
        client = HttpClient(Credentials(server.url, "d", None, Renewable("bad", "worse")), rng=random.Random(1))
        with pytest.raises(ApiError) as caught:
            await client.get(JOBS, "team-a", "a")
        assert caught.value.status == 401
        assert len(server.seen) == 2
        await client.close()


async def test_a_session_for_others_authenticates_itself():
    async with ApiServer(token="good").serving() as server:
        credentials = Credentials(server.url, "default", None, Renewable("stale", "good"))
        async with credentials.open_session() as session, session.get(f"{server.url}/apis/batch/v1/jobs") as response:
            assert response.status == 200
            assert isinstance(session, aiohttp.ClientSession)


def test_loading_credentials_imports_no_kubernetes_package_and_no_kopf():
    program = (
        "import sys, tidegate.kube.http, tidegate.kube.reflector, tidegate.kube.lease, tidegate.kube.probes, "
        "tidegate.settings; sys.exit(bool({'kubernetes', 'kopf', 'pykube'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], env=os.environ, check=False).returncode == 0
