"""`tidegate explain`: what would run, what would be skipped and why, decided by the production engine."""

import json
import textwrap

import pytest
from click.testing import CliRunner

from tidegate.cli.main import main

FLOW = textwrap.dedent("""
    apiVersion: tidegate.dev/v1alpha1
    kind: Flow
    metadata: {name: nightly}
    spec:
      params: [{name: region, type: string, default: eu, enum: [eu, us]}]
      tasks:
      - {name: list, image: busybox, retry: {limit: 2, delaySeconds: [1, 5]}}
      - {name: load, needs: [list], image: busybox, args: ["$[[ tasks.list.outputs.files[0] ]]"]}
      - {name: alert, needs: [load], runWhen: AnyFailed, image: busybox}
      - {name: us, needs: [list], when: "params.region == 'us'", image: busybox}
      - {name: pause, needs: [load], wait: {seconds: 3600}}
      finally:
      - {name: tidy, image: busybox, args: ["$[[ run.reason ]]"]}
      outputs: [{name: "n", value: "$[[ tasks.list.outputs.n ]]"}]
""")
KNOWN = ("--output", 'list.files=["a"]', "--output", "list.n=3")


def explained(*args: str, code: int):
    result = CliRunner().invoke(main, ["explain", "-", "-o", "json", *args], input=FLOW)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def states(told) -> dict[str, str]:
    return {task["name"]: task["state"] for task in told["tasks"]}


def test_a_run_that_goes_well_is_told_with_its_outputs_and_times():
    told = explained(*KNOWN, code=0)
    assert states(told) == {
        "list": "Succeeded",
        "load": "Succeeded",
        "alert": "Skipped",
        "us": "Skipped",
        "pause": "Succeeded",
        "tidy": "Succeeded",
    }
    assert told["outputs"] == {"n": 3}
    assert told["tasks"][1]["beginsSeconds"] == 60
    assert told["tasks"][3]["message"] == "params.region == 'us' is false"


def test_params_change_what_would_run():
    assert states(explained(*KNOWN, "-p", "region=us", code=0))["us"] == "Succeeded"


def test_a_failure_is_played_through_with_its_retries_and_handlers():
    told = explained("--outcome", "list=Failed", code=3)
    assert (told["tasks"][0]["state"], told["tasks"][0]["attempts"]) == ("Failed", 3)
    assert states(told)["alert"] == "Succeeded"
    assert told["outcome"]["reason"] == "TaskFailed"


def test_outputs_that_are_not_known_are_asked_for():
    result = CliRunner().invoke(main, ["explain", "-"], input=FLOW)
    assert result.exit_code == 3
    assert "\nOutputs of list are not known here: give --output list.KEY=VALUE\n" in result.stdout


def test_text_says_why_a_task_begins():
    result = CliRunner().invoke(main, ["explain", "-", *KNOWN], input=FLOW)
    lines = {line.split()[0]: " ".join(line.split()) for line in result.stdout.splitlines() if line}
    assert lines["load"] == "load Succeeded +1m +2m AllSucceeded of list"
    assert lines["tidy"].endswith("finally: all tasks have ended")
    assert "The run would succeed after 1h3m: Completed: 4 tasks succeeded, 2 skipped" in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--outcome", "lits=Failed"), 'there is no task "lits"; did you mean "list"?'),
        (("--outcome", "list=Broken"), 'got "Broken"; expected Succeeded or Failed'),
        (("--outcome", "pause=Failed"), "it has no container"),
        (("--output", "list=3"), "expected TASK.KEY=VALUE"),
        (("-p", "region=mars"), "--param region"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(args: tuple[str, ...], message: str):
    result = CliRunner().invoke(main, ["explain", "-", *args], input=FLOW)
    assert result.exit_code == 2
    assert message in result.stderr


APPROVAL = textwrap.dedent("""
    apiVersion: tidegate.dev/v1alpha1
    kind: Flow
    metadata: {name: release}
    spec:
      tasks:
      - {name: signOff, approval: {message: Shall it go out?, timeoutSeconds: 3600}}
      - {name: publish, needs: [signOff], image: busybox}
""")


@pytest.mark.parametrize(
    ("decision", "reason", "publish"),
    [
        ("Approved", "Completed", "Succeeded"),
        ("Rejected", "TaskFailed", "Skipped"),
        ("TimedOut", "TaskFailed", "Skipped"),
    ],
)
def test_an_approval_is_decided_as_is_assumed(decision: str, reason: str, publish: str):
    args = ["explain", "-", "-o", "json", "--outcome", f"signOff={decision}"]
    told = json.loads(CliRunner().invoke(main, args, input=APPROVAL).stdout)
    assert (told["outcome"]["reason"], states(told)["publish"]) == (reason, publish)


SENSOR = textwrap.dedent("""
    apiVersion: tidegate.dev/v1alpha1
    kind: Flow
    metadata: {name: sensor}
    spec:
      tasks:
      - name: ready
        wait:
          for: {group: apps, resource: deployments, name: web, CHECK}
          timeoutSeconds: 600
      - {name: call, needs: [ready], flow: {name: other, params: {count: 1}}}
      - {name: use, needs: [call], set: {rows: "$[[ tasks.call.outputs.rows ]]"}}
""")


@pytest.mark.parametrize("check", ["condition: Available", 'when: "object.spec.replicas > 2"'])
@pytest.mark.parametrize(
    ("args", "code", "states_", "words"),
    [
        ((), 0, ["Succeeded", "Succeeded", "Succeeded"], "3 tasks succeeded"),
        (("--outcome", "ready=Met"), 0, ["Succeeded", "Succeeded", "Succeeded"], "3 tasks succeeded"),
        (
            ("--outcome", "ready=TimedOut"),
            3,
            ["Failed", "Skipped", "Skipped"],
            'waited 600 s in vain; at last NotYet: deployments.apps "web" is assumed not to become as it should be',
        ),
        (("--outcome", "call=Failed"), 3, ["Succeeded", "Failed", "Skipped"], "its child run ended TaskFailed"),
    ],
)
def test_what_tasks_wait_for_and_call_is_assumed(
    check: str, args: tuple[str, ...], code: int, states_: list[str], words: str
):
    known = ("-o", "json", "--output", "call.rows=3")
    text = SENSOR.replace("CHECK", check)
    result = CliRunner().invoke(main, ["explain", "-", *known, *args], input=text)
    assert result.exit_code == code, result.output
    told = json.loads(result.stdout)
    assert list(states(told).values()) == states_
    assert words in told["outcome"]["message"]


def test_a_wait_without_a_time_out_that_is_never_met_is_told_as_such():
    text = SENSOR.replace("CHECK", "condition: Available").replace("timeoutSeconds: 600", "")
    result = CliRunner().invoke(main, ["explain", "-", "--outcome", "ready=TimedOut"], input=text)
    assert result.exit_code == 3
    assert 'The run would wait: ready waits: deployments.apps "web" is assumed not to become' in result.stdout
