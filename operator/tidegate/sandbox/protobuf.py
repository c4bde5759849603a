"""The few bodies that `kubectl create` sends as protobuf, whatever the server speaks: read into plain objects.

Field numbers are those of the generated.proto files in k8s.io/api and k8s.io/apimachinery.
"""

import base64
from collections.abc import Iterator
from typing import Any

from tidegate.sandbox.answers import Refused, bad_request, unsupported
from tidegate.sandbox.tree import Object

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\x00"
_TEXT, _BOOL, _TEXTS, _TEXT_MAP, _BYTES_MAP = "text", "bool", "texts", "text map", "bytes map"
_Fields = dict[int, tuple[str, Any]]

_METADATA: _Fields = {
    1: ("name", _TEXT),
    2: ("generateName", _TEXT),
    3: ("namespace", _TEXT),
    11: ("labels", _TEXT_MAP),
    12: ("annotations", _TEXT_MAP),
    14: ("finalizers", _TEXTS),
}
_KINDS: dict[str, _Fields] = {
    "Namespace": {},
    "ServiceAccount": {4: ("automountServiceAccountToken", _BOOL)},
    "ConfigMap": {2: ("data", _TEXT_MAP), 3: ("binaryData", _BYTES_MAP), 4: ("immutable", _BOOL)},
    "Secret": {2: ("data", _BYTES_MAP), 3: ("type", _TEXT), 4: ("stringData", _TEXT_MAP), 5: ("immutable", _BOOL)},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", "number"),
        2: ("preconditions", {1: ("uid", _TEXT), 2: ("resourceVersion", _TEXT)}),
        4: ("propagationPolicy", _TEXT),
        5: ("dryRun", _TEXTS),
    },
}


def decoded(body: bytes) -> Object:
    """Read a body; raises Rejected: 400 for something else, 415 for a kind whose protobuf is not known here."""
    if not body.startswith(_MAGIC):
        raise _broken()
    envelope = dict(_fields(body[len(_MAGIC) :]))
    identity = _message(envelope.get(1, b""), {1: ("apiVersion", _TEXT), 2: ("kind", _TEXT)})
    kind = identity.get("kind", "")
    if kind not in _KINDS:
        raise unsupported(
            f"the sandbox does not read a {kind} in protobuf: add `--dry-run=client -o yaml | kubectl apply -f -`"
        )
    fields = _KINDS[kind] if kind == "DeleteOptions" else {1: ("metadata", _METADATA), **_KINDS[kind]}
    return {**identity, **_message(envelope.get(2, b""), fields)}


def _message(data: Any, fields: _Fields) -> Object:
    found: Object = {}
    for number, value in _fields(data):
        name, shape = fields.get(number, ("", ""))
        if shape in (_TEXT_MAP, _BYTES_MAP):
            entry = dict(_fields(value))
            read = _text if shape == _TEXT_MAP else _base64
            found.setdefault(name, {})[_text(entry.get(1, b""))] = read(entry.get(2, b""))
        elif shape == _TEXTS:
            found.setdefault(name, []).append(_text(value))
        elif name and value != b"":  # an empty text is how Go writes an absent one
            found[name] = _value(shape, value)
    return found


def _value(shape: Any, value: Any) -> Any:
    if isinstance(shape, dict):
        return _message(value, shape)
    if shape == _TEXT:
        return _text(value)
    return bool(value) if shape == _BOOL else value


def _text(value: Any) -> str:
    try:
        return str(value, "utf-8")
    except (TypeError, UnicodeDecodeError) as error:
        raise _broken() from error


def _base64(value: Any) -> str:
    return base64.b64encode(value).decode()


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
    """Give number and value of each field: a whole number, or bytes."""
    if not isinstance(data, bytes):
        raise _broken()
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        match tag & 7:
            case 0:
                value, position = _varint(data, position)
                yield tag >> 3, value
            case 2:
                length, position = _varint(data, position)
                if position + length > len(data):
                    raise _broken()
                yield tag >> 3, data[position : position + length]
                position += length
            case _:
                raise _broken()


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise _broken()


def _broken() -> Refused:
    return bad_request("the body is not protobuf as Kubernetes writes it")
