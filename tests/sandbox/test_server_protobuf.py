"""Bodies in protobuf, as `kubectl create` sends some."""

import pytest

from sandbox.servers import CORE, a_server
from tidegate.errors import Rejected
from tidegate.sandbox.protobuf import MEDIA_TYPE, decoded


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def body(kind: str, *parts: bytes) -> bytes:
    identity = field(1, b"v1") + field(2, kind.encode())
    return b"k8s\x00" + field(1, identity) + field(2, b"".join(parts))


METADATA = field(1, field(1, b"s") + field(3, b"") + field(11, field(1, b"team") + field(2, b"data")))
"""Name s, the empty namespace, one label."""


def test_a_secret_is_read_with_its_bytes_as_base64():
    data = field(2, field(1, b"key") + field(2, b"\xff\x00"))
    assert decoded(body("Secret", METADATA, data, field(3, b"Opaque"), field(5, 1))) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "labels": {"team": "data"}},
        "data": {"key": "/wA="},
        "type": "Opaque",
        "immutable": True,
    }


def test_delete_options_are_read():
    options = field(1, 5) + field(2, field(1, b"uid-1")) + field(4, b"Background") + field(5, b"All")
    assert decoded(body("DeleteOptions", options)) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 5,
        "preconditions": {"uid": "uid-1"},
        "propagationPolicy": "Background",
        "dryRun": ["All"],
    }


def test_a_kind_that_is_not_read_says_what_to_do():
    with pytest.raises(Rejected, match="--dry-run=client") as refused:
        decoded(body("Job", METADATA))
    assert refused.value.status == 415


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{}",
        b"k8s\x00\x0a",
        b"k8s\x00\x0a\x7f",
        b"k8s\x00\x0d",
        b"k8s\x00" + b"\xff" * 20,
        body("Secret", b"\x0a\x05"),
    ],
)
def test_a_broken_body_is_refused_as_a_mistake_of_the_client(broken):
    with pytest.raises(Rejected) as refused:
        decoded(broken)
    assert refused.value.status in (400, 415)


async def test_the_server_takes_a_namespace_in_protobuf():
    async with a_server() as server:
        sent = await server.post(
            "/api/v1/namespaces", body("Namespace", field(1, field(1, b"n"))), Content_Type=MEDIA_TYPE
        )
        assert sent.status == 201
        assert (await server.get(f"{CORE.replace('default', 'n')}/serviceaccounts/default")).status == 200
