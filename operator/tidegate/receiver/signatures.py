"""Whether a request comes from who knows the secret. Nothing of it was read before, and nothing is told to others.

Standard Webhooks signatures are made by the library of that name. Its `verify` reads the clock by itself and stumbles
over malformed headers, so headers and times are judged here; tests hold both against each other.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

from tidegate.api.webhook import Verify
from tidegate.errors import RequestRefused

TOLERANCE = 300
"""So many seconds a signature may be old, or ahead of our clock."""

_BASE64 = re.compile(rb"(whsec_)?[A-Za-z0-9+/]+={0,2}")
_SECOND = re.compile(r"[0-9]{1,11}")


def keys_of(verify: Verify, secret: bytes) -> tuple[bytes, ...]:
    """Read a Secret's value: a key a line, so that a new one can be made known before the old one goes.

    Raises:
        ValueError: it has none, or one of another form.
    """
    lines = tuple(line.strip() for line in secret.splitlines() if line.strip())
    if not lines:
        raise ValueError("it is empty")
    if verify is Verify.STANDARD_WEBHOOKS:
        for line in lines:
            _demand_base64(line)
    return lines


def check(verify: Verify, keys: tuple[bytes, ...], headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Let a request pass that was signed with one of the keys.

    Args:
        verify: how it shows that.
        keys: of `keys_of`.
        headers: by lower-case name.
        body: as it came.
        now: in seconds since the epoch.

    Raises:
        RequestRefused: 401, with what is wrong.
    """
    try:
        _CHECKS[verify](keys, headers, body, now)
    except (UnicodeError, binascii.Error):
        raise RequestRefused(401, "the signature, or what it is for, has characters that it cannot have") from None


def _standard(keys: tuple[bytes, ...], headers: Mapping[str, str], body: bytes, now: float) -> None:
    identity, second, given = (_header(headers, f"webhook-{part}") for part in ("id", "timestamp", "signature"))
    if _SECOND.fullmatch(second) is None:
        raise RequestRefused(401, "webhook-timestamp is not a number of seconds since 1970")
    age = now - int(second)
    if abs(age) > TOLERANCE:
        side = "old" if age > 0 else "ahead"
        raise RequestRefused(401, f"webhook-timestamp is {abs(age):.0f} s {side}; at most {TOLERANCE} s are allowed")
    moment, text = datetime.fromtimestamp(int(second), UTC), body.decode()
    signatures = [part.encode() for part in given.split(" ") if part.startswith("v1,")]
    for key in keys:
        right = Webhook(key.decode("ascii")).sign(identity, moment, text).encode()
        if _is_among(right, signatures):
            return
    raise RequestRefused(401, "webhook-signature does not match")


def _github(keys: tuple[bytes, ...], headers: Mapping[str, str], body: bytes, _: float) -> None:
    given = _header(headers, "x-hub-signature-256").encode()
    for key in keys:
        right = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
        if hmac.compare_digest(right.encode(), given):
            return
    raise RequestRefused(401, "X-Hub-Signature-256 does not match")


def _bearer(keys: tuple[bytes, ...], headers: Mapping[str, str], _: bytes, __: float) -> None:
    scheme, _space, token = _header(headers, "authorization").partition(" ")
    if scheme.lower() != "bearer":
        raise RequestRefused(401, "Authorization is of another scheme; expected Bearer")
    if not _is_among(token.strip().encode(), keys):
        raise RequestRefused(401, "the token does not match")


_CHECKS: Mapping[Verify, Callable[[tuple[bytes, ...], Mapping[str, str], bytes, float], None]] = {
    Verify.STANDARD_WEBHOOKS: _standard,
    Verify.GITHUB: _github,
    Verify.BEARER: _bearer,
}


def _is_among(one: bytes, others: tuple[bytes, ...] | list[bytes]) -> bool:
    """Compare with each, in a time that tells nothing of where they differ."""
    return any([hmac.compare_digest(one, other) for other in others])  # noqa: C419 - all of them, always


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not value:
        raise RequestRefused(401, f"the header {name} is missing")
    return value


def _demand_base64(line: bytes) -> None:
    try:
        if _BASE64.fullmatch(line) and base64.b64decode(line.removeprefix(b"whsec_") + b"=="):
            return
    except binascii.Error:
        pass
    raise ValueError("it is not base64; expected whsec_ and then base64")
