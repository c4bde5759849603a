"""Signatures: who knows the secret passes, and nobody else; whatever is edited, forged, old or malformed does not."""

import base64
import hashlib
import hmac
import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from tidegate.api.webhook import Verify
from tidegate.errors import RequestRefused
from tidegate.receiver.signatures import TOLERANCE, check, keys_of

KEY = base64.b64encode(b"a secret of twenty-four!")
SECRET = b"whsec_" + KEY
OTHER = b"whsec_" + base64.b64encode(b"another secret of twenty")
NOW = 1_800_000_000
TOKEN = "t0ken"
BODY = '{"type":"ping","name":"Zoë"}'.encode()
STANDARD, GITHUB, BEARER = Verify.STANDARD_WEBHOOKS, Verify.GITHUB, Verify.BEARER


def signed(body=BODY, identity="msg_1", second=NOW, secret=SECRET):
    """Sign as a sender does, without our code and without the library."""
    key = base64.b64decode(secret.removeprefix(b"whsec_"))
    digest = hmac.new(key, f"{identity}.{second}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": identity, "webhook-timestamp": str(second), "webhook-signature": signature}


def github(body=BODY, secret=b"s3cret"):
    return {"x-hub-signature-256": f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"}


def bearer(token=TOKEN):
    return {"authorization": f"Bearer {token}"}


def refusal(verify, secret, headers, body=BODY, now=NOW):
    """Give the sentence with which a request is refused; empty when it passes."""
    try:
        check(verify, keys_of(verify, secret), headers, body, now)
    except RequestRefused as refused:
        return f"{refused.status}: {refused.message}"
    return ""


@pytest.mark.parametrize(
    ("verify", "secret", "headers"),
    [
        (STANDARD, SECRET, signed()),
        (STANDARD, KEY, signed()),
        (STANDARD, SECRET + b"\n", signed()),
        (STANDARD, OTHER + b"\n" + SECRET, signed()),
        (STANDARD, SECRET, signed() | {"webhook-signature": "v1a,x v1,eA== " + signed()["webhook-signature"]}),
        (GITHUB, b"s3cret", github()),
        (GITHUB, b"old\ns3cret\n", github()),
        (GITHUB, "schlüssel".encode(), github(secret="schlüssel".encode())),
        (BEARER, b"t0ken", bearer()),
        (BEARER, b"new\nt0ken", {"authorization": "bearer  t0ken "}),
        (BEARER, "schlüssel".encode(), bearer("schlüssel")),
    ],
)
def test_who_knows_the_secret_passes(verify, secret, headers):
    assert refusal(verify, secret, headers) == ""


def without(headers, name):
    return {key: value for key, value in headers.items() if key != name}


FORGED = [
    (STANDARD, SECRET, {}, "webhook-id is missing"),
    *((STANDARD, SECRET, without(signed(), name), f"{name} is missing") for name in signed()),
    (STANDARD, SECRET, signed(secret=OTHER), "does not match"),
    (STANDARD, SECRET, signed(body=BODY + b" "), "does not match"),
    (STANDARD, SECRET, signed() | {"webhook-id": "msg_2"}, "does not match"),
    (STANDARD, SECRET, signed() | {"webhook-timestamp": str(NOW + 1)}, "does not match"),
    (STANDARD, SECRET, signed() | {"webhook-timestamp": f"{NOW}.0"}, "not a number of seconds"),
    (STANDARD, SECRET, signed() | {"webhook-timestamp": "nan"}, "not a number of seconds"),
    (STANDARD, SECRET, signed() | {"webhook-timestamp": "-1"}, "not a number of seconds"),
    (STANDARD, SECRET, signed() | {"webhook-timestamp": "9" * 40}, "not a number of seconds"),
    (STANDARD, SECRET, signed() | {"webhook-timestamp": "١٨٠٠٠٠٠٠٠٠"}, "not a number of seconds"),
    (STANDARD, SECRET, signed() | {"webhook-signature": "v1"}, "does not match"),
    (STANDARD, SECRET, signed() | {"webhook-signature": "v1,"}, "does not match"),
    (STANDARD, SECRET, signed() | {"webhook-signature": ",,, v1,=== v2,x"}, "does not match"),
    (STANDARD, SECRET, signed() | {"webhook-signature": signed()["webhook-signature"][:-1]}, "does not match"),
    (STANDARD, SECRET, signed() | {"webhook-signature": "v1a" + signed()["webhook-signature"][2:]}, "does not match"),
    (STANDARD, SECRET, signed() | {"webhook-id": "\udcff"}, "cannot have"),
    (STANDARD, SECRET, github(secret=SECRET), "webhook-id is missing"),
    (GITHUB, b"s3cret", {}, "x-hub-signature-256 is missing"),
    (GITHUB, b"s3cret", github(secret=b"s3cre"), "does not match"),
    (GITHUB, b"s3cret", github(body=b"{}"), "does not match"),
    (GITHUB, b"s3cret", {"x-hub-signature": github()["x-hub-signature-256"]}, "x-hub-signature-256 is missing"),
    (GITHUB, b"s3cret", {"x-hub-signature-256": github()["x-hub-signature-256"].removeprefix("sha256=")}, "not match"),
    (GITHUB, b"s3cret", {"x-hub-signature-256": "sha256="}, "does not match"),
    (GITHUB, b"s3cret", {"x-hub-signature-256": "\udcff"}, "cannot have"),
    (BEARER, b"t0ken", {}, "authorization is missing"),
    (BEARER, b"t0ken", bearer("T0ken"), "does not match"),
    (BEARER, b"t0ken", bearer(""), "does not match"),
    (BEARER, b"t0ken", {"authorization": "t0ken"}, "expected Bearer"),
    (BEARER, b"t0ken", {"authorization": "Basic t0ken"}, "expected Bearer"),
    (BEARER, b"new\nt0ken", bearer("new\nt0ken"), "does not match"),
    (BEARER, b"t0ken", bearer("\udcff"), "cannot have"),
]


@pytest.mark.parametrize(("verify", "secret", "headers", "words"), FORGED)
def test_nobody_else_does(verify, secret, headers, words):
    told = refusal(verify, secret, headers)
    assert told.startswith("401: ")
    assert words in told


def test_a_body_that_is_no_text_was_never_signed_so():
    assert "cannot have" in refusal(STANDARD, SECRET, signed(body=b"\xff"), b"\xff")
    assert refusal(GITHUB, b"s3cret", github(body=b"\xff"), b"\xff") == ""


@pytest.mark.parametrize(
    ("age", "words"),
    [(0, ""), (299, ""), (300, ""), (301, "301 s old"), (-300, ""), (-301, "301 s ahead"), (NOW, "s old")],
)
def test_a_signature_is_good_for_five_minutes(age, words):
    told = refusal(STANDARD, SECRET, signed(second=NOW - age))
    assert told == "" if not words else words in told


@pytest.mark.parametrize(
    ("verify", "secret", "words"),
    [
        (STANDARD, b"", "empty"),
        (GITHUB, b" \n\n", "empty"),
        (BEARER, b"\n", "empty"),
        (STANDARD, b"whsec_", "not base64"),
        (STANDARD, b"whsec_!!!!", "not base64"),
        (STANDARD, b"whpk_abcd", "not base64"),
        (STANDARD, "whsec_ü".encode(), "not base64"),
        (STANDARD, SECRET + b"\nplain words", "not base64"),
        (STANDARD, b"A", "not base64"),
    ],
)
def test_a_secret_that_could_verify_nothing_is_none(verify, secret, words):
    with pytest.raises(ValueError, match=words):
        keys_of(verify, secret)


@given(
    identity=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=1, max_size=40),
    body=st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
    change=st.sampled_from(["", "id", "body", "signature", "key"]),
)
def test_it_judges_as_the_library_does(identity, body, change):
    """The library reads the clock by itself, so this is about now."""
    now = int(time.time())
    text = json.dumps(body).encode()
    headers = signed(text, identity, now)
    if change == "id":
        headers["webhook-id"] += "x"
    if change == "signature":
        headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v1,AAAA", 1)
    secret, sent = OTHER if change == "key" else SECRET, text + b" " if change == "body" else text
    try:
        Webhook(secret.decode()).verify(sent, headers, json_parse=False)
        accepted = True
    except (WebhookVerificationError, ValueError):
        accepted = False
    assert (refusal(STANDARD, secret, headers, sent, now) == "") is accepted
    assert accepted is (change == "")


def test_of_a_hundred_thousand_that_are_forged_not_one_passes():
    rng = random.Random(5)
    good = {STANDARD: (SECRET, signed()), GITHUB: (b"s3cret", github()), BEARER: (b"t0ken", bearer())}
    for verify, (secret, headers) in good.items():
        assert refusal(verify, secret, headers) == ""
        for _ in range(33_334):
            forged, body = dict(headers), BODY
            name = rng.choice([*headers, "body"] if verify is not BEARER else [*headers])
            if name == "body":
                place = rng.randrange(len(BODY))
                body = BODY[:place] + bytes([BODY[place] ^ (1 << rng.randrange(7))]) + BODY[place + 1 :]
            else:
                text, place = forged[name], rng.randrange(len(forged[name]))
                edited = chr(ord(text[place]) ^ (1 << rng.randrange(6)))
                forged[name] = rng.choice([text[:place] + edited + text[place + 1 :], text[:place], text + "A"])
            if (forged, body) != (headers, BODY) and not _means_the_same(forged, headers):
                assert refusal(verify, secret, forged, body), (forged, body)


def _means_the_same(forged, headers):
    """Whether only the scheme's case is another."""
    scheme, _, token = forged.get("authorization", "").partition(" ")
    return f"{scheme.title()} {token}" == headers.get("authorization")


def test_the_tolerance_is_that_of_the_specification():
    assert TOLERANCE == 300
