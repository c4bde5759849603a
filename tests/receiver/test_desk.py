"""The desk: one run an event, whatever is sent twice; who is not verified learns nothing; who is, learns why not."""

import asyncio

import pytest

from receiver.stage import PLACE, Stage
from tidegate.api.conditions import timestamp
from tidegate.errors import Forbidden, NotFound, Rejected, Unavailable
from tidegate.kube.resources import FLOWRUNS
from tidegate.receiver.hooks import Place
from tidegate.receiver.reading import MOST_BYTES, MOST_HELD, SECONDS
from tidegate.receiver.telling import QUIET_SECONDS
from virtual_loop import on_virtual_time

ORDER = [{"name": "order", "type": "string"}]
PICK = {"order": "$[[ event.data.order ]]"}


def key(text):
    return {"idempotency-key": text}


@on_virtual_time
async def test_an_event_gets_a_run_that_has_only_what_was_picked():
    template = {"runTemplate": {"metadata": {"labels": {"team": "x"}}}}
    stage = Stage(params=ORDER, spec=template)
    stage.edit(params=PICK, labels={"of": "$[[ event.id ]]"})
    answer = await stage.send({"order": "A-17", "card": "4111"}, key("e-1"))
    (name,) = stage.names
    assert (answer.status, answer.body) == (202, {"run": name})
    run = stage.run(name)
    assert run["spec"] == {
        "flowRef": {"name": "etl"},
        "params": {"order": "A-17"},
        "trigger": {"name": "hook", "kind": "Webhook", "time": timestamp(stage.wall()), "id": "e-1"},
    }
    assert run["metadata"]["labels"] == {
        "team": "x",
        "of": "e-1",
        "app.kubernetes.io/managed-by": "tidegate",
        "tidegate.dev/flow": "etl",
        "tidegate.dev/trigger": "hook",
    }
    (owner,) = run["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Flow", stage.hooks.find(PLACE).uid, True)
    assert name.startswith("etl-")


@on_virtual_time
async def test_an_event_that_is_sent_again_has_its_run():
    stage = Stage()
    first = await stage.send({}, key("e-1"))
    stage.begin()
    calls = list(stage.api.calls)
    again = await stage.send({"other": "body"}, key("e-1"))
    assert (again.status, again.body) == (200, first.body)
    assert stage.api.calls == calls  # it costs no request
    assert [result for _, result in stage.outcomes] == ["Started", "Duplicate"]


@on_virtual_time
async def test_who_does_not_know_the_runs_asks_the_api_server():
    stage = Stage()
    stage.hears = False
    first, again = await stage.send({}, key("e-1")), await stage.send({}, key("e-1"))
    assert (first.status, again.status, again.body) == (202, 200, first.body)
    assert len(stage.names) == 1


@on_virtual_time
async def test_of_a_hundred_at_once_one_starts_the_run():
    stage = Stage()
    stage.hears = False
    stage.api.latency = 0.1
    answers = await asyncio.gather(*(stage.send({}, key("e-1")) for _ in range(100)))
    assert sorted(answer.status for answer in answers) == [200] * 99 + [202]
    assert len({answer.body["run"] for answer in answers}) == 1


@on_virtual_time
async def test_other_events_get_other_runs():
    stage = Stage()
    for headers in (key("e-1"), key("e-2"), {}, {}):
        assert (await stage.send({}, headers)).status == 202
    assert len(stage.names) == 4


@on_virtual_time
async def test_another_trigger_another_flow_and_a_flow_made_anew_get_runs_of_their_own():
    stage = Stage()
    spec = stage.api.objects["flows", "ns", "etl"]["spec"]
    twice = {**spec, "triggers": [*spec["triggers"], {**spec["triggers"][0], "name": "other"}]}
    stage.put_flow(twice)
    stage.put_flow(spec, name="etl-2")
    names = {(await stage.send({}, key("e"), place)).body["run"] for place in (PLACE, Place("ns", "etl", "other"))}
    names.add((await stage.send({}, key("e"), Place("ns", "etl-2", "hook"))).body["run"])
    old = stage.hooks.find(PLACE).flow
    del stage.api.objects["flows", "ns", "etl"]
    stage.put_flow(spec)
    stage.hooks.take("DELETED", old)  # the news of the old one's end come late
    names.add((await stage.send({}, key("e"))).body["run"])
    assert len(names) == 4


@on_virtual_time
async def test_a_name_that_somebody_else_has_is_not_taken_for_the_run():
    stage = Stage()
    name = (await stage.send({}, key("e-1"))).body["run"]
    stage.runs.take("DELETED", stage.runs.find(("ns", name)))
    stage.hears = False
    taken = stage.run(name)
    stage.api.put(
        FLOWRUNS, "ns", name, {**taken, "spec": {**taken["spec"], "trigger": {"name": "x", "kind": "Webhook"}}}
    )
    answer = await stage.send({}, key("e-1"))
    assert answer.status == 409
    assert name in answer.body["error"]


@on_virtual_time
async def test_an_event_of_no_interest_starts_nothing():
    stage = Stage(when="event.data.live && event.type != 'ping'")
    answer = await stage.send({"live": False})
    assert (answer.status, answer.body, stage.names) == (200, {"filtered": True}, [])
    assert (await stage.send({"live": True}, {"x-github-event": "ping"})).body == {"filtered": True}
    assert (await stage.send({"live": True})).status == 202


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, 'no such key: "order"'),
        ([], "event.data.order"),
        (None, "event.data.order"),
        ({"order": 7}, "params.order: got 7; expected a string"),
        ({"order": None}, "params.order: is required"),
    ],
)
def test_an_event_from_which_no_params_can_be_made_is_the_senders_to_correct(body, words):
    @on_virtual_time
    async def story():
        stage = Stage(params=ORDER)
        stage.edit(params=PICK)
        answer = await stage.send(body)
        assert (answer.status, stage.names) == (422, [])
        assert words in answer.body["error"]

    story()


@on_virtual_time
async def test_params_that_take_too_much_are_refused():
    stage = Stage(params=ORDER)
    stage.edit(params=PICK)
    answer = await stage.send({"order": "x" * 20_000})
    assert answer.status == 422
    assert "16,384" in answer.body["error"]


@on_virtual_time
async def test_who_is_not_verified_learns_nothing_of_the_flow():
    stage = Stage(suspend=True)
    answer = await stage.send({}, token="wrong")
    assert (answer.status, answer.body) == (401, {"error": "the token does not match"})
    assert stage.outcomes == [(PLACE, "Denied")]
    assert "flowruns" not in str(stage.api.calls)


@pytest.mark.parametrize("place", [Place("ns", "etl", "x"), Place("ns", "x", "hook"), Place("x", "etl", "hook")])
def test_paths_without_a_webhook_are_all_alike(place):
    @on_virtual_time
    async def story():
        stage = Stage()
        answer = await stage.send({}, place=place)
        assert answer.status == 404
        assert answer.body == {"error": "there is no such webhook; expected /hooks/NAMESPACE/FLOW/TRIGGER"}
        assert stage.api.calls == stage.outcomes == []

    story()


@on_virtual_time
async def test_before_all_flows_are_known_nobody_is_told_that_there_is_none():
    stage = Stage()
    stage.ready = False
    answer = await stage.send({}, place=Place("ns", "new", "hook"))
    assert (answer.status, answer.retry_after) == (503, 2)


@pytest.mark.parametrize(
    ("change", "trigger", "words"),
    [
        ({"suspend": True}, {}, "Flow etl is suspended"),
        ({}, {"suspend": True}, "trigger hook of Flow etl is suspended"),
        ({}, {"when": "event.kind"}, 'is not valid: event has no "kind"'),
    ],
)
def test_what_takes_no_events_now_says_so(change, trigger, words):
    @on_virtual_time
    async def story():
        stage = Stage()
        assert (await stage.send({})).status == 202
        stage.edit(change, **trigger)
        answer = await stage.send({})
        assert answer.status == 409
        assert words in answer.body["error"]
        stage.edit({"suspend": False}, suspend=False, when="true")
        assert (await stage.send({})).status == 202

    story()


@on_virtual_time
async def test_a_flow_that_was_found_invalid_takes_no_events_and_one_that_nobody_judged_does():
    stage = Stage()
    spec = stage.api.objects["flows", "ns", "etl"]["spec"]
    bad = {"type": "Ready", "status": "False", "reason": "InvalidSpec", "message": "tasks[0] is odd"}
    stage.put_flow(spec, conditions=[bad])
    answer = await stage.send({})
    assert (answer.status, answer.body["error"]) == (409, "Flow etl is not valid: tasks[0] is odd")
    stage.put_flow(spec, conditions=[bad], generation=2)
    assert (await stage.send({})).status == 202


@on_virtual_time
async def test_a_webhook_that_was_taken_out_is_gone():
    stage = Stage()
    flow = stage.api.objects["flows", "ns", "etl"]
    stage.hooks.take("DELETED", stage.hooks.find(PLACE).flow)  # so says a reflector of what is of no interest any more
    assert (await stage.send({})).status == 404
    assert flow["spec"]["triggers"]


# Bodies


async def slowly(*chunks, pause):
    for chunk in chunks:
        await asyncio.sleep(pause)
        yield chunk


@on_virtual_time
async def test_a_body_that_says_that_it_is_too_large_is_not_read():
    stage, read = Stage(), []

    async def body():
        read.append(1)
        yield b"{}"

    answer = await stage.send(body(), length=MOST_BYTES + 1)
    assert (answer.status, read, stage.api.calls) == (413, [], [])


@on_virtual_time
async def test_a_body_that_becomes_too_large_is_read_no_further():
    stage, read = Stage(), []

    async def body():
        while True:
            read.append(65_536)
            yield b" " * 65_536

    answer = await stage.send(body(), token="wrong")
    assert (answer.status, answer.body) == (413, {"error": "the body is larger than 1,048,576 bytes"})
    assert sum(read) == MOST_BYTES + 65_536
    assert stage.api.calls == []


@on_virtual_time
async def test_the_largest_body_is_read():
    stage = Stage()
    assert (await stage.send(b'"' + b"x" * (MOST_BYTES - 2) + b'"')).status == 202


@on_virtual_time
async def test_a_body_that_comes_too_slowly_is_given_up():
    stage, began = Stage(), Stage.time()
    answer = await stage.send(slowly(*[b" "] * 100, pause=1.0))
    assert answer.status == 408
    assert Stage.time() - began == SECONDS
    assert (await stage.send(slowly(b"{", b"}", pause=SECONDS / 3))).status == 202


@on_virtual_time
async def test_all_bodies_together_are_bounded():
    stage = Stage()
    most = MOST_HELD // MOST_BYTES
    whole = [b" " * MOST_BYTES]
    sending = [asyncio.create_task(stage.send(slowly(*whole, b"", pause=1.0))) for _ in range(most)]
    await asyncio.sleep(1.5)
    answer = await stage.send({})
    assert (answer.status, answer.retry_after) == (503, 1)
    assert {(await one).status for one in sending} == {400}
    assert (await stage.send({})).status == 202


# Secrets


@on_virtual_time
async def test_a_secret_is_read_again_after_a_few_seconds():
    stage = Stage()
    for _ in range(10):
        assert (await stage.send({})).status == 202
    assert stage.api.calls.count("get secrets") == 1
    stage.put_secret("new")
    await asyncio.sleep(5.0)
    assert (await stage.send({})).status == 401
    assert (await stage.send({}, token="new")).status == 202
    assert stage.api.calls.count("get secrets") == 2


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Forbidden(403, "Forbidden", "secrets is forbidden"), 500, "its namespace must grant that"),
        (NotFound(404, "NotFound", "gone"), 500, "does not exist"),
        (Rejected(400, "BadRequest", "odd"), 500, "cannot be read"),
        (Unavailable(0, "NoAnswer", "refused"), 503, "the API server cannot be reached"),
    ],
)
def test_a_secret_that_cannot_be_read_is_no_reason_to_let_anybody_pass(error, status, words):
    @on_virtual_time
    async def story():
        stage = Stage()
        stage.api.outage = error
        answers = await asyncio.gather(*(stage.send({}) for _ in range(50)))
        assert {answer.status for answer in answers} == {status}
        assert words in answers[0].body["error"]
        assert "hook" not in answers[0].body["error"]
        assert stage.api.calls.count("get secrets") == 1  # one read for all of them
        stage.api.outage = None
        await asyncio.sleep(5.0)
        assert (await stage.send({})).status == 202

    story()


@pytest.mark.parametrize("value", ["", " \n"])
def test_an_empty_secret_verifies_nobody(value):
    @on_virtual_time
    async def story():
        stage = Stage()
        stage.put_secret(value)
        for token in ("", value, "x"):
            assert (await stage.send({}, token=token)).status == 500
        stage.edit(webhook={"secretRef": {"name": "hook", "key": "other"}, "verify": "Bearer"})
        assert (await stage.send({})).status == 500

    story()


# The API server


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Unavailable(0, "NoAnswer", "refused"), 503, "does not take runs now"),
        (Forbidden(403, "Forbidden", "exceeded quota"), 503, "exceeded quota"),
        (Rejected(422, "Invalid", "labels: a b"), 422, "labels: a b"),
    ],
)
def test_what_the_api_server_says_is_told(error, status, words):
    @on_virtual_time
    async def story():
        stage = Stage()
        assert (await stage.send({})).status == 202
        stage.api.outage = error
        answer = await stage.send({}, key("e-1"))
        assert answer.status == status
        assert words in answer.body["error"]
        stage.api.outage = None
        assert (await stage.send({}, key("e-1"))).status == 202

    story()


@on_virtual_time
async def test_an_api_server_that_does_not_answer_is_not_waited_for_longer_than_a_sender_waits():
    stage, began = Stage(), Stage.time()
    stage.api.stalls = True
    answer = await stage.send({})
    assert (answer.status, answer.retry_after) == (503, 5)
    assert Stage.time() - began < 30


@on_virtual_time
async def test_no_more_runs_are_started_than_may_be_pending():
    stage = Stage(webhook={"maxPending": 3})
    for hears in (True, False, False):
        stage.hears = hears
        assert (await stage.send({})).status == 202
    answer = await stage.send({}, key("e-1"))
    assert (answer.status, answer.retry_after, len(stage.names)) == (429, 5, 3)
    stage.begin()
    assert (await stage.send({}, key("e-1"))).status == 202
    assert stage.outcomes[-2:] == [(PLACE, "Throttled"), (PLACE, "Started")]


@on_virtual_time
async def test_runs_that_were_deleted_are_pending_no_more():
    stage = Stage(webhook={"maxPending": 1})
    name = (await stage.send({})).body["run"]
    assert (await stage.send({})).status == 429
    stage.runs.take("DELETED", stage.runs.find(("ns", name)))
    del stage.api.objects["flowruns", "ns", name]
    assert (await stage.send({})).status == 202


@on_virtual_time
async def test_an_event_whose_run_was_deleted_by_hand_may_come_again():
    stage = Stage()
    name = (await stage.send({}, key("e-1"))).body["run"]
    stage.runs.take("DELETED", stage.runs.find(("ns", name)))
    del stage.api.objects["flowruns", "ns", name]
    answer = await stage.send({}, key("e-1"))
    assert (answer.status, answer.body) == (202, {"run": name})


# Events at the Flow


@on_virtual_time
async def test_what_the_author_of_the_flow_must_mend_is_told_there_once():
    stage = Stage(params=ORDER)
    stage.edit(params=PICK)
    for number in range(5):
        assert (await stage.send({"order": number})).status == 422
    await asyncio.sleep(1.0)
    (told,) = stage.events
    assert told.startswith("WebhookEventFailed: trigger hook: the Flow does not take what this event gives")
    await asyncio.sleep(QUIET_SECONDS)
    assert (await stage.send({"order": None})).status == 422
    await asyncio.sleep(1.0)
    assert len(stage.events) == 2


@on_virtual_time
async def test_a_secret_that_is_of_no_use_is_told_at_the_flow():
    stage = Stage()
    stage.put_secret("")
    assert (await stage.send({})).status == 500
    await asyncio.sleep(1.0)
    (told,) = stage.events
    assert told.startswith("WebhookSecretUnusable: trigger hook: the Secret of this trigger has no usable key")


@on_virtual_time
async def test_what_strangers_send_is_not_told():
    stage = Stage(suspend=True)
    for token in ("wrong", "t0ken"):
        await stage.send({}, token=token)
    await asyncio.sleep(1.0)
    assert stage.events == []


@on_virtual_time
async def test_who_sends_does_not_wait_for_what_is_told():
    stage = Stage()
    stage.put_secret("")
    stage.api.latency = 1.0
    began = Stage.time()
    assert (await stage.send({})).status == 500
    assert Stage.time() - began == 1.0  # the read of the Secret
