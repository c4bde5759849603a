"""Events: what CloudEvents 1.0 and plain JSON say, what tells one from another, and what is not taken."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.api.webhook import Verify
from tidegate.engine.event import Event, event_of
from tidegate.errors import RequestRefused

NOW = 1_800_000_000
STANDARD, GITHUB, BEARER = Verify.STANDARD_WEBHOOKS, Verify.GITHUB, Verify.BEARER
STRUCTURED = {"content-type": "application/cloudevents+json; charset=UTF-8"}
CLOUD = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "order.paid", "data": {"n": 1}}
BINARY = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/shop", "ce-type": "order.paid"}


def read(body=b"", headers=(), verify=BEARER):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return event_of(verify, dict(headers), content, NOW, "unique")


def refusal(body=b"", headers=(), verify=BEARER):
    with pytest.raises(RequestRefused) as refused:
        read(body, headers, verify)
    return refused.value.status, refused.value.message


def test_plain_json_is_the_data():
    assert read({"a": [1, 2.0, None, "ü"]}) == Event(
        *("unique", "unique", "", "", "", datetime.fromtimestamp(NOW, UTC)), {"a": [1, 2, None, "ü"]}
    )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/json", b"{}"), ("APPLICATION/JSON;charset=utf-8", b"{}"), ("application/problem+json", b"{}")],
)
def test_what_json_may_be_called(content_type, body):
    assert read(body, {"content-type": content_type}).data == {}


def test_a_request_without_body_is_an_event_too():
    assert read(b"", {"content-type": "application/x-www-form-urlencoded"}).data is None


def test_what_github_calls_an_event_is_its_type():
    event = read({}, {"x-github-event": "push", "x-github-delivery": "d-1"}, GITHUB)
    assert (event.type, event.id, event.key) == ("push", "d-1", "d-1")


def test_a_structured_cloud_event():
    whole = {**CLOUD, "subject": "A-17", "time": "2026-01-31T11:00:00.123456789+01:00", "datacontenttype": "x/y"}
    event = read(whole, STRUCTURED)
    assert event == Event(
        *("/shop 7", "7", "/shop", "order.paid", "A-17"), datetime(2026, 1, 31, 10, 0, 0, 123456, UTC), {"n": 1}
    )


def test_a_binary_cloud_event():
    headers = {**BINARY, "ce-subject": "Z%C3%BCrich %F0%9F%90%9F", "ce-time": "2026-01-31T10:00:00Z"}
    event = read({"n": 1}, headers)
    assert event == Event(
        *("/shop 7", "7", "/shop", "order.paid", "Zürich 🐟"), datetime(2026, 1, 31, 10, tzinfo=UTC), {"n": 1}
    )


@pytest.mark.parametrize("verify", [STANDARD, GITHUB])
def test_headers_that_nobody_signed_make_no_cloud_event(verify):
    event = read({"n": 1}, {**BINARY, "webhook-id": "m", "x-github-delivery": "m"}, verify)
    assert (event.key, event.type, event.data) == ("m", "", {"n": 1})


IDS = {"webhook-id": "w", "x-github-delivery": "g", "idempotency-key": "i"}


@pytest.mark.parametrize(
    ("verify", "body", "headers", "key"),
    [
        (STANDARD, {}, IDS, "w"),
        (STANDARD, CLOUD, {**IDS, **STRUCTURED}, "w"),
        (GITHUB, {}, IDS, "g"),
        (GITHUB, {}, {"webhook-id": "w", "idempotency-key": "i"}, "i"),
        (GITHUB, CLOUD, {**IDS, **STRUCTURED}, "/shop 7"),
        (GITHUB, {}, {"webhook-id": "w"}, "unique"),
        (BEARER, {}, {**IDS, **BINARY}, "/shop 7"),
        (BEARER, {}, IDS, "w"),
        (BEARER, {}, {"x-github-delivery": "g", "idempotency-key": "i"}, "g"),
        (BEARER, {}, {"idempotency-key": "i"}, "i"),
        (BEARER, {}, {}, "unique"),
    ],
)
def test_what_tells_an_event_from_others(verify, body, headers, key):
    assert read(body, headers, verify).key == key


def test_a_long_id_still_fits_into_a_run():
    one, other = (read({}, {"idempotency-key": "k" * 1000 + end}).key for end in "ab")
    assert one.startswith("sha256:")
    assert one != other
    assert len(one) < 253


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"{", {}, 400, "is not JSON"),
        (b"\xff", {}, 400, "not UTF-8, at byte 0"),
        (b'{"a": NaN}', {}, 400, "NaN is no number"),
        (b'{"a": 1e999}', {}, 400, "a number beyond 64 bits"),
        (b'{"a": 9223372036854775808}', {}, 400, "an integer beyond 64 bits"),
        (b'{"a": ' + b"9" * 100_000 + b"}", {}, 400, "an integer beyond 64 bits"),
        (b'{"a": "\\ud800"}', {}, 400, "surrogate"),
        (b"[" * 66 + b"]" * 66, {}, 400, "nested deeper than 64"),
        (b"[" * 500_000 + b"]" * 500_000, {}, 400, "nested deeper than 64"),
        (b'[{"a":' * 100_000, {}, 400, "nested deeper than 64"),
        (b'"' + b'\\"' * 500_000, {}, 400, "is not JSON"),
        (b'[[{"' * 100 + b'\\"' * 500_000, {}, 400, "nested deeper than 64"),
        (b"{}", {"content-type": "text/plain"}, 415, "expected application/json"),
        (b"{}", {"content-type": "application/x-www-form-urlencoded"}, 415, "expected application/json"),
        (b"{}", {"content-type": "application/json; charset=latin-1"}, 415, "expected utf-8"),
        (b"{}", {"idempotency-key": "a\x00b"}, 400, "cannot be printed"),
        (b"{}", {"idempotency-key": "\udcff"}, 400, "cannot be printed"),
        (b"{}", {"idempotency-key": "k" * 1025}, 400, "at most 1,024"),
        (b"[]", STRUCTURED, 400, "no JSON object"),
        (b"", STRUCTURED, 400, "no JSON object"),
        ({**CLOUD, "specversion": "0.3"}, STRUCTURED, 400, 'specversion is "0.3"; expected 1.0'),
        ({**CLOUD, "id": ""}, STRUCTURED, 400, "id is missing"),
        ({**CLOUD, "type": None}, STRUCTURED, 400, "type is missing"),
        ({**CLOUD, "source": 7}, STRUCTURED, 400, "source is 7; expected text"),
        ({**CLOUD, "source": "a b"}, STRUCTURED, 400, "source has a space"),
        ({**CLOUD, "id": "a\nb"}, STRUCTURED, 400, "cannot be printed"),
        ({**CLOUD, "time": "yesterday"}, STRUCTURED, 400, "expected a time such as"),
        ({**CLOUD, "time": "2026-01-31T10:00:00"}, STRUCTURED, 400, "expected a time such as"),
        ({**CLOUD, "time": "9999-12-31T23:00:00-05:00"}, STRUCTURED, 400, "expected a time such as"),
        ({**CLOUD, "data_base64": "AA=="}, STRUCTURED, 415, "data_base64 is not taken"),
        ([CLOUD], {"content-type": "application/cloudevents-batch+json"}, 415, "an event a request"),
        ({}, {**BINARY, "ce-id": "%FF"}, 400, "no percent-encoded UTF-8"),
        ({}, {**BINARY, "ce-id": "%00"}, 400, "cannot be printed"),
        ({}, {"ce-specversion": "1.0"}, 400, "id is missing"),
        (b"x", {**BINARY, "content-type": "image/png"}, 415, "expected application/json"),
    ],
)
def test_what_is_no_event_is_refused_with_a_sentence(body, headers, status, words):
    found = refusal(body, headers)
    assert found[0] == status
    assert words in found[1]
    assert len(found[1]) < 400


def test_a_body_of_sixty_four_levels_is_taken():
    assert read(b"[" * 64 + b"]" * 64).data


def test_many_brackets_side_by_side_are_not_deep():
    assert len(read([[{}], "[[[{\\"] * 10_000).data) == 20_000


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=200,
)


@given(VALUES)
def test_any_json_comes_through_as_it_is(value):
    assert read(value).data == value


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from([*IDS, *BINARY, "content-type"]), st.text()))
def test_whatever_comes_is_an_event_or_a_refusal(body, headers):
    try:
        event = event_of(BEARER, headers, body, NOW, "unique")
    except RequestRefused:
        return
    json.dumps([event.key, event.data], ensure_ascii=False).encode()
