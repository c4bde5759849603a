"""Kubeconfigs: found, merged and refused as kubectl does, and they work against a TLS server."""

import base64
import random
import ssl
from pathlib import Path

import pytest
import yaml

from kube.api_server import ApiServer
from tidegate.errors import Unavailable, UsageError
from tidegate.kube import kubeconfig
from tidegate.kube.credentials import load_credentials
from tidegate.kube.http import HttpClient
from tidegate.kube.resources import JOBS

PKI = Path(__file__).parent / "pki"


def data_of(name):
    return base64.b64encode((PKI / name).read_bytes()).decode()


def a_config(cluster=None, user=None, name="main", **context):
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": "c", "cluster": {"server": "https://cluster.test:6443", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u", **context}}],
    }


def write(path, config):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    return path


def load(path, context=None):
    return load_credentials(context, str(path), environ={})


async def header_of(credentials):
    return await credentials.authorization.header()


async def test_a_token_and_a_namespace(tmp_path):
    credentials = load(write(tmp_path / "config", a_config(user={"token": "abc"}, namespace="team-a")))
    assert credentials.server == "https://cluster.test:6443"
    assert credentials.namespace == "team-a"
    assert await header_of(credentials) == "Bearer abc"


async def test_without_credentials_there_is_no_header(tmp_path):
    credentials = load(write(tmp_path / "config", a_config()))
    assert await header_of(credentials) is None
    assert credentials.namespace == "default"


async def test_a_token_file_beside_the_kubeconfig_is_followed_when_it_changes(tmp_path):
    write(tmp_path / "secrets" / "token", "first\n")
    credentials = load(write(tmp_path / "config", a_config(user={"tokenFile": "secrets/token", "token": "ignored"})))
    assert await header_of(credentials) == "Bearer first"
    write(tmp_path / "secrets" / "new", "second\n").replace(tmp_path / "secrets" / "token")
    assert await header_of(credentials) == "Bearer second"


async def test_a_password(tmp_path):
    credentials = load(write(tmp_path / "config", a_config(user={"username": "me", "password": "pä:ss"})))
    scheme, _, value = (await header_of(credentials)).partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(value) == "me:pä:ss".encode()


def test_another_context_can_be_chosen(tmp_path):
    config = a_config(namespace="one")
    config["contexts"].append({"name": "other", "context": {"cluster": "c", "user": "u", "namespace": "two"}})
    path = write(tmp_path / "config", config)
    assert load(path).namespace == "one"
    assert load(path, "other").namespace == "two"


def test_files_are_searched_for_as_kubectl_does(tmp_path):
    home = {"HOME": str(tmp_path)}
    assert kubeconfig.paths(None, home) == [tmp_path / ".kube" / "config"]
    assert kubeconfig.paths(None, {**home, "KUBECONFIG": "/a::/b"}) == [Path("/a"), Path("/b")]
    assert kubeconfig.paths("/c", {**home, "KUBECONFIG": "/a"}) == [Path("/c")]


async def test_of_several_files_the_first_word_counts_and_missing_ones_are_skipped(tmp_path):
    first = write(tmp_path / "first", {"users": [{"name": "u", "user": {"token": "first"}}]})
    second = write(tmp_path / "second", a_config(user={"token": "second"}, namespace="team-b"))
    environ = {"KUBECONFIG": f"{tmp_path / 'missing'}:{first}:{second}"}
    credentials = load_credentials(environ=environ)
    assert await header_of(credentials) == "Bearer first"
    assert credentials.namespace == "team-b"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("clusters: [", "cannot be read"),
        ("- a list", "is not a mapping but list"),
        ({"kind": "Config"}, "has no current-context: choose one of none"),
        ({**a_config(), "current-context": "nope"}, "has no context 'nope': there is main"),
        ({**a_config(), "clusters": []}, "has no cluster 'c': there is none"),
        ({**a_config(), "users": []}, "has no user 'u': there is none"),
        (a_config({"server": "cluster.test"}), "server 'cluster.test', expected an http"),
        (a_config({"certificate-authority": "missing.crt"}), "missing.crt"),
        (a_config({"certificate-authority-data": "%%%"}), "certificate-authority-data is not base64"),
        (a_config({"certificate-authority-data": base64.b64encode(b"no").decode()}), "is not a PEM certificate"),
        (
            a_config({"certificate-authority-data": data_of("ca.crt"), "insecure-skip-tls-verify": True}),
            "both a certificate-authority and insecure-skip-tls-verify",
        ),
        (a_config(user={"client-certificate-data": data_of("client.crt")}), "one of them is missing"),
        (
            a_config(user={"client-certificate-data": data_of("client.crt"), "client-key-data": data_of("server.key")}),
            "cannot be used: KEY_VALUES_MISMATCH",
        ),
        (
            a_config(
                user={
                    "client-certificate-data": data_of("client.crt"),
                    "client-key-data": data_of("client-encrypted.key"),
                }
            ),
            "the client key is encrypted",
        ),
        (a_config(user={"auth-provider": {"name": "gcp"}}), "auth-provider, which is not supported"),
        (a_config(user={"token": "t", "as": "somebody"}), "its user has as, which is not supported"),
        (a_config({"proxy-url": "socks5://p"}), "expected an http"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, config, told):
    path = write(tmp_path / "config", config)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_kubeconfig_at_all_is_told_with_the_places_looked_at(tmp_path):
    with pytest.raises(UsageError, match="no cluster is configured") as caught:
        load_credentials(environ={"HOME": str(tmp_path)}, service_account=tmp_path / "none")
    assert str(tmp_path / ".kube" / "config") in str(caught.value)


def server_context():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(PKI / "ca.crt"))
    context.load_cert_chain(PKI / "server.crt", PKI / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


TRUST = {"certificate-authority-data": data_of("ca.crt")}
AS_DATA = {"client-certificate-data": data_of("client.crt"), "client-key-data": data_of("client.key")}
AS_FILES = {"client-certificate": str(PKI / "client.crt"), "client-key": str(PKI / "client.key")}


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        (TRUST, AS_DATA),
        ({"certificate-authority": str(PKI / "ca.crt")}, AS_FILES),
        ({"insecure-skip-tls-verify": True}, AS_DATA),
        ({**TRUST, "tls-server-name": "named.test"}, AS_DATA),
    ],
)
async def test_a_server_that_wants_certificates_is_reached(tmp_path, cluster, user):
    async with ApiServer().serving(server_context()) as server:
        server.api.put(JOBS, "team-a", "a")
        path = write(tmp_path / "config", a_config({"server": server.url, **cluster}, user))
        client = HttpClient(load(path), rng=random.Random(1))
        assert (await client.get(JOBS, "team-a", "a"))["metadata"]["name"] == "a"
        await client.close()


@pytest.mark.parametrize(
    ("cluster", "user"),
    [({}, AS_DATA), (TRUST, {}), ({**TRUST, "tls-server-name": "other.test"}, AS_DATA)],
)
async def test_a_server_or_client_that_cannot_prove_who_it_is_is_refused(tmp_path, cluster, user):
    async with ApiServer().serving(server_context()) as server:
        path = write(tmp_path / "config", a_config({"server": server.url, **cluster}, user))
        client = HttpClient(load(path), rng=random.Random(1))
        with pytest.raises(Unavailable, match=r"(?i)certificate|ssl|disconnected"):
            await client.get(JOBS, "team-a", "a")
        assert server.seen == []
        await client.close()
