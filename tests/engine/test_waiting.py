"""`wait`: for time to pass, for a moment, for an object."""

from typing import Any

import pytest

from engine.harness import START, Story, graph_of, pod
from tidegate.api.conditions import timestamp
from tidegate.engine.actions import LookAt
from tidegate.engine.facts import ObjectFact

HOUR = 3600


def story(wait: dict[str, Any], **task: Any) -> Story:
    told = Story(graph_of({"name": "w", "wait": wait, **task}))
    told.step()
    return told


# Time


@pytest.mark.parametrize(
    "time",
    [
        timestamp(START + HOUR),
        timestamp(START + HOUR).replace("Z", "+00:00"),
        "$[[ run.scheduledTime + duration('1h') ]]",
        "$[[ string(run.scheduledTime + duration('1h')) ]]",
    ],
)
def test_a_wait_is_over_at_its_time(time: str):
    told = story({"time": time})
    assert (told.letters, told.plan.wake_at) == ("W", START + HOUR)
    assert told.plan.status["why"] == f"w waits until {timestamp(START + HOUR)}"
    told.step(HOUR - 0.5)
    assert told.letters == "W"
    told.step(0.5)
    assert told.letters == "S"


def test_a_time_between_two_seconds_has_passed_at_the_second():
    told = story({"time": timestamp(START + 10).replace("Z", ".25Z")})
    told.step(10.3)
    assert (told.letters, told.plan.wake_at) == ("W", START + 11)
    told.step(0.7)
    assert told.letters == "S"


def test_a_time_that_has_passed_does_not_wait():
    assert story({"time": timestamp(START - 1)}).letters == "S"
    assert story({"time": timestamp(START)}).letters == "S"


@pytest.mark.parametrize(
    ("time", "found"),
    [
        ("tomorrow", '"tomorrow" is not a timestamp such as 2026-05-01T06:30:00Z'),
        ("2026-02-30T00:00:00Z", '"2026-02-30T00:00:00Z" names a moment that does not exist'),
        ("$[[ 'no' + 'time' ]]", '"notime" is not a timestamp'),
        ("2026-05-01", '"2026-05-01" is not a timestamp'),
    ],
)
def test_what_is_no_time_fails_the_task_with_what_was_found(time: str, found: str):
    told = story({"time": time})
    assert (told.letters, told.row("w")["reason"]) == ("F", "InvalidTime")
    assert found in told.row("w")["message"]


@pytest.mark.parametrize("wait", [{"seconds": 100}, {"time": timestamp(START + 100)}])
def test_a_wait_that_takes_longer_than_its_timeout_fails_then(wait: dict[str, Any]):
    told = story({**wait, "timeoutSeconds": 30})
    told.reload()
    told.step(29)
    assert (told.letters, told.plan.wake_at) == ("W", START + 30)
    told.step(1)
    assert (told.letters, told.row("w")["reason"]) == ("F", "TimedOut")
    assert told.row("w")["message"] == "waited 30 s in vain"


@pytest.mark.parametrize("wait", [{"seconds": 30}, {"time": timestamp(START + 30)}])
def test_a_timeout_that_is_not_reached_changes_nothing(wait: dict[str, Any]):
    told = story({**wait, "timeoutSeconds": 30})
    told.reload()
    told.step(30)
    assert told.letters == "S"


def test_until_when_is_waited_is_kept_in_status():
    told = story({"time": "$[[ run.scheduledTime + duration('1h') ]]"})
    assert told.plan.status["ledger"]["extra"][0][:5] == [0, 0, 0, 0, START + HOUR]
    told.reload()
    told.step(HOUR)
    assert told.letters == "S"


# Objects

FOR = {"resource": "deployments", "group": "apps", "name": "web"}


def a_deployment(available: str = "True", **status: Any) -> ObjectFact:
    condition = {"type": "Available", "status": available, "reason": "Enough", "message": "2 of 3 replicas are there"}
    return ObjectFact(
        {"kind": "Deployment", "metadata": {"name": "web"}, "status": {"conditions": [condition]} | status}
    )


def waiting_for(condition: str | None = "Available", *, when: str | None = None, **more: Any) -> Story:
    test = {"when": when} if when else {"condition": condition}
    return story({"for": {**FOR, **test}, **more})


def test_the_object_is_asked_for_with_the_rights_of_the_tasks_account():
    told = waiting_for()
    assert told.plan.actions == (LookAt((0, 0), "apps", "deployments", "web", "default"),)
    told = story({"for": {**FOR, "name": "$[[ 'w' + 'eb' ]]", "condition": "Available"}}, serviceAccountName="etl")
    assert told.plan.actions == (LookAt((0, 0), "apps", "deployments", "web", "etl"),)


def test_the_account_may_come_from_the_defaults():
    task = {"name": "w", "wait": {"for": {**FOR, "condition": "Available"}}}
    told = Story(graph_of(task, taskDefaults={"serviceAccountName": "etl", "timeoutSeconds": 5}))
    told.step()
    assert told.plan.actions == (LookAt((0, 0), "apps", "deployments", "web", "etl"),)


def test_the_wait_is_over_when_the_condition_is_true():
    told = waiting_for()
    assert told.plan.status["why"] == 'w waits: deployments.apps "web" was not read yet'
    told.objects[0] = a_deployment("False")
    told.step(2)
    assert told.letters == "W"
    assert told.row("w")["reason"] == "NotYet"
    assert told.row("w")["message"] == 'deployments.apps "web": Available is False: Enough: 2 of 3 replicas are there'
    assert told.plan.status["why"] == f"w waits: {told.row('w')['message']}"
    told.objects[0] = a_deployment()
    told.step(2)
    assert (told.letters, told.plan.status.get("outputs"), told.condition) == ("S", None, ("True", "Completed"))
    assert told.plan.actions == ()


@pytest.mark.parametrize(
    "status", [None, {}, {"conditions": None}, {"conditions": [{"type": "Other"}]}, {"conditions": 5}]
)
def test_a_condition_that_is_not_there_is_waited_for(status: Any):
    told = waiting_for()
    told.objects[0] = ObjectFact({"metadata": {"name": "web"}, "status": status})
    told.step(2)
    assert (told.letters, told.row("w")["message"]) == ("W", 'deployments.apps "web": it has no condition Available')


@pytest.mark.parametrize(
    ("when", "letter", "message"),
    [
        ("object.status.replicas >= 2", "S", ""),
        ("object.status.replicas >= 3", "W", "object.status.replicas >= 3 is false"),
        ("object.status.ready", "W", 'no such key: "ready"'),
        ("object.status.conditions[3].type == 'x'", "W", "there is no element 3"),
        ("object.?status.?ready.orValue(false)", "W", "is false"),
        ("object.status.replicas.startsWith('2')", "F", "startsWith"),
        ("object.status.replicas", "F", "wait.for.when gave int; expected true or false"),
    ],
)
def test_when_is_asked_of_the_object(when: str, letter: str, message: str):
    told = waiting_for(when=when)
    told.objects[0] = a_deployment(replicas=2)
    told.step(2)
    assert told.letters == letter
    assert message in told.row("w").get("message", "")


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("NotFound", 'deployments.apps "web" not found'),
        ("Forbidden", 'ServiceAccount default may not get deployments.apps "web" in namespace ns'),
        ("UnknownResource", 'the server has no resource "deployments" in group "apps"'),
    ],
)
def test_what_cannot_be_read_is_told_in_the_clusters_words_and_waited_for(reason: str, message: str):
    told = waiting_for()
    told.objects[0] = ObjectFact(None, reason, message)
    told.step(2)
    row = told.row("w")
    assert (told.letters, row["state"], row["reason"], row["message"]) == ("W", "Waiting", reason, message)
    assert told.plan.status["why"] == f"w waits: {message}"
    told.reload()
    told.step(2)
    assert told.row("w") == row, "what was learned is still told after a crash"
    told.objects[0] = a_deployment()
    told.step(2)
    assert told.letters == "S"


def test_a_wait_for_an_object_ends_at_its_timeout_with_what_was_last_seen():
    told = waiting_for(timeoutSeconds=60)
    told.objects[0] = ObjectFact(None, "NotFound", 'deployments.apps "web" not found')
    told.step(2)
    told.reload()
    told.step(57)
    assert (told.letters, told.plan.wake_at) == ("W", START + 60)
    told.step(1)
    assert (told.letters, told.row("w")["reason"]) == ("F", "TimedOut")
    assert told.row("w")["message"] == 'waited 60 s in vain; at last NotFound: deployments.apps "web" not found'


def test_what_is_there_at_the_last_moment_counts():
    told = waiting_for(timeoutSeconds=60)
    told.objects[0] = a_deployment()
    told.step(60)
    assert told.letters == "S"


@pytest.mark.parametrize("name", ["", "../secrets/x", "a/b", "a%2Fb", "..", "a?b", "a#b", "x" * 254, "a\nb"])
def test_a_name_that_leads_elsewhere_fails_the_task_and_is_never_asked_for(name: str):
    task = {"name": "w", "wait": {"for": {**FOR, "name": "$[[ params.n ]]", "condition": "Available"}}}
    told = Story(graph_of(task, params=[{"name": "n"}]), params={"n": name})
    told.step()
    assert (told.letters, told.row("w")["reason"], told.plan.actions) == ("F", "InvalidName", ())


def test_an_object_is_not_looked_at_again_while_nothing_of_it_changed():
    told = waiting_for(when="object.status.replicas >= 3")
    told.objects[0] = a_deployment(replicas=2)
    told.step(2)
    before = told.plan.status
    told.step(2)
    assert told.plan.status == before
    assert not told.plan.deciding


def test_a_cancelled_run_stops_waiting_for_an_object():
    told = waiting_for()
    told.desired = "Cancelled"
    told.step(1)
    assert (told.letters, told.plan.actions) == ("Z", ())


def test_dependants_run_when_the_object_is_there():
    told = Story(graph_of({"name": "w", "wait": {"for": {**FOR, "condition": "Available"}}}, pod("p", "w")))
    told.step()
    told.objects[0] = a_deployment()
    told.step(2)
    assert told.started() == [("p", 1)]
