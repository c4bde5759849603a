"""An event as a request brings it: CloudEvents 1.0, or plain JSON; what expressions see of it, and what it is told by.

What it says is whatever its sender wrote. Nobody's word is taken for who that is: see the receiver's `signatures.py`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from tidegate.api.param import ParamType
from tidegate.api.webhook import Verify
from tidegate.engine import eventbody
from tidegate.engine.localtime import utc
from tidegate.engine.paramtypes import WORDS, is_of, order_of, shown
from tidegate.errors import RequestRefused

_MOST_TEXT = 1024
_MOST_KEY = 253
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time")

_SIGNED_ID = "webhook-id"
_ID_HEADERS: Mapping[Verify, tuple[str, ...]] = {
    Verify.STANDARD_WEBHOOKS: (_SIGNED_ID,),
    Verify.GITHUB: ("x-github-delivery", "idempotency-key"),
    Verify.BEARER: (_SIGNED_ID, "x-github-delivery", "idempotency-key"),
}
"""Where ids of plain requests are looked for: with StandardWebhooks only in what is signed."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `key` tells it from all others that its trigger gets: of two with the same key one counts."""

    key: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Any

    def context(self) -> dict[str, Any]:
        """Give what expressions see as `event`."""
        return {name: getattr(self, name) for name in ("id", "source", "type", "subject", "time", "data")}


def event_of(verify: Verify, headers: Mapping[str, str], body: bytes, received: int, unique: str) -> Event:
    """Read an event.

    Args:
        verify: how the request was verified, which says what of it is signed.
        headers: by lower-case name.
        body: as it came.
        received: when, in seconds since the epoch.
        unique: the id of an event that brings none.

    Raises:
        RequestRefused: it is none, or one that is not taken.
    """
    media = eventbody.media_of(headers)
    if media.startswith("application/cloudevents"):
        return _cloud_event(verify, _envelope(media, body), headers, received)
    data = eventbody.parse(body, media)
    if "ce-specversion" in headers and verify is Verify.BEARER:
        return _cloud_event(verify, {**_ce_headers(headers), "data": data}, headers, received)
    found = _id_of(verify, headers) or unique
    kind = _text("X-GitHub-Event", headers.get("x-github-event", ""))
    return Event(_key(found), found, "", kind, "", utc(received), data)


def _cloud_event(verify: Verify, envelope: Mapping[str, Any], headers: Mapping[str, str], received: int) -> Event:
    version = envelope.get("specversion")
    if version != "1.0":
        raise RequestRefused(400, f"CloudEvents: specversion is {shown(version)}; expected 1.0")
    found = {name: _text(f"CloudEvents: {name}", envelope.get(name) or "") for name in _ATTRIBUTES[1:]}
    for name in ("id", "source", "type"):
        if not found[name]:
            raise RequestRefused(400, f"CloudEvents: {name} is missing")
    if " " in found["source"]:
        raise RequestRefused(400, "CloudEvents: source has a space; expected a URI reference")
    signed = _id_of(verify, headers) if verify is Verify.STANDARD_WEBHOOKS else ""
    return Event(
        key=_key(signed or f"{found['source']} {found['id']}"),
        id=found["id"],
        source=found["source"],
        type=found["type"],
        subject=found["subject"],
        time=_time(found["time"]) if found["time"] else utc(received),
        data=envelope.get("data"),
    )


def _envelope(media: str, body: bytes) -> Mapping[str, Any]:
    if media != "application/cloudevents+json":
        wanted = "application/cloudevents+json, an event a request"
        raise RequestRefused(415, f"Content-Type is {shown(media)}; expected {wanted}")
    envelope = eventbody.parse(body, media)
    if not isinstance(envelope, dict):
        raise RequestRefused(400, "CloudEvents: the body is no JSON object")
    if "data_base64" in envelope:
        raise RequestRefused(415, "CloudEvents: data_base64 is not taken; expected data, as JSON")
    return envelope


def _ce_headers(headers: Mapping[str, str]) -> dict[str, str]:
    try:
        return {name: unquote(headers.get(f"ce-{name}", ""), errors="strict") for name in _ATTRIBUTES}
    except UnicodeDecodeError:
        raise RequestRefused(400, "CloudEvents: a header is no percent-encoded UTF-8") from None


def _id_of(verify: Verify, headers: Mapping[str, str]) -> str:
    name = next((name for name in _ID_HEADERS[verify] if headers.get(name)), None)
    return "" if name is None else _text(name, headers[name])


def _key(text: str) -> str:
    """Give an id that fits into a FlowRun."""
    if len(text) <= _MOST_KEY:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise RequestRefused(400, f"{what} is {shown(value)}; expected text")
    if len(value) > _MOST_TEXT:
        raise RequestRefused(400, f"{what} has {len(value):,} characters; at most {_MOST_TEXT:,} are taken")
    if _UNPRINTABLE.search(value):
        raise RequestRefused(400, f"{what} has characters that cannot be printed")
    return value


def _time(text: str) -> datetime:
    if not is_of(ParamType.DATETIME, text):
        raise RequestRefused(400, f"CloudEvents: time is {shown(text)}; expected {WORDS[ParamType.DATETIME]}")
    found: datetime = order_of(ParamType.DATETIME, text)
    return found
